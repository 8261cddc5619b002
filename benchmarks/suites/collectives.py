"""Collectives, bytes and operations of updates and reads, counted in their graphs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import ml_collections
import tensorflow as tf

import dist_f1
from benchmarks.context import Context
from benchmarks.per_step.meters import EIGHT, count_outcomes
from benchmarks.records import Record
from dist_f1.inspection import count_bytes, count_collectives, count_operations

_SAMPLES = 128
# With more classes, their confusion matrix or their buckets would not fit into memory.
_MAX_CLASSES = {"ConfusionMatrix": 4_000, "ThresholdSweep": 50_000}


class Subject(NamedTuple):
    """A way to count and to read a score."""

    update: Callable[[tf.Tensor, tf.Tensor], None]  # on each replica
    read_on_replica: Callable[[], Any]  # in a step; `combine` gets the results
    combine: Callable[[Any], Any]
    read: Callable[[], Any]  # outside of a step
    takes_one_hot: bool = False  # or else class ids


Create = Callable[[tf.distribute.Strategy, int], Subject]


def _metrics(*factories: Callable[[], Any], takes_one_hot: bool = False) -> Create:
    """Return a factory of a subject that consists of Keras metrics, ours or those of Keras."""

    def create(strategy: tf.distribute.Strategy, classes: int) -> Subject:
        metrics = [factory() for factory in factories]

        def update(y_true: tf.Tensor, y_pred: tf.Tensor) -> None:
            for metric in metrics:
                metric.update_state(y_true, y_pred)

        def read() -> list[Any]:
            return [metric.result() for metric in metrics]

        return Subject(update, read, lambda outputs: outputs, read, takes_one_hot)

    return create


def _reduced_variables(strategy: tf.distribute.Strategy, classes: int) -> Subject:
    """Create variables of true positives, false positives and false negatives, and reduce each."""
    variables = [
        tf.Variable(
            tf.zeros([classes]),
            trainable=False,
            synchronization=tf.VariableSynchronization.ON_READ,
            aggregation=tf.VariableAggregation.SUM,
        )
        for _ in range(3)
    ]

    def update(y_true: tf.Tensor, y_pred: tf.Tensor) -> None:
        outcomes = count_outcomes(y_true, y_pred, classes)
        for variable, value in zip(variables, outcomes, strict=True):
            variable.assign_add(value)

    def read_on_replica() -> list[tf.Tensor]:
        return [variable.read_value() for variable in variables]

    def combine(outputs: Any) -> tf.Tensor:
        hit, false_positive, false_negative = (
            strategy.reduce(tf.distribute.ReduceOp.SUM, x, axis=None) for x in outputs
        )
        denominator = 2.0 * hit + false_positive + false_negative
        return tf.reduce_mean(tf.math.divide_no_nan(2.0 * hit, denominator))

    return Subject(update, read_on_replica, combine, lambda: combine(variables), True)


SUBJECTS: dict[str, Create] = {
    'F1Score(sync="epoch")': _metrics(lambda: dist_f1.F1Score("macro", sync="epoch")),
    'F1Score(sync="step")': _metrics(lambda: dist_f1.F1Score("macro", sync="step")),
    'Scores, 8 scores (sync="step")': _metrics(lambda: dist_f1.Scores(EIGHT, sync="step")),
    "ConfusionMatrix": _metrics(lambda: dist_f1.ConfusionMatrix(sync="step")),
    "ThresholdSweep": _metrics(lambda: dist_f1.ThresholdSweep(sync="step")),
    "keras F1Score": _metrics(lambda: tf.keras.metrics.F1Score("macro"), takes_one_hot=True),
    "keras F1Score, Precision, Recall": _metrics(
        lambda: tf.keras.metrics.F1Score("macro"),
        lambda: tf.keras.metrics.Precision(),
        lambda: tf.keras.metrics.Recall(),
        takes_one_hot=True,
    ),
    "strategy.reduce of tp, fp, fn": _reduced_variables,
}


def run(config: ml_collections.ConfigDict, context: Context) -> Iterator[Record]:
    """Yield a record for each of `config.replicas`, of `config.classes`, and of the subjects."""
    strategies = list(context.strategies(config.replicas))
    context.progress.task("collectives", len(strategies) * len(config.classes) * len(SUBJECTS))
    for strategy in strategies:
        for classes in config.classes:
            replicas = strategy.num_replicas_in_sync
            case = {"replicas": replicas, "classes": classes, "rows": _SAMPLES}
            for name, create in SUBJECTS.items():
                if classes <= _MAX_CLASSES.get(name, classes):
                    with strategy.scope():
                        subject = create(strategy, classes)
                    counted = count(subject, strategy, classes)
                    yield Record("collectives", case, name, counted=counted)
                context.progress.step()


def count(subject: Subject, strategy: tf.distribute.Strategy, classes: int) -> dict[str, int]:
    """Count what an update, an update with a read in the same step, and a read outside contain.

    Bytes are those that one replica sends. Operations of an update and of a step are those of one
    replica, and operations of a read outside those of all replicas. Where a read in the step sends
    nothing, each replica reads its own samples only.
    """
    scores = tf.zeros([_SAMPLES, classes])
    batch = scores if subject.takes_one_hot else tf.zeros([_SAMPLES], tf.int64), scores
    # A step that creates variables becomes a branch.
    strategy.run(subject.update, batch)

    def update(*batch: tf.Tensor) -> None:
        strategy.run(subject.update, batch)

    def step(*batch: tf.Tensor) -> Any:
        def replica(*batch: tf.Tensor) -> Any:
            subject.update(*batch)
            return subject.read_on_replica()

        return subject.combine(strategy.run(replica, batch))

    def read() -> Any:
        with strategy.scope():
            return subject.read()

    counted: dict[str, int] = {}
    replicas = strategy.num_replicas_in_sync
    for name, call, arguments, divisor in [
        ("update", update, batch, replicas),
        ("step", step, batch, replicas),
        ("read", read, (), 1),
    ]:
        traced = tf.function(call, autograph=False).get_concrete_function(*arguments)
        counted[f"{name}_collectives"] = count_collectives(traced)
        counted[f"{name}_bytes"] = count_bytes(traced)
        counted[f"{name}_operations"] = -(-count_operations(traced).total() // divisor)
    return counted
