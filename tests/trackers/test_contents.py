"""The values that trackers write, and how optional packages are imported."""

import subprocess
import sys

import numpy as np
import pytest

import dist_f1
from dist_f1.callbacks import MLflowScores, WandbScores
from dist_f1.callbacks.results import NamedSweep
from dist_f1.callbacks.trackers import contents
from dist_f1.callbacks.trackers.packages import require


def test_arrays_are_numbers_of_classes_and_matrices_are_left_out():
    logs = {"f1": np.array([0.5, 1.0]), "matrix": np.eye(2), "loss": np.float32(0.25)}
    assert contents.scalars(logs) == {"f1/0": 0.5, "f1/1": 1.0, "loss": 0.25}
    for names in (["a", "b", "c"], ["a", "a"]):
        assert contents.scalars(logs, {"f1": names}) == contents.scalars(logs)
    binary = {"f1": np.array([0.5])}
    assert contents.scalars(binary) == {"f1/1": 0.5}
    assert contents.scalars(binary, {"f1": ["no", "yes"]}) == {"f1/yes": 0.5}


def test_of_many_classes_those_with_the_most_rows_have_curves():
    random = np.random.default_rng(0)
    ids = np.concatenate([np.arange(30), np.arange(10, 30)])
    sweep = dist_f1.Sweep.from_scores(ids, random.random((50, 30)), 5)
    names = [curve.name for curve in contents.curves(NamedSweep(sweep, None))]
    assert names == [str(k) for k in range(10, 30)]


def test_a_binary_curve_has_the_name_of_the_positive_class():
    sweep = dist_f1.Sweep.from_scores([0, 1, 1], [0.2, 0.4, 0.9], [0.1, 0.3])
    (curve,) = contents.curves(NamedSweep(sweep, ["no", "yes"]))
    assert curve.name == "yes"
    assert curve.true_negative.tolist() == [0, 0, 1]
    assert not contents.are_evenly_spaced(curve.thresholds)


@pytest.mark.parametrize(
    ("callback", "package"), [(WandbScores, "wandb"), (MLflowScores, "mlflow")]
)
def test_a_missing_package_raises_immediately_and_names_the_command(
    callback, package, monkeypatch, tmp_path
):
    monkeypatch.setitem(sys.modules, package, None)
    text = f"{callback.__name__} needs {package}, which is not installed; pip install {package}"
    with pytest.raises(ImportError, match=text):
        callback(figures=False)
    # A directory of this name is not the package.
    (tmp_path / package).mkdir()
    monkeypatch.delitem(sys.modules, package)
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    with pytest.raises(ImportError, match=text):
        callback(figures=False)
    sys.modules.pop(package, None)


def test_packages_are_imported_only_by_the_callbacks_that_need_them():
    code = """
import sys
from dist_f1.callbacks import TensorBoardScores, WandbScores
TensorBoardScores("logs")
print({"mlflow", "wandb"} & set(sys.modules))
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.stdout == "set()\n", result.stderr


def test_an_installed_package_whose_import_fails_raises_its_own_error(monkeypatch, tmp_path):
    (tmp_path / "half_tracker.py").write_text("import unknown_dependency")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ModuleNotFoundError, match="unknown_dependency"):
        require("half_tracker", "HalfScores", "pip install half-tracker")
