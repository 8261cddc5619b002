"""The cost of a global read, in a step and outside, and of an all-reduce of as many bytes."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import ml_collections
import numpy as np
import tensorflow as tf

import dist_f1
from benchmarks import known_counts
from benchmarks.context import Context, distribute_values
from benchmarks.expected_values import (
    COUNTS,
    MEAN_OF_ALL,
    Values,
    count_mismatches,
    expected_values,
)
from benchmarks.per_step.meters import EIGHT
from benchmarks.records import Record
from benchmarks.timing import CONTROL, interleaved, to_records
from dist_f1.counts.layout import Layout
from dist_f1.inspection import count_bytes, count_collectives

KERAS = "keras F1Score"
ALL_REDUCE, NO_REDUCTION = "all_reduce", "the step without it"
OUTSIDE, IN_STEP = "after a step", "in a step"


def run(config: ml_collections.ConfigDict, context: Context) -> Iterator[Record]:
    """Yield records of reads, then of all-reduces without a metric.

    `config` has `replicas`, `classes` and `scores` (lists; `scores` are numbers of scores that are
    derived from one read), `steps` and `budget_seconds` (of each case; 0: no limit).
    """
    timing = context.timing(config)
    for strategy in context.strategies(config.replicas):
        replicas = strategy.num_replicas_in_sync
        for classes in config.classes:
            context.progress.task(f"read, {replicas} replicas, {classes} classes", 2 * config.steps)
            yield from measure_reads(strategy, classes, config.scores, timing)
        for size in sorted({Layout(classes).size for classes in config.classes}):
            if replicas > 1:
                context.progress.task(f"all_reduce, {replicas} x {8 * size} B", config.steps)
                yield from measure_all_reduces(strategy, size, timing)


class Reader(NamedTuple):
    """A metric with known counts."""

    result: Callable[[], Any]
    values: Callable[[Any], Values]  # of a result, to compare with the expected values


def measure_reads(
    strategy: tf.distribute.Strategy,
    classes: int,
    scores: Sequence[int],
    timing: Mapping[str, Any],
) -> Iterator[Record]:
    """Time metrics that have counted the same samples, which differ between replicas."""
    labels = known_counts.draw_labels(strategy, classes)
    y_true, y_pred = np.concatenate(labels, axis=1)
    expected = expected_values([*COUNTS, MEAN_OF_ALL, *EIGHT], y_true, y_pred, classes)
    with strategy.scope():
        keras = known_counts.keras_metric(strategy, labels, classes)
        readers = {KERAS: Reader(keras.result, lambda result: {MEAN_OF_ALL: result})}
        for number in scores:
            name = "F1Score" if number == 1 else f"Scores, {len(EIGHT[:number])} scores"
            readers[name] = _reader(strategy, labels, classes, EIGHT[:number])
    for where, make_call in [(OUTSIDE, _read_outside), (IN_STEP, _read_in_step)]:
        calls = {name: make_call(strategy, reader) for name, reader in readers.items()}
        timed = interleaved({**calls, CONTROL: calls[KERAS]}, **timing)
        wrong = {
            name: sum(
                count_mismatches(readers[name].values(result), expected)
                for result in _local_results(call())
            )
            for name, call in calls.items()
        }
        yield from to_records(
            "read",
            {"replicas": strategy.num_replicas_in_sync, "classes": classes, "where": where},
            timed,
            KERAS,
            counted={name: _count(call) for name, call in calls.items()},
            # Mismatches of other libraries are not failures of this run.
            values={KERAS: {"peer_wrong": wrong.pop(KERAS)}},
            wrong=wrong,
        )


def measure_all_reduces(
    strategy: tf.distribute.Strategy, size: int, timing: Mapping[str, Any]
) -> Iterator[Record]:
    """Time an all-reduce of int64 vectors in a step, and the same step without it."""
    replicas = strategy.num_replicas_in_sync
    vectors = distribute_values(strategy, lambda replica, _: np.arange(size) * (replica + 1))

    def last(vector: tf.Tensor) -> tf.Tensor:
        # The whole vector would have to be copied to the host.
        return vector[-1]

    def summed(vector: tf.Tensor) -> tf.Tensor:
        context = tf.distribute.get_replica_context()
        return last(context.all_reduce(tf.distribute.ReduceOp.SUM, vector))

    steps = {
        name: functools.partial(tf.function(strategy.run, autograph=False), call, (vectors,))
        for name, call in [(NO_REDUCTION, last), (ALL_REDUCE, summed)]
    }
    total = (size - 1) * replicas * (replicas + 1) // 2
    timed = interleaved({**steps, CONTROL: steps[NO_REDUCTION]}, **timing)
    wrong = sum(int(value) != total for value in _local_results(steps[ALL_REDUCE]()))
    case = {"replicas": replicas, "bytes": 8 * size}
    yield from to_records("read", case, timed, NO_REDUCTION, wrong={ALL_REDUCE: wrong})


def _reader(
    strategy: tf.distribute.Strategy,
    labels: Sequence[known_counts.Labels],
    classes: int,
    names: Sequence[str],
) -> Reader:
    """Create `F1Score` for a single name, else `Scores`."""
    is_single = len(names) == 1
    metric: Any = (
        dist_f1.F1Score("macro", num_classes=classes, sync="step")
        if is_single
        else dist_f1.Scores(names, num_classes=classes, sync="step")
    )
    strategy.run(metric.update_state, known_counts.distribute_labels(strategy, labels))

    def values(result: Any) -> Values:
        counts = metric.counts().numpy()
        scores = {names[0]: result} if is_single else result
        return {name: getattr(counts, name) for name in COUNTS} | scores

    return Reader(metric.result, values)


def _read_outside(strategy: tf.distribute.Strategy, reader: Reader) -> Callable[[], Any]:
    def read() -> Any:
        with strategy.scope():
            return reader.result()

    return read


def _read_in_step(strategy: tf.distribute.Strategy, reader: Reader) -> Callable[[], Any]:
    # tf-keras returns the same object on all replicas, which `run` would take for a single value.
    def replica() -> Any:
        return tf.nest.map_structure(tf.identity, reader.result())

    return tf.function(lambda: strategy.run(replica), autograph=False)


def _count(call: Callable[[], Any]) -> dict[str, int]:
    traced = tf.function(call, autograph=False).get_concrete_function()
    return {"collectives": count_collectives(traced), "bytes": count_bytes(traced)}


def _local_results(result: Any) -> list[Any]:
    """Return the result of each replica, or the only result."""
    leaves = [getattr(leaf, "values", (leaf,)) for leaf in tf.nest.flatten(result)]
    return [tf.nest.pack_sequence_as(result, values) for values in zip(*leaves, strict=True)]
