"""What a global read costs, in a step and after it; and an all-reduce of as many bytes."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import ml_collections
import numpy as np
import tensorflow as tf
from sklearn import metrics

import dist_f1
from benchmarks import filled
from benchmarks.per_step.batches import on_replicas
from benchmarks.per_step.meters import EIGHT
from benchmarks.per_step.strategies import mirrored
from benchmarks.records import Row
from benchmarks.suites import Context
from benchmarks.timing import CONTROL, compared, interleaved
from dist_f1.inspection.graphs import count_bytes, count_collectives

KERAS = "keras F1Score"
ALL_REDUCE, NO_REDUCTION = "all_reduce", "the step without it"
OUTSIDE, IN_STEP = "after a step", "in a step"
# scikit-learn makes a matrix of class by class for some scores.
_MOST_SQUARED = 4096


def run(config: ml_collections.ConfigDict, context: Context) -> Iterator[Row]:
    """Rows of reads by replicas, classes and place, then of bare all-reduces by replicas and bytes.

    Args:
        config: `replicas`, `classes` and `scores` (lists: how many are derived from one read),
            `steps` and `budget_seconds` (of each case; 0: as long as it takes).
        context: of the run; numbers of replicas beyond its devices are left out.
    """
    timing = context.timing(config)
    for replicas in config.replicas:
        if replicas > len(context.devices):
            continue
        strategy = mirrored(context.devices, replicas)
        for classes in config.classes:
            context.progress.task(f"read, {replicas} replicas, {classes} classes", 2 * config.steps)
            yield from reads(strategy, classes, config.scores, timing)
        for size in sorted({3 * classes + 2 for classes in config.classes}):
            if replicas > 1:
                context.progress.task(f"all_reduce, {replicas} x {8 * size} B", config.steps)
                yield from all_reduces(strategy, size, timing)


class Reader(NamedTuple):
    """A metric that has counted something.

    Fields:
        result: reads it.
        wrong: how many values differ in what `result` returned.
    """

    result: Callable[[], Any]
    wrong: Callable[[Any], int]


def reads(
    strategy: tf.distribute.Strategy,
    classes: int,
    scores: Sequence[int],
    timing: Mapping[str, Any],
) -> Iterator[Row]:
    """Of metrics that have counted the same rows, other ones on each replica."""
    rows = filled.draw(strategy, classes)
    y_true, y_pred = np.concatenate(rows, axis=1)
    truth = expected(y_true, y_pred, classes)
    with strategy.scope():
        readers = {KERAS: _keras(strategy, rows, classes, truth)}
        for number in scores:
            names = EIGHT[:number]
            name = "F1Score" if number == 1 else f"Scores, {len(names)} scores"
            readers[name] = _ours(strategy, rows, classes, truth, names)
    for where, calls in [
        (OUTSIDE, {name: _outside(strategy, reader) for name, reader in readers.items()}),
        (IN_STEP, {name: _in_step(strategy, reader) for name, reader in readers.items()}),
    ]:
        timed = interleaved({**calls, CONTROL: calls[KERAS]}, **timing)
        found = {
            name: sum(readers[name].wrong(value) for value in _values(call()))
            for name, call in calls.items()
        }
        yield from compared(
            "read",
            {"replicas": strategy.num_replicas_in_sync, "classes": classes, "where": where},
            timed,
            KERAS,
            counted={name: _counted(strategy, readers[name], where) for name in calls},
            # What a peer does wrong is found, and no failure of this run.
            values={KERAS: {"peer_wrong": found.pop(KERAS)}},
            wrong=found,
        )


def all_reduces(
    strategy: tf.distribute.Strategy, size: int, timing: Mapping[str, Any]
) -> Iterator[Row]:
    """Of int64 vectors, each in a step of its own, against that step without an all-reduce."""
    replicas = strategy.num_replicas_in_sync
    vectors = on_replicas(strategy, lambda replica, _: np.arange(size) * (replica + 1))

    def last(vector: tf.Tensor) -> tf.Tensor:
        # The whole of it would have to be copied to the host.
        return vector[-1]

    def summed(vector: tf.Tensor) -> tf.Tensor:
        context = tf.distribute.get_replica_context()
        return last(context.all_reduce(tf.distribute.ReduceOp.SUM, vector))

    steps = {
        name: functools.partial(_step, tf.function(strategy.run, autograph=False), call, vectors)
        for name, call in [(NO_REDUCTION, last), (ALL_REDUCE, summed)]
    }
    total = (size - 1) * replicas * (replicas + 1) // 2
    timed = interleaved({**steps, CONTROL: steps[NO_REDUCTION]}, **timing)
    wrong = sum(int(value) != total for value in _values(steps[ALL_REDUCE]()))
    case = {"replicas": replicas, "bytes": 8 * size}
    yield from compared("read", case, timed, NO_REDUCTION, wrong={ALL_REDUCE: wrong})


def _step(run: Callable[..., Any], call: Callable[..., Any], vectors: Any) -> Any:
    return run(call, (vectors,))


def expected(y_true: np.ndarray, y_pred: np.ndarray, classes: int) -> dict[str, Any]:
    """Counts by NumPy, and scores by scikit-learn where it has room for them."""
    hit = y_true == y_pred
    true_positive = np.bincount(y_true[hit], minlength=classes)
    predicted = np.bincount(y_pred, minlength=classes)
    actual = np.bincount(y_true, minlength=classes)
    averaged = {
        "f1": metrics.f1_score,
        "precision": metrics.precision_score,
        "recall": metrics.recall_score,
    }
    found: dict[str, Any] = {
        "true_positive": true_positive,
        "predicted": predicted,
        "actual": actual,
        "accuracy": metrics.accuracy_score(y_true, y_pred),
        # Keras's mean is over all classes, of which some may not occur.
        KERAS: np.mean(2 * true_positive / np.maximum(predicted + actual, 1)),
    }
    for name in EIGHT:
        function, _, average = name.partition("_")
        if function in averaged and average in ("macro", "micro", "weighted"):
            found[name] = averaged[function](y_true, y_pred, average=average, zero_division=0)
    if np.count_nonzero(predicted + actual) <= _MOST_SQUARED:
        with warnings.catch_warnings():
            # It warns of classes that are decided but do not occur.
            warnings.simplefilter("ignore", UserWarning)
            found["balanced_accuracy"] = metrics.balanced_accuracy_score(y_true, y_pred)
        found["matthews_corrcoef"] = metrics.matthews_corrcoef(y_true, y_pred)
    return found


def _ours(
    strategy: tf.distribute.Strategy,
    rows: Sequence[filled.Rows],
    classes: int,
    truth: Mapping[str, Any],
    names: Sequence[str],
) -> Reader:
    one = names == EIGHT[:1]
    metric: Any = (
        dist_f1.F1Score("macro", num_classes=classes, sync="step")
        if one
        else dist_f1.Scores(names, num_classes=classes, sync="step")
    )
    filled.fill(strategy, metric, rows)

    def wrong(result: Any) -> int:
        counts = metric.counts().numpy()
        fields = ("true_positive", "predicted", "actual")
        differing = sum(int(np.sum(getattr(counts, x) != truth[x])) for x in fields)
        differing += int(counts.total != len(rows) * filled.ROWS) + int(counts.invalid)
        given = {names[0]: result} if one else result
        return differing + sum(_differs(given[x], truth[x]) for x in names if x in truth)

    return Reader(metric.result, wrong)


def _keras(
    strategy: tf.distribute.Strategy,
    rows: Sequence[filled.Rows],
    classes: int,
    truth: Mapping[str, Any],
) -> Reader:
    metric = tf.keras.metrics.F1Score("macro")
    filled.fill_keras(strategy, metric, rows, classes)
    return Reader(metric.result, lambda result: _differs(result, truth[KERAS]))


def _outside(strategy: tf.distribute.Strategy, reader: Reader) -> Callable[[], Any]:
    def read() -> Any:
        with strategy.scope():
            return reader.result()

    return read


def _in_step(strategy: tf.distribute.Strategy, reader: Reader) -> Callable[[], Any]:
    # tf-keras returns one object for all replicas, which `run` would take for one value.
    def replica() -> Any:
        return tf.nest.map_structure(tf.identity, reader.result())

    return tf.function(lambda: strategy.run(replica), autograph=False)


def _counted(strategy: tf.distribute.Strategy, reader: Reader, where: str) -> dict[str, int]:
    call = _in_step(strategy, reader)
    if where == OUTSIDE:
        call = tf.function(_outside(strategy, reader), autograph=False)
    return {"collectives": count_collectives(call), "bytes": count_bytes(call)}


def _values(result: Any) -> list[Any]:
    """What each replica has, or the one value that there is."""
    leaves = tf.nest.flatten(result)
    each = [getattr(leaf, "values", (leaf,)) for leaf in leaves]
    return [tf.nest.pack_sequence_as(result, several) for several in zip(*each, strict=True)]


def _differs(value: Any, right: float) -> int:
    """Beyond rounding in float32."""
    return int(not np.isclose(float(value), float(right), rtol=1e-5, atol=1e-7))
