"""The documentation site: `make docs` builds it, with warnings as errors."""

import os
import re

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import dist_f1

project = "dist_f1"
author = "the dist_f1 developers"
version = release = dist_f1.__version__
html_title = f"dist_f1 {version}"

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_click",
    "sphinx_copybutton",
]
exclude_patterns = ["_build"]

myst_heading_anchors = 4

autodoc_default_options = {"members": True}
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 88
napoleon_google_docstring = True
napoleon_numpy_docstring = False
napoleon_use_rtype = False
napoleon_custom_sections = [("Fields", "params_style")]
# A name in backticks is code.
default_role = "code"

html_theme = "furo"
copybutton_exclude = ".linenos, .gp, .go"


def mark_code(app, what, name, obj, options, lines):
    """Mark the indented blocks of a module's docstring as code."""
    if what != "module":
        return
    marked = []
    for i, line in enumerate(lines):
        starts = line.startswith("    ") and i > 0 and not lines[i - 1].strip()
        before = next((text for text in reversed(marked) if text.strip()), "")
        if starts and not before.startswith(" "):
            marked += [".. code-block:: python", ""]
        marked.append(line)
    lines[:] = marked


def drop_operands(app, context, lines):
    """Leave out the list of operands, which the usage of a command shows."""
    lines.clear()


def mark_options(app, context, lines):
    """Mark options in the text of a command as code, which also keeps their two dashes."""
    option = re.compile(r"(?<![`\w-])--([\w.]+(=\w+)?|(?= ))")
    lines[:] = [x if x.startswith("..") else option.sub(r"``\g<0>``", x) for x in lines]


def setup(app):
    """Connect the hooks to Sphinx."""
    app.connect("autodoc-process-docstring", mark_code)
    app.connect("sphinx-click-process-arguments", drop_operands)
    app.connect("sphinx-click-process-description", mark_options)
    app.connect("sphinx-click-process-options", mark_options)
