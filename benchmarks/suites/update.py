"""The cost of one update of a metric, next to one pass over the data and to other libraries.

All variants of a size take turns in one process. Those in TensorFlow are a `tf.function` that gets
the tensors as arguments. Other frameworks update as they do. The number of rows is known while
tracing, or open, as in Keras's `fit`.
"""

from __future__ import annotations

import dataclasses
import gc
import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import ml_collections
import numpy as np
import tensorflow as tf

from benchmarks.context import Context
from benchmarks.expected_values import SWEPT, count_mismatches, expected_sweep, expected_values
from benchmarks.records import Record
from benchmarks.samples import Samples, difference
from benchmarks.timing import CONTROL, Timed, interleaved, milliseconds, to_records
from benchmarks.updates import peers, streams, subjects
from benchmarks.updates.batches import Batch, make_batch
from benchmarks.updates.subjects import FLOOR, OURS, Subject
from dist_f1.inspection import count_operations

# Options of the batches, by the key under which the config lists their sizes.
_KINDS: dict[str, dict[str, Any]] = {
    "sizes": {"task": "argmax"},
    "one_hot": {"task": "one-hot"},
    "bfloat16": {"task": "argmax", "dtype": "bfloat16"},
    "weighted": {"task": "argmax", "weighted": True},
    "thresholds": {"task": "ids"},
    "multilabel": {"task": "indicators"},
}
# Number of calls that decide whether a peer is fast enough.
_TRIES = 2


def run(config: ml_collections.ConfigDict, context: Context) -> Iterator[Record]:
    """Yield a record for each variant of each size."""
    for kind, options in _KINDS.items():
        cases = itertools.product(config.get(kind, ()), config.get("row_numbers", ("known",)))
        for shape, size in cases:
            batch = make_batch(
                shape=shape,
                device=context.devices[0],
                seed=context.seed,
                open_size=size == "open",
                **options,
            )
            variants = [subjects.floor(batch), *subjects.ours(batch)]
            offers = peers.offers(batch) if config.get("peers", True) else {}
            tried = [_try_peer(name, x, batch, config) for name, x in offers.items()]
            variants += [peer for peer in tried if isinstance(peer, Subject)]
            yield from measure(batch, variants, config, context)
            case = {**batch.case(), "device": context.device_label}
            yield from (dataclasses.replace(x, case=case) for x in tried if isinstance(x, Record))
            # Graphs are reference cycles, which hold gigabytes of scores.
            del batch, variants, tried
            gc.collect()
    for task, *shape in config.get("streams", ()):
        batch = make_batch(
            task, shape, device=context.devices[0], seed=context.seed, open_size=True
        )
        number = config.stream_batches
        context.progress.task(f"stream {task} {shape}", number)
        yield from streams.measure(batch, number, context.device_label, context.progress.step)


def measure(
    batch: Batch, variants: Sequence[Subject], config: ml_collections.ConfigDict, context: Context
) -> Iterator[Record]:
    """Time variants in turn, and compare what they count with scikit-learn.

    The first variant is the baseline.
    """
    task = f"update {batch.task} {batch.samples:,} x {batch.classes:,}"
    context.progress.task(task, config.steps)
    updates = {subject.name: subject.update for subject in variants}
    timed = interleaved({**updates, CONTROL: variants[0].update}, **context.timing(config))
    yield from to_records(
        "update",
        {**batch.case(), "device": context.device_label},
        timed,
        FLOOR,
        counted={subject.name: _counted(subject) for subject in variants},
        values={subject.name: _values(subject, batch, timed) for subject in variants},
        wrong={subject.name: subject_mismatches(subject, batch) for subject in variants},
    )


def subject_mismatches(subject: Subject, batch: Batch) -> int | None:
    """Count the values of one update that differ from scikit-learn's and NumPy's."""
    subject.reset()
    subject.update()
    values = subject.values()
    if not values:
        return None
    (y_true, y_pred), weights = batch.labels, batch.weights
    weights = weights if subject.weights is None else subject.weights
    if subject.rows is not None:
        y_true, y_pred = y_true[subject.rows], y_pred[subject.rows]
    if weights is not None:
        weights = weights.reshape(-1).astype(np.float64)
    names = [name for name in values if name not in SWEPT]
    expected = expected_values(names, y_true, y_pred, batch.classes, weights)
    if subject.thresholds:
        scores = batch.scores.reshape(-1, batch.classes)
        expected |= expected_sweep(scores, batch.y_true, subject.thresholds)
    return count_mismatches(values, expected)


def _counted(subject: Subject) -> dict[str, int]:
    counted = {}
    if subject.graph is not None:
        function, arguments = subject.graph
        counted["operations"] = count_operations(function, *arguments).total()
    if subject.state_bytes is not None:
        counted["state_bytes"] = subject.state_bytes()
    return counted


def _values(subject: Subject, batch: Batch, timed: Mapping[str, Timed]) -> dict[str, Any]:
    times = timed[subject.name]
    seconds = times.samples.p50 / 1e3
    values: dict[str, Any] = {
        "first_ms": times.first_ms if subject.first_ms is None else subject.first_ms,
        "rows_per_s": batch.samples / seconds,
        "gb_per_s": batch.scores.size * tf.dtypes.as_dtype(batch.dtype).size / 1e9 / seconds,
    }
    if subject.name not in (FLOOR, OURS) and OURS in timed:
        over_ours = difference(timed[OURS].samples, times.samples)
        values["over_ours"] = dataclasses.asdict(over_ours)
    return values


def _try_peer(
    name: str, offer: peers.Offer, batch: Batch, config: Mapping[str, Any]
) -> Subject | Record:
    """Create a peer; return a record with the reason if it is unavailable or too slow."""
    seconds = config.get("peer_limit_seconds", 1.0)
    ms: list[float] = []
    wrong = None
    try:
        peer = offer(batch, config.get("peer_limit_mb", 2048.0))
        for _ in range(_TRIES):
            ms.append(milliseconds(peer.update))
        if ms[-1] <= 1e3 * seconds:
            return dataclasses.replace(peer, first_ms=ms[0])
        reason = f"one call takes {ms[-1] / 1e3:.1f} s, the limit is {seconds:g}"
        wrong = subject_mismatches(peer, batch)
    except peers.PeerUnavailableError as error:
        reason = str(error)
    except Exception as error:  # A failure of another library must not end the run.
        reason = f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"
    samples = Samples(tuple(ms)) if ms else None
    return Record("update", {}, name, samples, values={"skipped": reason}, wrong=wrong)
