"""What all Keras metrics here share: inputs to counts, counts to a score."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import tensorflow as tf
from typing_extensions import Unpack

from dist_f1 import counting
from dist_f1.batch import groups, inputs
from dist_f1.counts import Counts
from dist_f1.counts.layout import Layout
from dist_f1.counts.validity import raise_if_invalid
from dist_f1.metrics import directions, legacy_keras, merging
from dist_f1.metrics.options import MetricOptions, complete, rule_of
from dist_f1.replicas import contexts
from dist_f1.replicas.accumulator import Accumulator
from dist_f1.reports import check_names, report
from dist_f1.scores import by_group
from dist_f1.scores.averaging import check_averaging, check_binary


class CountsMetric(tf.keras.metrics.Metric):
    """A metric that is a function of `Counts`; a subclass defines `score`.

    Updating adds to this replica's own counts and sends nothing. Reading (`result`, `counts`,
    `report`) is global, one collective.

    Args:
        average: how classes are averaged; see `dist_f1.scores`.
        threshold: `None` (argmax), or each class on its own; see `DecisionRule`.
        name: the name in logs.
        dtype: of the result; counts are int64 (or float64) and scores are computed in float64.
        **options: see `MetricOptions`.
    """

    # What is kept beside the counts: the [C, C] matrix, and for sample averages F of these betas.
    _confusion = False
    _betas: tuple[float, ...] = ()
    # Where it is the scores that are counted, and not decisions: the buckets they are put in.
    _thresholds: tuple[float, ...] = ()
    _default_name: str | None = None
    _has_sample_average = True
    _one_class_per_row = False
    # Fields of `Counts` that `score` does not read, where there are several classes.
    _unread_fields: tuple[str, ...] = ()
    # By this Keras's callbacks know whether more is better.
    _direction: directions.Direction = "up"

    def __init__(
        self,
        average: Any = None,
        threshold: Any = None,
        name: str | None = None,
        dtype: Any = None,
        **options: Unpack[MetricOptions],
    ) -> None:
        rule = rule_of(threshold, options)
        full = complete(options, average, rule)
        if average == "samples" and not self._has_sample_average:
            raise ValueError(f'{type(self).__name__} has no average="samples"; choose another.')
        super().__init__(name=name or self._default_name, dtype=dtype)
        self.average = average
        self.rule = rule
        self.num_classes = full["num_classes"]
        self.ignore_class = full["ignore_class"]
        self.labels = full["labels"]
        self.zero_division = full["zero_division"]
        self.weighted = full["weighted"]
        self.class_names = full["class_names"]
        self.num_groups = full["num_groups"]
        self.sync = full["sync"]
        expected = None if self.num_classes is None else self._layout(self.num_classes)
        self.accumulator = Accumulator(f"{self.name}_counts", expected, self.weighted, self._layout)
        if legacy_keras.IS_LEGACY:
            self.result = self._choose_result(self.result)  # type: ignore[method-assign]

    def score(self, counts: Counts) -> Any:
        """The value of the metric, in float64, from counts summed over replicas."""
        raise NotImplementedError

    @property
    def threshold(self) -> float | tuple[float, ...] | None:
        """The threshold of the decision, or `None` for argmax and top-k."""
        return self.rule.threshold

    def update_state(
        self,
        y_true: Any,
        y_pred: Any,
        sample_weight: Any = None,
        mask: Any = None,
        by: Any = None,
    ) -> None:
        """Counts one batch on this replica.

        Args:
            y_true: class ids `[...]` or `[..., 1]` of any numeric dtype, or 0/1 targets
                `[..., C]`.
            y_pred: scores `[..., C]`; with a threshold also `[B]` or `[B, 1]`, binary; or
                integer labels `[...]`, given `num_classes`.
            sample_weight: numbers, one per row or per leading axes (`[B]` for `[B, T]`). Rows of
                weight 0 leave no trace. Booleans are a mask.
            mask: booleans, shaped like `sample_weight`.
            by: group ids from 0 to `num_groups - 1`, shaped like `sample_weight`.

        Raises:
            ValueError: inputs that do not fit each other or the updates before; a call outside
                of `strategy.run` where several workers run.
            RuntimeError: in the graph of a session; see `dist_f1.compat.v1`.
        """
        _check_place(self.accumulator.strategy)
        rows = inputs.flatten(
            y_true, y_pred, sample_weight, mask, by, rule=self.rule, num_classes=self.num_classes
        )
        if self.class_names is not None:
            check_names(self.class_names, max(rows.num_classes, 2))
        weighted = rows.weight is not None
        if self.weighted is False and weighted:
            raise ValueError(
                "sample_weight came to a metric made with weighted=False; pass weighted=True."
            )
        layout = self.accumulator.layout
        if layout is None or layout.num_classes != rows.num_classes:
            layout = self._layout(rows.num_classes)
        vector = self._count(rows, layout)
        self.accumulator.build(layout, weighted or bool(self.weighted))
        self.accumulator.add_vector(vector)

    def result(self) -> Any:
        """The score. Eagerly, it raises `ValueError` if rows could not be counted."""
        if tf.executing_eagerly():
            # At the end of an epoch, before the callbacks that wait for the best one.
            directions.tell(self)
        return self._derive(self._value)

    def direction_of(self, entry: str) -> directions.Direction | None:
        """Whether more of an entry of the logs is better; `None` if it is none of this metric."""
        return self._direction if entry == self.name else None

    def result_by_group(self) -> Any:
        """The score of each group of rows, in a leading axis; NaN for a group without rows."""
        self._require_groups()
        return self._derive(lambda counts: by_group.by_group(self.score, counts))

    def gap(self) -> Any:
        """The largest difference of the score between two groups that have rows."""
        self._require_groups()
        return self._derive(lambda counts: by_group.gap(self.score, counts))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """`update_state`, then `result`; unlike tf-keras's, it counts once outside of replicas."""
        self.update_state(*args, **kwargs)
        return self.result()

    def _choose_result(self, wrapped: Callable[[], Any]) -> Callable[[], Any]:
        """`result` for tf-keras: by way of its wrapper, or not where that would be wrong."""

        def result() -> Any:
            if legacy_keras.bypasses_wrapper(self.sync):
                return legacy_keras.undo_sum(type(self).result(self))
            return wrapped()

        return result

    def counts(self) -> Counts:
        """The counts of all replicas, and of all groups."""
        return self._overall(self.accumulator.read())

    def counts_by_group(self) -> Counts:
        """The counts of all replicas for each group, in a leading axis; `at(g)` is one group's."""
        self._require_groups()
        return self.accumulator.read()

    def merge_state(self, metrics: Iterable[CountsMetric]) -> None:
        """Adds what other metrics have counted, as if this one had seen their rows too.

        Outside of `strategy.run` the others' counts over all their replicas are added once, for
        one collective each; they may belong to another strategy. Inside, each replica adds what
        it has counted itself, and nothing is sent. Counts that were saved by other jobs are
        merged as values: `Counts.load(path) + metric.counts()`.

        Args:
            metrics: metrics of this library, of the same number of classes and decision.

        Raises:
            ValueError: other classes or another decision; where several workers run, counts that
                are one worker's own. Nothing is merged then.
        """
        merging.merge(self, metrics)

    def report(self, digits: int = 2, output_dict: bool = False) -> Any:
        """The classification report of all replicas; see `dist_f1.report`. Eager only."""
        return report(
            self.counts(),
            self.class_names,
            digits,
            output_dict,
            labels=self.labels,
            zero_division=self.zero_division,
        )

    def reset_state(self) -> None:
        """Sets all counts to zero."""
        self.accumulator.reset()

    def get_config(self) -> dict[str, Any]:
        """The arguments, for `from_config`."""
        return {
            **super().get_config(),
            "average": self.average,
            "threshold": _plain(self.threshold),
            "num_classes": self.num_classes,
            "top_k": self.rule.top_k,
            "ignore_class": self.ignore_class,
            "labels": _plain(self.labels),
            "from_logits": self.rule.from_logits,
            "zero_division": self.zero_division,
            "weighted": self.weighted,
            "class_names": _plain(self.class_names),
            "num_groups": self.num_groups,
            "sync": self.sync,
        }

    def _averaging(self) -> dict[str, Any]:
        """The common arguments of the scores."""
        return {
            "average": self.average,
            "zero_division": self.zero_division,
            "labels": self.labels,
        }

    def _value(self, counts: Counts) -> Any:
        """The result, from what is kept of all replicas."""
        return self.score(self._overall(counts))

    def _count(self, rows: inputs.Rows, layout: Layout) -> tf.Tensor:
        """The counts of one batch, as `layout` packs them."""
        by = groups.group_rows(rows.by, self.num_groups)
        return counting.count_vector(rows, self.rule, layout, self.ignore_class, by)

    def _layout(self, num_classes: int) -> Layout:
        several = counting.is_multilabel(self.rule, num_classes)
        check_averaging(self.average, self.zero_division, self.labels, num_classes)
        check_binary(self.average, num_classes, several)
        if several and self._one_class_per_row:
            raise ValueError(
                f"{type(self).__name__} is defined for one class per row, but these decisions may "
                "name several (threshold or top_k). For one binary score per row, pass "
                "num_classes=1 or y_pred of shape [B]."
            )
        return counting.layout_for(
            self.rule, num_classes, self._confusion, self._betas, self.num_groups or 0
        )

    def _overall(self, counts: Counts) -> Counts:
        return counts if self.num_groups is None else counts.overall()

    def _derive(self, value: Callable[[Counts], Any]) -> Any:
        """A value in the dtype of the metric, from one read."""
        everywhere = self.sync == "step"
        read = self.accumulator.read if everywhere else self.accumulator.read_locally
        eager = tf.executing_eagerly()
        # In a step, what is not needed should not be there.
        counts = read(unused=() if eager else self._unread())
        if eager:
            raise_if_invalid(self._overall(counts), by_groups=self.num_groups is not None)
        return tf.nest.map_structure(self._cast, value(counts))

    def _unread(self) -> tuple[str, ...]:
        """The fields of `Counts` that `score` makes do without."""
        layout = self.accumulator.layout
        if layout is None or layout.num_classes == 1 or layout.groups or self.average == "samples":
            return ()
        # What is said of `score` holds for the class that defines it, and for no other that does.
        owner = next(c for c in type(self).__mro__ if "score" in vars(c))
        return vars(owner).get("_unread_fields", ())

    def _cast(self, value: Any) -> Any:
        return tf.cast(value, self.dtype)

    def _require_groups(self) -> None:
        if self.num_groups is None:
            raise ValueError(
                f"{self.name} does not count by groups; pass num_groups= when it is made, and by= "
                "to update_state."
            )


def _check_place(strategy: tf.distribute.Strategy) -> None:
    """Outside of replicas a row counts once; with several workers, once is not defined."""
    if contexts.in_session_graph():
        raise RuntimeError(
            "A metric was updated in the graph of a session (of tf.estimator, say), which would "
            "not run the update. Take a (value, update_op) pair there, as of "
            "dist_f1.compat.v1.f1_score."
        )
    if not contexts.in_replica() and contexts.num_workers(strategy) > 1:
        raise ValueError(
            "update_state was called outside of strategy.run where several workers run, and it is "
            "not known whether they pass the same rows or each its own. Call it inside "
            "strategy.run."
        )


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value
