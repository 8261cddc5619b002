"""`CountsMetric`, the base of all metrics: inputs to counts, counts to a score."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

import tensorflow as tf
from typing_extensions import Unpack

from dist_f1.batch import inputs
from dist_f1.counting import CountSpec, eager
from dist_f1.counts import Counts
from dist_f1.counts.layout import Layout
from dist_f1.metrics import (
    call_stack,
    directions,
    legacy_keras,
    log_names,
    merging,
    update_context,
)
from dist_f1.metrics.copying import CopiesCounts
from dist_f1.metrics.invalid_rows import InvalidRows
from dist_f1.metrics.options import DEFAULTS, MetricOptions, resolve_for, rule_of
from dist_f1.metrics.signatures import show_options
from dist_f1.metrics.value_check import ValueCheck
from dist_f1.replicas.accumulator import Accumulator
from dist_f1.reports import check_names, report
from dist_f1.scores import by_group, table
from dist_f1.sweeps.counting import SweepSpec

# Converting this library, which has no data-dependent Python control flow, would take AutoGraph
# several seconds in the first trace.
_do_not_convert = tf.autograph.experimental.do_not_convert

# A function that casts a derived value to the dtype of the metric.
Finish: TypeAlias = Callable[[Any], Any]


class CountsMetric(CopiesCounts, tf.keras.metrics.Metric):
    """A metric that is a function of `Counts`.

    Updating adds to the counts of this replica and sends nothing. Reading (`result`, `counts`,
    `report`) is global, and costs one collective.

    A subclass names its score in the table of scores (`_score`), or overrides `score`.

    Args:
        threshold: Threshold of the decisions; see `dist_f1.F1Score`.
        name: Name of the metric in logs.
        dtype: Dtype of the result. Counts are int64 or float64, and scores are derived in float64.
        average: How classes are averaged; see `dist_f1.scores`.
        **options: See `MetricOptions`.
    """

    _score: str | None = None
    _default_name: str | None = None
    # Further counts; a subclass sets them before it calls `super().__init__`.
    _needs_confusion: bool = False
    _betas: tuple[float, ...] | None = ()
    # Arguments that the class does not have, with the remedy.
    _unsupported: Mapping[str, str] = {}

    def __init__(
        self,
        threshold: Any = None,
        name: str | None = None,
        dtype: Any = None,
        *,
        average: Any = None,
        **options: Unpack[MetricOptions],
    ) -> None:
        full = resolve_for(type(self), self._unsupported, options, average, threshold)
        super().__init__(name=name or self._default_name or self._score, dtype=dtype)
        self.rule = rule_of(threshold, full)
        self.num_classes = full["num_classes"]
        self.ignore_class = full["ignore_class"]
        self.from_logits = self.rule.from_logits
        self.top_k = self.rule.top_k
        self.labels = full["labels"]
        self.zero_division = full["zero_division"]
        self.weighted = full["weighted"]
        self.class_names = full["class_names"]
        self.num_groups = full["num_groups"]
        self.sync = full["sync"]
        self.on_invalid = full["on_invalid"]
        self._value_check = ValueCheck(self.name, self.rule)
        self._invalid_rows = InvalidRows(self.name, self.on_invalid)
        self.spec = self._make_spec()
        expected = None if self.num_classes is None else self._layout(self.num_classes)
        self.accumulator = Accumulator(
            f"{self.name}_counts", expected, self.weighted, self._layout, self.spec.decision_text
        )
        if legacy_keras.IS_LEGACY:
            self.result = legacy_keras.choose_result(self)  # type: ignore[method-assign]

    def __init_subclass__(cls, **arguments: Any) -> None:
        """Show every keyword of the constructor in `help()` and to tools."""
        super().__init_subclass__(**arguments)
        show_options(MetricOptions, DEFAULTS, cls._unsupported)(cls)

    def score(self, counts: Counts) -> Any:
        """Derive the value of the metric, in float64, from counts summed over replicas."""
        return table.SCORES[str(self._score)].function(counts)

    @property
    def threshold(self) -> float | tuple[float, ...] | None:
        """The threshold of the decision, or `None` for argmax and top-k."""
        return self.rule.threshold

    @_do_not_convert
    def update_state(
        self,
        y_true: Any,
        y_pred: Any,
        sample_weight: Any = None,
        mask: Any = None,
        by: Any = None,
    ) -> None:
        """Count one batch on this replica.

        Args:
            y_true: Class ids `[...]` or `[..., 1]` of any numeric dtype, or 0/1 targets
                `[..., C]`.
            y_pred: Logits or probabilities `[..., C]`; with a threshold also binary ones, `[B]` or
                `[B, 1]`; or class ids `[...]` as integers, which need `num_classes`.
            sample_weight: Numbers, one per row or per leading axes (`[B]` for `[B, T]`). Rows of
                weight 0 are left out. Booleans are a mask.
            mask: Booleans, shaped like `sample_weight`.
            by: Group ids from 0 to `num_groups - 1`, shaped like `sample_weight`.

        Raises:
            ValueError: Inputs do not match each other or earlier updates, or the call is outside
                of `strategy.run` under a strategy with several workers.
            RuntimeError: The graph is run by a session; see `dist_f1.compat.v1`.
        """
        strategy = self.accumulator.strategy
        update_context.check(strategy)
        rows = inputs.flatten(
            y_true, y_pred, sample_weight, mask, by, rule=self.rule, num_classes=self.num_classes
        )
        if self.class_names is not None:
            check_names(self.class_names, max(rows.num_classes, 2))
        weighted = rows.is_weighted
        if self.weighted is False and weighted:
            raise ValueError(
                "sample_weight was passed to a metric with weighted=False. Pass weighted=True."
            )
        self._value_check.look_at(rows.y_pred)
        layout = self.accumulator.fitting(self.spec.layout_of(rows))
        self._check_classes(rows.num_classes)
        is_dry_run = update_context.is_dry_run(strategy)
        vector = None if is_dry_run else eager.count(self.spec, rows, layout)
        self.accumulator.build(layout, weighted or bool(self.weighted))
        if vector is not None:
            self.accumulator.add_vector(vector)

    def result(self) -> Any:
        """Return the score; see `on_invalid` for rows that could not be counted."""
        if tf.executing_eagerly():
            # Before the callbacks run at the end of an epoch, and look for the best one.
            directions.set_modes_for_metric(self)
        if self.log_entries():
            log_names.check(call_stack.active_model())
        return self._derive(self._value)

    def value_of(self, counts: Counts, value: Callable[[Counts, Finish], Any] | None = None) -> Any:
        """Derive the result, or another value, from counts that `accumulator.read()` returned.

        `value` gets the counts, and a function to cast float64 values with, or to make them NaN.
        """
        finish = self._invalid_rows.finish(self._overall(counts), self._cast)
        return (value or self._value)(counts, finish)

    def log_entries(self) -> tuple[str, ...]:
        """Return the names of the entries if the result is a dict, as far as they are known."""
        return ()

    def direction_of(self, entry: str) -> directions.Direction | None:
        """Return whether higher values of a log entry are better; `None` for other entries."""
        if entry != self.name:
            return None
        lower = self._score in table.SCORES and table.SCORES[self._score].lower_is_better
        return "down" if lower else "up"

    def result_by_group(self) -> Any:
        """Return the score of each group, in a leading axis; NaN for a group without rows."""
        self._require_groups()
        return self._derive(lambda counts, finish: finish(by_group.by_group(self.score, counts)))

    def gap(self) -> Any:
        """Return the largest difference of the score between two groups that have rows."""
        self._require_groups()
        return self._derive(lambda counts, finish: finish(by_group.gap(self.score, counts)))

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Update, then return the result. Outside of replicas, a row counts once."""
        self.update_state(*args, **kwargs)
        return self.result()

    @_do_not_convert
    def counts(self) -> Counts:
        """Return the counts of all replicas, and of all groups."""
        return self._overall(self.accumulator.read())

    def counts_by_group(self) -> Counts:
        """Return the counts of all replicas with a leading axis of groups; see `Counts.at`."""
        self._require_groups()
        return self.accumulator.read()

    @_do_not_convert
    def merge_state(self, metrics: Iterable[CountsMetric]) -> None:
        """Add what other metrics have counted, as if this metric had seen their rows too.

        Outside of `strategy.run` the counts of the others over all their replicas are added once,
        for one collective each; they may belong to another strategy. Inside, each replica adds its
        own counts, and nothing is sent. To merge saved counts of other jobs, add values:
        `Counts.load(path) + metric.counts()`.

        Args:
            metrics: Metrics of this library with the same number of classes and decision.

        Raises:
            ValueError: The classes or decisions differ; or, under several workers, the counts
                belong to one worker. Nothing is merged then.
        """
        merging.merge(self, metrics)

    def report(self, digits: int = 2, output_dict: bool = False) -> Any:
        """Return the classification report of all replicas; see `dist_f1.report`. Eager only."""
        return report(
            self.counts(),
            self.class_names,
            digits,
            output_dict,
            labels=self.labels,
            zero_division=self.zero_division,
        )

    def reset_state(self) -> None:
        """Set all counts to zero."""
        self._invalid_rows.reset()
        self.accumulator.reset()

    def get_config(self) -> dict[str, Any]:
        """Return the arguments, for `from_config`."""
        names = ["threshold", *DEFAULTS]
        config = {name: getattr(self, name) for name in names if name not in self._unsupported}
        plain = {k: list(v) if isinstance(v, tuple) else v for k, v in config.items()}
        return {**super().get_config(), **plain}

    def _make_spec(self) -> CountSpec | SweepSpec:
        return CountSpec(
            self.rule, self.ignore_class, self._needs_confusion, self._betas, self.num_groups
        )

    def _check_classes(self, num_classes: int) -> None:
        """Raise `ValueError` if the score is not defined for these decisions of C classes."""
        score = table.SCORES.get(str(self._score))
        needs_one = score is not None and score.one_class_per_row
        if needs_one and self.rule.is_multilabel(num_classes):
            raise ValueError(
                f"{type(self).__name__} needs one class per row, but threshold or top_k may "
                "predict several. For one binary value per row, pass num_classes=1 or y_pred of "
                "shape [B]."
            )

    def _value(self, counts: Counts, finish: Finish) -> Any:
        """Derive the result from the stored counts of all replicas."""
        return tf.nest.map_structure(finish, self.score(self._overall(counts)))

    def _cast(self, value: Any) -> Any:
        return tf.cast(value, self.dtype)

    def _layout(self, num_classes: int) -> Layout:
        self._check_classes(num_classes)
        return self.spec.layout(num_classes)

    def _overall(self, counts: Counts) -> Counts:
        return counts if self.num_groups is None else counts.overall()

    @_do_not_convert
    def _derive(self, value: Callable[[Counts, Finish], Any]) -> Any:
        """Derive a value from one read."""
        accumulator = self.accumulator
        if update_context.is_dry_run(accumulator.strategy):
            return self.value_of(accumulator.zeros(), value)
        if self.sync == "step":
            return accumulator.derive(lambda counts: self.value_of(counts, value))
        return self.value_of(accumulator.read_locally(), value)

    def _require_groups(self) -> None:
        if self.num_groups is None:
            raise ValueError(
                f"{self.name} does not count by groups. Pass num_groups=, and by= to update_state."
            )
