"""What a metric adds to a step of Keras's own `fit` and `evaluate`.

The model returns its inputs, so that a step without a metric costs next to nothing. The number of
rows is unknown while tracing, as after `Dataset.batch(n)`.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import tensorflow as tf

import dist_f1
from benchmarks.expected_values import MEAN_OF_ALL, expected_values
from benchmarks.records import Record
from benchmarks.samples import Samples
from benchmarks.timing import CONTROL, Timed, interleaved, to_records
from benchmarks.updates import subjects
from benchmarks.updates.batches import THRESHOLD, Batch

BASELINE, OURS, KERAS, SWEEP = "none", "F1Score", "keras F1Score", "ThresholdSweep (200)"
LOOPS = ("evaluate", "fit")
_STEPS = 10  # of one call
_TOLERANCE = 1e-6


class Inputs(tf.keras.layers.Layer):
    """Returns its inputs, and has one weight to train."""

    def build(self, input_shape: Any) -> None:
        """Create the weight."""
        self.scale = self.add_weight(shape=(), initializer="ones")

    def call(self, inputs: Any) -> Any:
        """Return the inputs. The loss is that of the weight."""
        self.add_loss(self.scale * self.scale)
        return inputs


def measure(batch: Batch, loop: str, timing: Mapping[str, Any]) -> Iterator[Record]:
    """Yield a record for each variant; times are those of one step.

    Args:
        batch: The data of every step.
        loop: `"fit"` or `"evaluate"`.
        timing: Arguments of `timing.interleaved`.
    """
    metrics = _metrics(batch)
    calls = {name: _call(batch, loop, metric) for name, metric in metrics.items()}
    floor = subjects.floor(batch)
    timed = interleaved({**calls, CONTROL: calls[BASELINE], subjects.FLOOR: floor.update}, **timing)
    floor_ms = timed.pop(subjects.FLOOR).samples.p50
    per_step = {
        name: Timed(Samples(tuple(ms / _STEPS for ms in x.samples.values)), x.first_ms)
        for name, x in timed.items()
    }
    records = to_records(
        "per_step",
        {"loop": loop, **batch.case()},
        per_step,
        BASELINE,
        wrong={name: _mismatches(batch, name, calls[name]) for name in metrics},
    )
    for record in records:
        record.values["floor_ms"] = floor_ms
        if record.difference is not None:
            record.values["added_floors"] = record.difference.median / floor_ms
        yield record


def _metrics(batch: Batch) -> dict[str, Callable[[], Any] | None]:
    """Return constructors of the metrics that accept the targets, by name."""
    threshold = None if batch.is_argmax else THRESHOLD
    options: dict[str, Any] = {"average": "macro", "threshold": threshold}
    metrics: dict[str, Callable[[], Any] | None] = {
        BASELINE: None,
        OURS: functools.partial(dist_f1.F1Score, **options),
    }
    if not batch.is_argmax:
        metrics[SWEEP] = dist_f1.ThresholdSweep
    if not batch.has_ids and batch.scores.ndim == 2:
        metrics[KERAS] = functools.partial(tf.keras.metrics.F1Score, **options)
    return metrics


def _call(batch: Batch, loop: str, metric: Callable[[], Any] | None) -> Callable[[], Any]:
    inputs = tf.keras.Input(batch.scores.shape[1:])
    model = tf.keras.Model(inputs, Inputs()(inputs))
    metrics = [] if metric is None else [metric()]
    model.compile(optimizer=tf.keras.optimizers.SGD(0.0), metrics=metrics)
    targets, scores = batch.arguments[:2]

    def forget_rows(x: tf.Tensor) -> tf.Tensor:
        return tf.raw_ops.PlaceholderWithDefault(input=x, shape=[None, *x.shape[1:]])

    def both(x: tf.Tensor, y: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return forget_rows(x), forget_rows(y)

    data = tf.data.Dataset.from_tensors((scores, targets)).repeat(_STEPS).map(both)

    def call() -> Mapping[str, Any]:
        if loop == "evaluate":
            return model.evaluate(data, verbose=0, return_dict=True)
        history = model.fit(data, verbose=0, epochs=1).history
        return {name: values[-1] for name, values in history.items()}

    return call


def _mismatches(batch: Batch, name: str, call: Callable[[], Mapping[str, Any]]) -> int | None:
    """Compare F1 with scikit-learn's; the same rows in every step do not change it."""
    logs = call()
    if "f1_score" not in logs:
        return None
    of_all = MEAN_OF_ALL if name == KERAS else "f1_macro"
    (expected,) = expected_values([of_all], *batch.labels, batch.classes).values()
    return int(not math.isclose(logs["f1_score"], expected, abs_tol=_TOLERANCE))
