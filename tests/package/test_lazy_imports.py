"""TensorFlow is imported only where it is needed, and saved metrics are found in any order."""

import subprocess
import sys

import pytest

WITHOUT_TENSORFLOW = (
    "dist_f1.version",
    "dist_f1.commands.main",
    "dist_f1.commands.launch",
    "dist_f1.commands.report",
    "dist_f1.commands.train",
    "dist_f1.intervals",
    "dist_f1.jobs.run_page",
    "dist_f1.pages",
    "dist_f1.sweeps",
)
# Ways to import the package and Keras. TensorFlow imports Keras, and Keras imports TensorFlow.
IMPORTS = (
    "import tensorflow, dist_f1",
    "import dist_f1, keras",
    "import keras, dist_f1",
    "from dist_f1 import kernels",
    "import dist_f1.compat.v1",
    "from dist_f1 import count_collectives",
)


def run(code):
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    return result.stdout.split()


def test_help_launcher_and_report_start_without_tensorflow():
    imports = "".join(f"import {module}\n" for module in WITHOUT_TENSORFLOW)
    assert run(f"{imports}import sys\nprint('tensorflow' in sys.modules)") == ["False"]


def test_help_of_the_launcher_comes_without_numpy():
    code = "import dist_f1.commands.launch, sys\nprint('numpy' in sys.modules)"
    assert run(code) == ["False"]


def test_counts_are_scored_and_reported_without_tensorflow(tmp_path):
    code = f"""
import sys
import numpy as np
from dist_f1 import Counts, confidence_interval, report, scores
counts = Counts(*map(np.array, ([1, 1], [2, 3], [3, 2], 5, 0)), (), np.array([[1, 2], [1, 1]]))
counts.save({str(tmp_path / "counts.npz")!r})
counts = Counts.load({str(tmp_path / "counts.npz")!r}) + counts
scores.f1(counts, "macro"), report(counts), confidence_interval(counts, "f1_macro")
print("tensorflow" in sys.modules)
"""
    assert run(code) == ["False"]


@pytest.mark.slow
@pytest.mark.parametrize("imports", IMPORTS)
def test_keras_finds_the_metrics_whatever_is_imported_first(imports):
    code = f"""
{imports}
import tensorflow as tf
config = {{"name": "f1", "average": "macro"}}
saved = {{"class_name": "dist_f1>F1Score", "config": config}}
print(type(tf.keras.utils.get_registered_object("dist_f1>F1Score")).__name__)
print(tf.keras.metrics.deserialize(saved).name)
"""
    assert run(code)[-1] == "f1"
