"""A stream of batches, each of another size, with all tracing and compilation.

Without compilation, the same metric counts the same batches in turn.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from sklearn.metrics import f1_score

import dist_f1
from benchmarks.records import Record
from benchmarks.updates.batches import THRESHOLD, Batch
from benchmarks.updates.subjects import OURS, metric_update

PLAIN = f"{OURS}, not compiled"
_TOLERANCE = 1e-6


def measure(
    batch: Batch, number: int, device: str, progress: Callable[[], None] = lambda: None
) -> Iterator[Record]:
    """Yield a record for each variant: the seconds of a whole stream.

    Args:
        batch: The largest batch; each further one has a row less.
        number: Number of batches.
        device: Label of the device.
        progress: Function to call after each batch.
    """
    metrics = {name: _metric(batch) for name in (OURS, PLAIN)}
    seconds = dict.fromkeys(metrics, 0.0)
    updates = {}
    for name, metric in metrics.items():
        start = time.perf_counter()
        updates[name] = _trace_update(batch, metric, compiled=name == OURS)
        seconds[name] += time.perf_counter() - start
    targets, scores = batch.arguments[:2]
    for i in range(number):
        size = batch.samples - i
        arguments = targets[:size], scores[:size]
        for name in list(metrics)[:: 1 if i % 2 else -1]:
            start = time.perf_counter()
            updates[name](*arguments)
            seconds[name] += time.perf_counter() - start
        progress()
    case = {"stream": f"{number:,} sizes", **batch.case(), "device": device}
    expected = _expected(batch, number)
    for name, metric in metrics.items():
        wrong = int(abs(float(metric.result()) - expected) > _TOLERANCE)
        yield Record("update", case, name, values={"seconds": seconds[name]}, wrong=wrong)


def _metric(batch: Batch) -> Any:
    threshold = None if batch.is_argmax else THRESHOLD
    return dist_f1.F1Score("micro", num_classes=batch.classes, threshold=threshold)


def _trace_update(batch: Batch, metric: Any, compiled: bool) -> Callable[..., Any]:
    update = metric_update("", metric, batch.arguments[:2], open_size=True)
    assert update.graph is not None
    function, specs = update.graph
    with dist_f1.kernels.override(**({} if compiled else {"compiled": False})):
        return function.get_concrete_function(*specs)


def _expected(batch: Batch, number: int) -> float:
    """Return scikit-learn's F1 of all batches, where a row weighs as many batches as have it."""
    weights = np.minimum(number, batch.samples - np.arange(batch.samples))
    return float(f1_score(*batch.labels, average="micro", sample_weight=weights))
