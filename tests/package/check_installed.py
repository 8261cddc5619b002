"""Use an installed dist_f1 as a user does: the command, a metric on two replicas, and a page.

`make dist` runs this file in environments that have only dist_f1 with the extra `plot`.
"""

import importlib.metadata
import pathlib
import platform
import subprocess
import sys
import tempfile

import keras
import numpy as np
import tensorflow as tf

import dist_f1
from dist_f1 import pages, plots
from dist_f1.pages.results import Evaluation, report_sections

CLASSES, ROWS, BATCH = 5, 1000, 96
COMMAND = pathlib.Path(sys.executable).with_name("dist-f1")


def command_output(option):
    """Return what the installed command prints."""
    command = [COMMAND, option]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def macro_f1(y_true, y_pred):
    """Return the macro F1, from its definition and without dist_f1."""
    scores = []
    for c in range(CLASSES):
        hits = sum(1 for t, p in zip(y_true, y_pred, strict=True) if t == p == c)
        scores.append(2 * hits / (list(y_true).count(c) + list(y_pred).count(c)))
    return sum(scores) / CLASSES


def evaluated_on_two_replicas(y_true, y_pred):
    """Return the F1 that `evaluate` logs, and the metric."""
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    assert strategy.num_replicas_in_sync == 2
    with strategy.scope():
        inputs = tf.keras.Input([CLASSES])
        model = tf.keras.Model(inputs, tf.keras.layers.Activation("linear")(inputs))
        metric = dist_f1.F1Score("macro")
        model.compile(loss="mse", metrics=[metric])
    one_hot = np.eye(CLASSES, dtype="float32")
    logs = model.evaluate(
        one_hot[y_pred], one_hot[y_true], batch_size=BATCH, verbose=0, return_dict=True
    )
    return logs["f1_score"], metric


def page_of(counts):
    """Return an HTML page with charts and a figure."""
    evaluation = Evaluation("Validation", counts.numpy())
    picture = pages.Picture("Figure", plots.confusion_matrix(counts), "a confusion matrix")
    return pages.html("Evaluation", [*report_sections(evaluation), picture])


def main():
    """Print the versions that were checked."""
    assert pathlib.Path(dist_f1.__file__).is_relative_to(sys.prefix), dist_f1.__file__
    version = importlib.metadata.version("dist-f1")
    assert dist_f1.__version__ == version
    assert command_output("--version") == f"dist-f1, version {version}\n"
    assert "Train a classifier" in command_output("--help")

    random = np.random.default_rng(0)
    y_true = random.integers(0, CLASSES, ROWS)
    y_pred = np.where(random.random(ROWS) < 0.6, y_true, random.integers(0, CLASSES, ROWS))
    logged, metric = evaluated_on_two_replicas(y_true, y_pred)
    expected = macro_f1(y_true, y_pred)
    np.testing.assert_allclose([logged, float(metric.result())], expected, rtol=1e-6)

    counts = dist_f1.Counts.from_labels(y_true, y_pred, CLASSES, confusion=True)
    np.testing.assert_array_equal(metric.counts().true_positive, counts.true_positive)
    with tempfile.TemporaryDirectory() as folder:
        counts.save(pathlib.Path(folder, "counts.npz"))
        loaded = dist_f1.Counts.load(pathlib.Path(folder, "counts.npz"))
    page = page_of(loaded)
    assert "Apache ECharts" in page
    assert "data:image/png;base64," in page

    print(
        f"dist_f1 {version} works with Python {platform.python_version()}, TensorFlow "
        f"{tf.__version__}, Keras {keras.__version__}, NumPy {np.__version__}: "
        f"F1 {expected:.6f} on 2 replicas, a page of {len(page) / 1e6:.1f} MB."
    )


if __name__ == "__main__":
    main()
