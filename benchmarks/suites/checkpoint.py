"""What it costs to save and restore the counts of all replicas, and whether they come back."""

from __future__ import annotations

import pathlib
import tempfile
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import ml_collections
import numpy as np
import tensorflow as tf

import dist_f1
from benchmarks import filled
from benchmarks.per_step.strategies import mirrored
from benchmarks.records import Row
from benchmarks.suites import Context
from benchmarks.timing import CONTROL, compared, interleaved

OURS, FILE = "Checkpoint of F1Score", "Counts.save and load"
KERAS = "Checkpoint of keras F1Score's variables"
INTEGERS = "Checkpoint of an int64 variable, ON_READ and SUM"
_PEERS = KERAS, INTEGERS


class Subject(NamedTuple):
    """A way to keep counts.

    Fields:
        save: writes files whose names begin with a path.
        restore: takes them over.
        reset: forgets all counts.
        read: the counts of all replicas, one vector.
    """

    save: Callable[[str], Any]
    restore: Callable[[str], Any]
    reset: Callable[[], Any]
    read: Callable[[], np.ndarray]


def run(config: ml_collections.ConfigDict, context: Context) -> Iterator[Row]:
    """Rows of saving and of restoring, by replicas and classes.

    Args:
        config: `replicas` and `classes` (lists), `steps` and `budget_seconds` (of each case; 0: as
            long as it takes).
        context: of the run; numbers of replicas beyond its devices are left out.
    """
    timing = context.timing(config)
    for replicas in config.replicas:
        if replicas > len(context.devices):
            continue
        for classes in config.classes:
            task = f"checkpoint, {replicas} replicas, {classes} classes"
            context.progress.task(task, 2 * config.steps)
            # On the disk that a job would write to.
            with tempfile.TemporaryDirectory(dir=context.out) as folder:
                strategy = mirrored(context.devices, replicas)
                yield from measure(strategy, classes, pathlib.Path(folder), timing)


def measure(
    strategy: tf.distribute.Strategy,
    classes: int,
    folder: pathlib.Path,
    timing: Mapping[str, Any],
) -> Iterator[Row]:
    """Times both for each subject, and compares the counts before and after.

    What a peer does not give back is `peer_wrong`, and no failure of this run.
    """
    with strategy.scope():
        subjects = _subjects(strategy, classes)
    case = {"replicas": strategy.num_replicas_in_sync, "classes": classes}
    paths = {name: str(folder / f"{number}" / "counts") for number, name in enumerate(subjects)}
    for path in paths.values():
        pathlib.Path(path).parent.mkdir()
    before = {name: subject.read() for name, subject in subjects.items()}

    saves = {name: _call(x.save, paths[name]) for name, x in subjects.items()}
    timed = interleaved({**saves, CONTROL: saves[KERAS]}, **timing)
    sizes = {name: {"bytes_on_disk": _size(path)} for name, path in paths.items()}
    yield from compared("checkpoint", {**case, "what": "save"}, timed, KERAS, counted=sizes)

    for subject in subjects.values():
        subject.reset()
    restores = {name: _call(x.restore, paths[name]) for name, x in subjects.items()}
    timed = interleaved({**restores, CONTROL: restores[KERAS]}, **timing)
    wrong = {name: int(np.sum(x.read() != before[name])) for name, x in subjects.items()}
    yield from compared(
        "checkpoint",
        {**case, "what": "restore"},
        timed,
        KERAS,
        values={name: {"peer_wrong": wrong.pop(name)} for name in _PEERS},
        wrong=wrong,
    )


def _subjects(strategy: tf.distribute.Strategy, classes: int) -> dict[str, Subject]:
    rows = filled.draw(strategy, classes)
    keras = tf.keras.metrics.F1Score("macro")
    filled.fill_keras(strategy, keras, rows, classes)
    return {
        KERAS: _of_variables(
            strategy, {f"v{i}": _as_tensorflow(x) for i, x in enumerate(keras.variables)}
        ),
        INTEGERS: _of_integers(strategy, rows, classes),
        OURS: _of_accumulator(_ours(strategy, rows, classes)),
        FILE: _of_file(_ours(strategy, rows, classes)),
    }


def _ours(
    strategy: tf.distribute.Strategy, rows: list[filled.Rows], classes: int
) -> dist_f1.F1Score:
    metric = dist_f1.F1Score("macro", num_classes=classes)
    filled.fill(strategy, metric, rows)
    return metric


def _of_accumulator(metric: dist_f1.F1Score) -> Subject:
    checkpoint = tf.train.Checkpoint(f1=metric.accumulator)
    return Subject(checkpoint.write, checkpoint.read, metric.reset_state, lambda: _vector(metric))


def _of_file(metric: dist_f1.F1Score) -> Subject:
    def save(path: str) -> None:
        metric.counts().save(f"{path}.npz")

    def restore(path: str) -> None:
        metric.accumulator.assign(dist_f1.Counts.load(f"{path}.npz"))

    return Subject(save, restore, metric.reset_state, lambda: _vector(metric))


def _of_integers(
    strategy: tf.distribute.Strategy, rows: list[filled.Rows], classes: int
) -> Subject:
    """What one would write without this library, for counts beyond 2**24."""
    counts = [np.concatenate(filled.outcomes(*own, classes)).astype(np.int64) for own in rows]
    variable = tf.Variable(
        tf.zeros([3 * classes], tf.int64),
        trainable=False,
        synchronization=tf.VariableSynchronization.ON_READ,
        aggregation=tf.VariableAggregation.SUM,
    )
    for component, own in zip(strategy.experimental_local_results(variable), counts, strict=True):
        component.assign(own)
    return _of_variables(strategy, {"counts": variable})


def _of_variables(strategy: tf.distribute.Strategy, variables: dict[str, Any]) -> Subject:
    checkpoint = tf.train.Checkpoint(**variables)

    def components() -> list[list[tf.Variable]]:
        return [list(strategy.experimental_local_results(x)) for x in variables.values()]

    def reset() -> None:
        for several in components():
            for component in several:
                component.assign(tf.zeros_like(component))

    def read() -> np.ndarray:
        sums = [np.sum([x.numpy() for x in several], axis=0) for several in components()]
        return np.concatenate([np.reshape(x, [-1]) for x in sums])

    return Subject(checkpoint.write, checkpoint.read, reset, read)


def _as_tensorflow(variable: Any) -> Any:
    """Keras 3 has a variable of its own around that of TensorFlow."""
    return variable if callable(variable.value) else variable.value


def _vector(metric: dist_f1.F1Score) -> np.ndarray:
    counts = metric.counts().numpy()
    fields = counts.true_positive, counts.predicted, counts.actual, counts.total, counts.invalid
    return np.concatenate([np.reshape(field, [-1]) for field in fields])


def _call(function: Callable[[str], Any], path: str) -> Callable[[], None]:
    def call() -> None:
        function(path)

    return call


def _size(path: str) -> int:
    return sum(file.stat().st_size for file in pathlib.Path(path).parent.iterdir())
