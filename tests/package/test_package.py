"""Importing the package imports little, and the examples in its docstrings run."""

import doctest
import importlib
import pkgutil
import subprocess
import sys

import pytest
from tiers import slow

import dist_f1

# These define absl flags, or import modules that do.
WITH_FLAGS = ("dist_f1.commands", "dist_f1.jobs", "dist_f1.launching")
MODULES = [
    module.name
    for module in pkgutil.walk_packages(dist_f1.__path__, "dist_f1.")
    if not module.name.startswith(WITH_FLAGS)
]


@pytest.mark.parametrize("name", ["dist_f1", *MODULES])
def test_examples_in_docstrings_run(name):
    importlib.import_module(name)
    # The package attribute may be a function with the same name as the module.
    assert doctest.testmod(sys.modules[name]).failed == 0


def test_every_public_class_and_function_has_an_example():
    finder = doctest.DocTestFinder(recurse=False)
    public = [getattr(dist_f1, name) for name in dist_f1.__all__ if name[0] != "_"]
    for thing in public:
        if callable(thing):
            assert any(test.examples for test in finder.find(thing)), thing


def imported_by(code):
    """Run code in a new Python; return the top-level packages that it has imported."""
    code = f"{code}\nimport sys\nprint(*sorted({{name.split('.')[0] for name in sys.modules}}))"
    command = [sys.executable, "-c", code]
    return set(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())


OPTIONAL = {"jinja2", "matplotlib", "pandas", "scipy", "sklearn", "tqdm"}


def test_the_import_imports_no_tensorflow():
    imported = imported_by("import dist_f1")
    assert {"dist_f1", "numpy"} <= imported
    assert not imported & {"absl", "keras", "ml_collections", "tensorflow", "tf_keras", *OPTIONAL}


@pytest.mark.parametrize("order", ["dist_f1, tensorflow", slow("tensorflow, dist_f1")])
def test_the_import_registers_metrics_with_keras_and_needs_no_optional_package(order):
    block = "".join(f"sys.modules[{name!r}] = None\n" for name in sorted(OPTIONAL))
    lookup = "tensorflow.keras.utils.get_registered_object('dist_f1>F1Score')"
    code = f"import sys\n{block}import {order}\nassert {lookup}.__name__ == 'F1Score'"
    assert "tensorflow" in imported_by(code)
