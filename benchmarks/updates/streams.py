"""A stream of batches, each of another size, with all tracing and compilation.

Without compilation, the same metric counts the same batches in turn.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf
from sklearn.metrics import f1_score

import dist_f1
from benchmarks.records import Record
from benchmarks.updates.batches import THRESHOLD, Batch
from benchmarks.updates.subjects import OURS

PLAIN = f"{OURS}, not compiled"
_TOLERANCE = 1e-6


def measure(batch: Batch, number: int, device: str) -> Iterator[Record]:
    """Yield a record for each variant: the seconds of a whole stream.

    Args:
        batch: The largest batch; each further one has a row less.
        number: Number of batches.
        device: Label of the device.
    """
    sizes = [batch.samples - i for i in range(number)]
    metrics = {name: _metric(batch) for name in (OURS, PLAIN)}
    seconds = dict.fromkeys(metrics, 0.0)
    updates = {}
    for name, metric in metrics.items():
        start = time.perf_counter()
        updates[name] = _update(batch, metric, compiled=name == OURS)
        seconds[name] += time.perf_counter() - start
    targets, scores = batch.arguments[:2]
    for i, size in enumerate(sizes):
        arguments = targets[:size], scores[:size]
        for name in list(metrics)[:: 1 if i % 2 else -1]:
            start = time.perf_counter()
            updates[name](*arguments)
            seconds[name] += time.perf_counter() - start
    case = {"stream": f"{number:,} sizes", **batch.case(), "device": device}
    for name, metric in metrics.items():
        wrong = int(abs(float(metric.result()) - _expected(batch, sizes)) > _TOLERANCE)
        yield Record("update", case, name, values={"seconds": seconds[name]}, wrong=wrong)


def _metric(batch: Batch) -> Any:
    threshold = None if batch.is_argmax else THRESHOLD
    return dist_f1.F1Score("micro", num_classes=batch.classes, threshold=threshold)


def _update(batch: Batch, metric: Any, compiled: bool) -> Any:
    specs = [tf.TensorSpec([None, *x.shape[1:]], x.dtype) for x in batch.arguments[:2]]
    function = tf.function(lambda *x: (metric.update_state(*x), None)[1], input_signature=specs)
    with dist_f1.kernels.override(**({} if compiled else {"compiled": False})):
        return function.get_concrete_function()


def _expected(batch: Batch, sizes: list[int]) -> float:
    """Return scikit-learn's F1 of all batches, where row r weighs as the batches with r rows do."""
    weights = [sum(size > row for size in sizes) for row in range(min(sizes), batch.samples)]
    weights = np.concatenate([np.full(min(sizes), len(sizes)), weights])
    y_true, y_pred = batch.y_true, batch.y_pred
    if not batch.is_argmax:
        y_true, y_pred = y_true.astype(np.int8), y_pred.astype(np.int8)
    return float(f1_score(y_true, y_pred, average="micro", sample_weight=weights))
