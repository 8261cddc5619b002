"""What updates and reads send, and how many operations they have: counted from their graphs."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import ml_collections
import tensorflow as tf

import dist_f1
from benchmarks.per_step.meters import EIGHT, outcomes
from benchmarks.per_step.strategies import mirrored
from benchmarks.records import Row
from benchmarks.suites import Context
from dist_f1.inspection.graphs import count_bytes, count_collectives
from dist_f1.inspection.operations import count_operations

_ROWS = 128
# Their matrix and their buckets would not fit beyond.
_MOST_CLASSES = {"ConfusionMatrix": 4_000, "ThresholdSweep": 50_000}


class Metrics:
    """Metrics of Keras, or ours, which have the same methods.

    Args:
        strategy: in whose scope they are made.
        make: of each.
        one_hot: whether they take one-hot targets, or else ids.
    """

    def __init__(
        self,
        strategy: tf.distribute.Strategy,
        make: Sequence[Callable[[], tf.keras.metrics.Metric]],
        one_hot: bool = False,
    ) -> None:
        self.strategy, self.one_hot = strategy, one_hot
        self.metrics = [new() for new in make]

    def update(self, y_true: tf.Tensor, y_pred: tf.Tensor) -> None:
        """On each replica."""
        for metric in self.metrics:
            metric.update_state(y_true, y_pred)

    def read_in_step(self) -> Any:
        """On each replica, after an update; given to `combine`."""
        return [metric.result() for metric in self.metrics]

    def combine(self, seen: Any) -> Any:
        """What the step does with what the replicas have returned."""
        return seen

    def read(self) -> Any:
        """Outside of a step."""
        return [metric.result() for metric in self.metrics]


class ByHand:
    """Three variables of true and false positives and false negatives, each reduced by itself."""

    one_hot = True

    def __init__(self, strategy: tf.distribute.Strategy, classes: int) -> None:
        self.strategy, self._classes = strategy, classes
        self._variables = [
            tf.Variable(
                tf.zeros([classes]),
                trainable=False,
                synchronization=tf.VariableSynchronization.ON_READ,
                aggregation=tf.VariableAggregation.SUM,
            )
            for _ in range(3)
        ]

    def update(self, y_true: tf.Tensor, y_pred: tf.Tensor) -> None:
        """Adds to the variables of this replica."""
        sums = outcomes(y_true, y_pred, self._classes)
        for variable, value in zip(self._variables, sums, strict=True):
            variable.assign_add(value)

    def read_in_step(self) -> Any:
        """What this replica has counted itself."""
        return [variable.read_value() for variable in self._variables]

    def combine(self, seen: Any) -> Any:
        """Sums up over replicas, and derives the score."""
        sums = [self.strategy.reduce(tf.distribute.ReduceOp.SUM, x, axis=None) for x in seen]
        return self._score(*sums)

    def read(self) -> Any:
        """Outside of a step."""
        return self.combine(self._variables)

    def _score(self, hit: tf.Tensor, extra: tf.Tensor, missed: tf.Tensor) -> tf.Tensor:
        return tf.reduce_mean(tf.math.divide_no_nan(2.0 * hit, 2.0 * hit + extra + missed))


def _ours(make: Callable[[], Any]) -> Callable[[tf.distribute.Strategy, int], Any]:
    return lambda strategy, classes: Metrics(strategy, [make])


def _keras(*make: Callable[[], Any]) -> Callable[[tf.distribute.Strategy, int], Any]:
    return lambda strategy, classes: Metrics(strategy, make, one_hot=True)


def _keras_f1() -> Any:
    return tf.keras.metrics.F1Score("macro")


SUBJECTS: dict[str, Callable[[tf.distribute.Strategy, int], Any]] = {
    'F1Score(sync="epoch")': _ours(lambda: dist_f1.F1Score("macro", sync="epoch")),
    'F1Score(sync="step")': _ours(lambda: dist_f1.F1Score("macro", sync="step")),
    'Scores, 8 scores (sync="step")': _ours(lambda: dist_f1.Scores(EIGHT, sync="step")),
    "ConfusionMatrix": _ours(lambda: dist_f1.ConfusionMatrix(sync="step")),
    "ThresholdSweep": _ours(lambda: dist_f1.ThresholdSweep(sync="step")),
    "keras F1Score": _keras(_keras_f1),
    "keras F1Score, Precision, Recall": _keras(
        _keras_f1, lambda: tf.keras.metrics.Precision(), lambda: tf.keras.metrics.Recall()
    ),
    "strategy.reduce of tp, fp, fn": ByHand,
}


def run(config: ml_collections.ConfigDict, context: Context) -> Iterator[Row]:
    """A row for each number of replicas and of classes, and each subject.

    Args:
        config: `replicas` and `classes` (lists).
        context: of the run; numbers of replicas beyond its devices are left out.
    """
    cases = [(r, c) for r in config.replicas if r <= len(context.devices) for c in config.classes]
    context.progress.task("collectives", len(cases) * len(SUBJECTS))
    for replicas, classes in cases:
        strategy = mirrored(context.devices, replicas)
        for name, make in SUBJECTS.items():
            if classes <= _MOST_CLASSES.get(name, classes):
                with strategy.scope():
                    subject = make(strategy, classes)
                yield Row(
                    suite="collectives",
                    case={"replicas": replicas, "classes": classes, "rows": _ROWS},
                    variant=name,
                    counted=count(subject, classes),
                )
            context.progress.step()


def count(subject: Metrics | ByHand, classes: int) -> dict[str, int]:
    """What one update, one that is read in the same step, and one read outside have.

    Bytes are those that one replica sends. Operations of an update and a step are those of one
    replica, of a read outside all of them. Where reading in a step sends nothing, what each replica
    gets is of its own rows.
    """
    strategy = subject.strategy
    y_true = tf.zeros([_ROWS, classes]) if subject.one_hot else tf.zeros([_ROWS], tf.int64)
    batch = y_true, tf.zeros([_ROWS, classes])
    # Variables that are made while a step is traced would put the step into a branch.
    strategy.run(subject.update, batch)

    def update(*batch: tf.Tensor) -> None:
        strategy.run(subject.update, batch)

    def step(*batch: tf.Tensor) -> Any:
        def replica(*batch: tf.Tensor) -> Any:
            subject.update(*batch)
            return subject.read_in_step()

        return subject.combine(strategy.run(replica, batch))

    def read() -> Any:
        with strategy.scope():
            return subject.read()

    counted: dict[str, int] = {}
    replicas = strategy.num_replicas_in_sync
    for name, call, given, share in [
        ("update", update, batch, replicas),
        ("step", step, batch, replicas),
        ("read", read, (), 1),
    ]:
        traced = tf.function(call, autograph=False).get_concrete_function(*given)
        counted[f"{name}_collectives"] = count_collectives(traced)
        counted[f"{name}_bytes"] = count_bytes(traced)
        counted[f"{name}_operations"] = -(-count_operations(traced).total() // share)
    return counted
