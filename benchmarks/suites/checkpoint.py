"""The cost of saving and restoring the counts of all replicas, and whether they are restored."""

from __future__ import annotations

import functools
import itertools
import pathlib
import tempfile
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import ml_collections
import numpy as np
import tensorflow as tf

import dist_f1
from benchmarks import known_counts
from benchmarks.context import Context, tensorflow_variable
from benchmarks.records import Record
from benchmarks.timing import CONTROL, interleaved, to_records

OURS, FILE = "Checkpoint of F1Score", "Counts.save and load"
KERAS = "Checkpoint of keras F1Score's variables"
INTEGERS = "Checkpoint of an int64 variable, ON_READ and SUM"
_PEERS = KERAS, INTEGERS


class Subject(NamedTuple):
    """A way to store counts in files whose names start with a path."""

    save: Callable[[str], Any]
    restore: Callable[[str], Any]
    reset: Callable[[], Any]
    read: Callable[[], np.ndarray]  # the counts of all replicas as one vector


def run(config: ml_collections.ConfigDict, context: Context) -> Iterator[Record]:
    """Yield records of saving and of restoring, by replicas and classes.

    `config` has `replicas` and `classes` (lists), `steps` and `budget_seconds` (of each case; 0: no
    limit).
    """
    for strategy in context.strategies(config.replicas):
        for classes in config.classes:
            replicas = strategy.num_replicas_in_sync
            task = f"checkpoint, {replicas} replicas, {classes} classes"
            context.progress.task(task, 2 * config.steps)
            # On the disk to which a job would write.
            with tempfile.TemporaryDirectory(dir=context.out) as folder:
                yield from measure(strategy, classes, pathlib.Path(folder), context.timing(config))


def measure(
    strategy: tf.distribute.Strategy,
    classes: int,
    folder: pathlib.Path,
    timing: Mapping[str, Any],
) -> Iterator[Record]:
    """Time saving and restoring for each subject, and compare the counts before and after.

    Counts that another library does not restore are `peer_wrong`, which does not fail the run.
    """
    with strategy.scope():
        subjects = _subjects(strategy, classes)
    before = {name: subject.read() for name, subject in subjects.items()}
    folders = {name: folder / str(i) for i, name in enumerate(subjects)}
    saves, restores = {}, {}
    for name, subject in subjects.items():
        folders[name].mkdir()
        path = str(folders[name] / "counts")
        saves[name] = functools.partial(subject.save, path)
        restores[name] = functools.partial(subject.restore, path)
    case = {"replicas": strategy.num_replicas_in_sync, "classes": classes}

    timed = interleaved({**saves, CONTROL: saves[KERAS]}, **timing)
    sizes = {
        name: {"bytes_on_disk": sum(file.stat().st_size for file in path.iterdir())}
        for name, path in folders.items()
    }
    yield from to_records("checkpoint", {**case, "what": "save"}, timed, KERAS, counted=sizes)

    for subject in subjects.values():
        subject.reset()
    timed = interleaved({**restores, CONTROL: restores[KERAS]}, **timing)
    wrong = {name: int(np.sum(x.read() != before[name])) for name, x in subjects.items()}
    peer_wrong = {name: {"peer_wrong": wrong.pop(name)} for name in _PEERS}
    case["what"] = "restore"
    yield from to_records("checkpoint", case, timed, KERAS, values=peer_wrong, wrong=wrong)


def _subjects(strategy: tf.distribute.Strategy, classes: int) -> dict[str, Subject]:
    labels = known_counts.draw_labels(strategy, classes)
    keras = known_counts.keras_metric(strategy, labels, classes)
    variables = {f"v{i}": tensorflow_variable(x) for i, x in enumerate(keras.variables)}
    # An int64 variable for counts above 2**24, as one would write it without this library.
    integers = tf.Variable(
        tf.zeros([3 * classes], tf.int64),
        trainable=False,
        synchronization=tf.VariableSynchronization.ON_READ,
        aggregation=tf.VariableAggregation.SUM,
    )
    components = strategy.experimental_local_results(integers)
    for component, shard in zip(components, labels, strict=True):
        counts = np.concatenate(known_counts.count_outcomes(*shard, classes))
        component.assign(counts.astype(np.int64))
    metrics = [dist_f1.F1Score("macro", num_classes=classes) for _ in (OURS, FILE)]
    for metric in metrics:
        strategy.run(metric.update_state, known_counts.distribute_labels(strategy, labels))
    return {
        KERAS: _variables_subject(strategy, variables),
        INTEGERS: _variables_subject(strategy, {"counts": integers}),
        OURS: _checkpoint_subject(metrics[0]),
        FILE: _file_subject(metrics[1]),
    }


def _checkpoint_subject(metric: dist_f1.F1Score) -> Subject:
    checkpoint = tf.train.Checkpoint(f1=metric.accumulator)
    read = functools.partial(_counts_vector, metric)
    return Subject(checkpoint.write, checkpoint.read, metric.reset_state, read)


def _file_subject(metric: dist_f1.F1Score) -> Subject:
    def save(path: str) -> None:
        metric.counts().save(f"{path}.npz")

    def restore(path: str) -> None:
        metric.accumulator.assign(dist_f1.Counts.load(f"{path}.npz"))

    return Subject(save, restore, metric.reset_state, functools.partial(_counts_vector, metric))


def _variables_subject(
    strategy: tf.distribute.Strategy, variables: Mapping[str, tf.Variable]
) -> Subject:
    checkpoint = tf.train.Checkpoint(**variables)

    def components() -> list[list[tf.Variable]]:
        return [list(strategy.experimental_local_results(x)) for x in variables.values()]

    def reset() -> None:
        for component in itertools.chain(*components()):
            component.assign(tf.zeros_like(component))

    def read() -> np.ndarray:
        sums = [np.sum([x.numpy() for x in replicas], axis=0) for replicas in components()]
        return np.concatenate([np.reshape(x, [-1]) for x in sums])

    return Subject(checkpoint.write, checkpoint.read, reset, read)


def _counts_vector(metric: dist_f1.F1Score) -> np.ndarray:
    counts = metric.counts().numpy()
    fields = counts.true_positive, counts.predicted, counts.actual, counts.total, counts.invalid
    return np.concatenate([np.reshape(field, [-1]) for field in fields])
