"""What an update costs: twelve scores against one, and a sweep against a single threshold.

    python benchmarks/update_cost.py [--steps=30]

Updates are timed in turn within one process, so that noise hits all alike; what is printed are
medians and their ratios. It runs on the first GPU if there is one, otherwise on the CPU.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

import numpy as np
import tensorflow as tf
from absl import app, flags

import dist_f1

_STEPS = flags.DEFINE_integer("steps", 30, "Timed updates of each metric.", lower_bound=1)
_SIZES = ((65_536, 10), (65_536, 100), (16_384, 1_000))
_TWELVE = (
    "f1_macro",
    "f1_micro",
    "f1_weighted",
    "f2_macro",
    "precision_macro",
    "recall_macro",
    "specificity_macro",
    "jaccard_macro",
    "accuracy",
    "balanced_accuracy",
    "matthews_corrcoef",
    "cohen_kappa",
)


def main(argv: Sequence[str]) -> None:
    """Prints a line for each pair and size."""
    device = "GPU:0" if tf.config.list_physical_devices("GPU") else "CPU:0"
    print(f"TensorFlow {tf.__version__}, {device}, {_STEPS.value} updates each, milliseconds")
    random = np.random.default_rng(0)
    for rows, classes in _SIZES:
        with tf.device(device):
            ids = tf.constant(random.integers(0, classes, rows))
            several = tf.constant(random.random((rows, classes)) < 0.1)
            scores = tf.constant(random.random((rows, classes), np.float32))
            pairs = [
                ("F1Score", "Scores (twelve)", ids, _f1, lambda: dist_f1.Scores(_TWELVE)),
                ("threshold 0.5, ids", "sweep of 200", ids, _single, dist_f1.ThresholdSweep),
                ("threshold 0.5, 0/1", "sweep of 200", several, _single, dist_f1.ThresholdSweep),
            ]
            for first, second, y_true, *makers in pairs:
                one, other = _paired([_update(make(), y_true, scores) for make in makers])
                print(
                    f"[{rows}, {classes}]  {first} {one:.2f}  {second} {other:.2f}  "
                    f"ratio {other / one:.2f}"
                )


def _f1() -> dist_f1.F1Score:
    return dist_f1.F1Score("macro")


def _single() -> dist_f1.F1Score:
    return dist_f1.F1Score("macro", threshold=0.5)


def _update(
    metric: tf.keras.metrics.Metric, y_true: tf.Tensor, scores: tf.Tensor
) -> Callable[[], tf.Tensor]:
    @tf.function
    def update() -> tf.Tensor:
        metric.update_state(y_true, scores)
        return metric.accumulator.read_locally().total

    return update


def _paired(updates: Sequence[Callable[[], tf.Tensor]]) -> list[float]:
    """The median milliseconds of each, timed in turn."""
    seconds: list[list[float]] = [[] for _ in updates]
    for step in range(_STEPS.value + 3):
        for update, taken in zip(updates, seconds, strict=True):
            started = time.perf_counter()
            np.asarray(update())
            if step >= 3:
                taken.append(time.perf_counter() - started)
    return [1e3 * float(np.median(taken)) for taken in seconds]


if __name__ == "__main__":
    app.run(main)
