"""Counts at many thresholds as a metric."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from typing_extensions import Unpack

from dist_f1.batch import groups, inputs
from dist_f1.counts import Counts
from dist_f1.counts.layout import Layout
from dist_f1.counts.validity import raise_if_invalid
from dist_f1.metrics import directions
from dist_f1.metrics.base import CountsMetric
from dist_f1.metrics.options import MetricOptions
from dist_f1.reports import report
from dist_f1.scores.averaging import check_averaging
from dist_f1.sweeps.counting import count_bucket_vector
from dist_f1.sweeps.grid import Grid
from dist_f1.sweeps.sweep import Sweep, SweepAverage, check_positive


@tf.keras.utils.register_keras_serializable(package="dist_f1")
class ThresholdSweep(CountsMetric):
    """Counts at every threshold over all replicas, from one pass over the scores.

    Each class is decided on its own, as with `threshold=`: binary and multilabel scores, or the
    classes of a softmax one against the rest. `sweep()` gives the precision-recall curves, average
    precision, the best thresholds and the counts at each. The state has T + 1 buckets for each
    class; updating sends nothing, and reading is one collective.

    `result()` is a dict: `average_precision`, `best_f1`, and `best_threshold`, the one threshold
    at which the F1 of all classes is highest.

    Args:
        thresholds: how many, evenly spaced from `1 / T` to 1, or the thresholds themselves,
            `0 < t <= 1`.
        average: of average precision and F1 over classes: `"macro"`, `"micro"` or `"weighted"`.
        name: of the metric; entries of the result do not carry it.
        dtype: of the result.
        prefix: of the names of the entries, to tell two sweeps in one model apart.
        **options: see `dist_f1.metrics.MetricOptions`; without `top_k`, `num_groups` and
            `zero_division`.

    Raises:
        ValueError: an argument out of its range.

    Example:
        >>> metric = ThresholdSweep(thresholds=20)
        >>> metric.update_state([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
        >>> {name: round(float(value), 3) for name, value in metric.result().items()}
        {'average_precision': 0.833, 'best_f1': 0.8, 'best_threshold': 0.1}
    """

    _default_name = "threshold_sweep"

    def __init__(
        self,
        thresholds: int | Sequence[float] = 200,
        average: SweepAverage = "macro",
        name: str | None = None,
        dtype: Any = None,
        *,
        prefix: str = "",
        **options: Unpack[MetricOptions],
    ) -> None:
        if average not in ("micro", "macro", "weighted"):
            raise ValueError(f'average must be "micro", "macro" or "weighted", got {average!r}.')
        for option in ("threshold", "top_k", "num_groups", "zero_division"):
            if options.get(option):
                raise ValueError(f"ThresholdSweep takes no {option}=.")
        self._grid = Grid.from_spec(thresholds)
        self._thresholds = self._grid.thresholds
        self._asked_thresholds = thresholds
        self.prefix = prefix
        # The threshold only says that each class has a score of its own.
        super().__init__(average, 0.5, name, dtype, **options)

    @property
    def threshold(self) -> None:
        """There is no single one."""

    @property
    def thresholds(self) -> tuple[float, ...]:
        """All thresholds, ascending."""
        return self._thresholds

    def direction_of(self, entry: str) -> directions.Direction | None:
        """More precision and more F1 are better; a threshold is neither."""
        known = (f"{self.prefix}average_precision", f"{self.prefix}best_f1")
        return "up" if entry in known else None

    def sweep(self) -> Sweep:
        """The counts of all replicas at every threshold. Eager only.

        Raises:
            ValueError: rows could not be counted, or this was called in a `tf.function`.
        """
        counts = self.accumulator.read().numpy()
        raise_if_invalid(counts)
        return Sweep.from_buckets(self._grid, counts)

    def counts(self) -> Counts:
        """The counts of all replicas, with a leading axis of thresholds."""
        return Sweep.from_buckets(self._grid, self.accumulator.read()).counts

    def report(
        self, digits: int = 2, output_dict: bool = False, threshold: float | None = None
    ) -> Any:
        """The classification report at a threshold, by default the best one. Eager only."""
        sweep = self.sweep()
        best = sweep.best(self.average, labels=self.labels).counts
        return report(
            best if threshold is None else sweep.at(threshold),
            self.class_names,
            digits,
            output_dict,
            labels=self.labels,
            zero_division=self.zero_division,
        )

    def get_config(self) -> dict[str, Any]:
        """The arguments, for `from_config`."""
        config = super().get_config()
        for name in ("threshold", "top_k", "num_groups", "zero_division"):
            del config[name]
        asked = self._asked_thresholds
        shown = asked if isinstance(asked, int) else list(self._thresholds)
        return {**config, "thresholds": shown, "prefix": self.prefix}

    def score(self, counts: Counts) -> dict[str, Any]:
        """The entries, in float64, from counts at the thresholds."""
        sweep = Sweep(np.asarray(self.thresholds), counts)
        best = sweep.best(self.average, labels=self.labels)
        values = {
            "average_precision": sweep.average_precision(self.average, self.labels),
            "best_f1": best.score,
            "best_threshold": best.threshold,
        }
        return {f"{self.prefix}{name}": value for name, value in values.items()}

    def _value(self, counts: Counts) -> dict[str, Any]:
        return self.score(Sweep.from_buckets(self._grid, counts).counts)

    def _count(self, rows: inputs.Rows, layout: Layout) -> tf.Tensor:
        groups.group_rows(rows.by, None)
        return count_bucket_vector(rows, self._grid, self.rule.from_logits, self.ignore_class)

    def _layout(self, num_classes: int) -> Layout:
        check_averaging(self.average, 0.0, self.labels, num_classes)
        if self.labels is not None and num_classes == 1:
            check_positive(self.labels)
        return Layout(num_classes, thresholds=self._thresholds)
