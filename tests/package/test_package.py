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
# Their examples train models, or trace steps for TPUs.
COSTLY = ("dist_f1.callbacks", "dist_f1.testing")
MODULES = [
    module.name
    for module in pkgutil.walk_packages(dist_f1.__path__, "dist_f1.")
    if not module.name.startswith(WITH_FLAGS)
]


@pytest.mark.parametrize(
    "name", ["dist_f1", *(slow(n) if n.startswith(COSTLY) else n for n in MODULES)]
)
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


OPTIONAL = ("jinja2", "matplotlib", "mlflow", "pandas", "scipy", "sklearn", "tqdm", "wandb")
IMPORT = """
import sys
import dist_f1
print(*{name.partition(".")[0] for name in sys.modules})
"""


def test_the_import_imports_no_other_package():
    command = [sys.executable, "-c", IMPORT]
    imported = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert "wrapt" in imported
    heavy = {"absl", "click", "keras", "ml_collections", "numpy", "tensorflow", "tf_keras"}
    heavy.update(OPTIONAL)
    assert not heavy & set(imported)


@pytest.mark.slow
def test_metrics_need_no_optional_package():
    code = f"import sys\nfor name in {OPTIONAL}: sys.modules[name] = None\nimport dist_f1.metrics"
    subprocess.run([sys.executable, "-c", code], check=True)
