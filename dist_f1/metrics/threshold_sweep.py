"""Counts at many thresholds as a metric."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from typing_extensions import Unpack

from dist_f1.counts import Counts
from dist_f1.counts.validity import raise_if_invalid
from dist_f1.metrics import directions
from dist_f1.metrics.base import CountsMetric, Finish
from dist_f1.metrics.options import MetricOptions
from dist_f1.reports import report
from dist_f1.scores.averaging import check_averaging
from dist_f1.sweeps.counting import SweepSpec
from dist_f1.sweeps.grid import Grid
from dist_f1.sweeps.sweep import Sweep, SweepAverage, check_positive

_ENTRIES = ("average_precision", "best_f1", "best_threshold")


@tf.keras.utils.register_keras_serializable(package="dist_f1")
class ThresholdSweep(CountsMetric):
    """Counts at every threshold over all replicas, from one pass over the predictions.

    Each class is decided separately, as with `threshold=`: binary and multilabel scores, or the
    classes of a softmax, one against the rest. `sweep()` gives the precision-recall curves,
    average precision, the best thresholds and the counts at each threshold. The state has T + 1
    buckets for each class. Updating sends nothing, and reading costs one collective.

    `result()` is a dict: `average_precision`, `best_f1`, and `best_threshold`, the one threshold
    at which the F1 of all classes is highest.

    Args:
        thresholds: Number of thresholds, evenly spaced from `1 / T` to 1, or the thresholds,
            `0 < t <= 1`.
        average: Average of average precision and F1 over classes: `"macro"`, `"micro"` or
            `"weighted"`.
        name: Name of the metric. Entries of the result do not include it.
        dtype: Dtype of the result.
        prefix: Prefix of all entry names, to distinguish two sweeps of one model.
        **options: See `dist_f1.metrics.MetricOptions`; without `top_k`, `num_groups` and
            `zero_division`.

    Raises:
        ValueError: An argument out of its range.

    Example:
        >>> metric = ThresholdSweep(thresholds=20)
        >>> metric.update_state([0, 0, 1, 1], [0.1, 0.4, 0.35, 0.8])
        >>> {name: round(float(value), 3) for name, value in metric.result().items()}
        {'average_precision': 0.833, 'best_f1': 0.8, 'best_threshold': 0.1}
    """

    _default_name = "threshold_sweep"
    _unsupported: Mapping[str, str] = {
        "threshold": "Pass thresholds=.",
        "top_k": "A sweep decides each class separately. Use another metric for top-k decisions.",
        "num_groups": "Make a sweep for each group.",
        "zero_division": "Pass it to the functions of scores, with sweep().counts.",
    }

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
        if "threshold" in options:
            raise ValueError(f"ThresholdSweep has no threshold=. {self._unsupported['threshold']}")
        self._grid = Grid.from_spec(thresholds)
        self._given_thresholds = thresholds
        self.average = average
        self.prefix = prefix
        # The threshold is not used: any one decides each class separately.
        super().__init__(0.5, name, dtype, average=average, **options)

    @property
    def threshold(self) -> None:
        """`None`, since there are many."""

    @property
    def thresholds(self) -> tuple[float, ...]:
        """All thresholds, ascending."""
        return self._grid.thresholds

    def log_entries(self) -> tuple[str, ...]:
        """Return the names of the entries."""
        return tuple(f"{self.prefix}{name}" for name in _ENTRIES)

    def direction_of(self, entry: str) -> directions.Direction | None:
        """Return whether higher values of a log entry are better; `None` for a threshold."""
        higher_is_better = (f"{self.prefix}average_precision", f"{self.prefix}best_f1")
        return "up" if entry in higher_is_better else None

    def sweep(self) -> Sweep:
        """Return the counts of all replicas at every threshold. Eager only.

        Raises:
            ValueError: Rows could not be counted, or the call is inside a `tf.function`.
        """
        counts = self.accumulator.read().numpy()
        raise_if_invalid(counts)
        return Sweep.from_buckets(self._grid, counts)

    def counts(self) -> Counts:
        """Return the counts of all replicas, with a leading axis of thresholds."""
        return Sweep.from_buckets(self._grid, self.accumulator.read()).counts

    def report(
        self, digits: int = 2, output_dict: bool = False, threshold: float | None = None
    ) -> Any:
        """Return the classification report at a threshold, by default the best. Eager only."""
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
        """Return the arguments, for `from_config`."""
        given = self._given_thresholds
        return {
            **super().get_config(),
            "average": self.average,
            "thresholds": given if isinstance(given, int) else list(self.thresholds),
            "prefix": self.prefix,
        }

    def score(self, counts: Counts) -> dict[str, Any]:
        """Derive the entries, in float64, from counts at the thresholds."""
        sweep = Sweep(np.asarray(self.thresholds), counts)
        best = sweep.best(self.average, labels=self.labels)
        precision = sweep.average_precision(self.average, self.labels)
        values = (precision, best.score, best.threshold)
        return dict(zip(self.log_entries(), values, strict=True))

    def _make_spec(self) -> SweepSpec:
        return SweepSpec(self._grid, self.from_logits, self.ignore_class)

    def _check_classes(self, num_classes: int) -> None:
        check_averaging(self.average, 0.0, self.labels, num_classes)
        if self.labels is not None and num_classes == 1:
            check_positive(self.labels)

    def _value(self, counts: Counts, finish: Finish) -> Any:
        return super()._value(Sweep.from_buckets(self._grid, counts).counts, finish)
