"""What importing the package costs, and that the examples in its docstrings run."""

import doctest
import importlib
import pkgutil
import subprocess
import sys

import pytest

import dist_f1

MODULES = [
    module.name
    for module in pkgutil.walk_packages(dist_f1.__path__, "dist_f1.")
    # Commands define flags of the same names.
    if not module.name.startswith(("dist_f1.jobs", "dist_f1.commands."))
]


@pytest.mark.parametrize("name", ["dist_f1", *MODULES])
def test_examples_in_docstrings_run(name):
    importlib.import_module(name)
    # Not the attribute: `dist_f1.report` is a function in the package and a module beside it.
    assert doctest.testmod(sys.modules[name]).failed == 0


def test_every_public_class_and_function_has_an_example():
    finder = doctest.DocTestFinder(recurse=False)
    public = [getattr(dist_f1, name) for name in dist_f1.__all__ if name[0] != "_"]
    for thing in public:
        if callable(thing):
            assert any(test.examples for test in finder.find(thing)), thing


IMPORT = """
import os, sys, time
import tensorflow
before = set(sys.modules)
for _ in range(10):
    # TensorFlow is imported once, and the package anew in each fork.
    if os.fork() == 0:
        start = time.perf_counter()
        import dist_f1
        print(time.perf_counter() - start, *sorted(set(sys.modules) - before), flush=True)
        os._exit(0)
    assert os.wait()[1] == 0
"""


def test_the_import_is_light():
    command = [sys.executable, "-c", IMPORT]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    runs = [line.split() for line in result.stdout.splitlines()]
    assert len(runs) == 10
    assert min(float(seconds) for seconds, *_ in runs) < 0.1
    added = {name.split(".")[0] for name in runs[0][1:]}
    assert "dist_f1" in added
    assert not added & {"matplotlib", "sklearn", "scipy", "pandas", "tqdm", "ml_collections"}


def test_matplotlib_and_sklearn_are_not_needed():
    block = "import sys\nfor name in ('sklearn', 'matplotlib'): sys.modules[name] = None\n"
    subprocess.run([sys.executable, "-c", f"{block}import dist_f1"], check=True)
