"""`ResultsCallback`: reads the counts of each epoch on every worker, for the chief to deliver.

Which epoch, which split and which metric are decided here. Subclasses print, or write.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

import tensorflow as tf

from dist_f1.callbacks.evaluate_scores import EvaluateScores
from dist_f1.callbacks.model_metrics import metrics_of, most_detailed, strategy_of
from dist_f1.callbacks.splits import split_of
from dist_f1.counts import Counts
from dist_f1.counts.limits import check_positive
from dist_f1.counts.validity import describe_invalid
from dist_f1.counts.visible_text import visible_name
from dist_f1.metrics import ThresholdSweep, call_stack
from dist_f1.metrics.base import CountsMetric
from dist_f1.replicas import contexts
from dist_f1.sweeps import Sweep

_SPLITS = ("train", "validation")


class NamedSweep(NamedTuple):
    """A sweep, and the names of its classes or `None`."""

    sweep: Sweep
    class_names: Sequence[str] | None


class Results(NamedTuple):
    """Global counts of one split.

    Fields:
        split: `"train"`, `"validation"`, `"evaluation"`, or the name of the data.
        epoch: Number of the epoch from 1, or `None` outside of `fit`.
        metric: Metric that has counted.
        counts: Counts of the metric as NumPy arrays.
        sweeps: Sweeps of the model by the name of their metric.
        class_names: C names, or `None`.
    """

    split: str
    epoch: int | None
    metric: CountsMetric
    counts: Counts
    sweeps: dict[str, NamedSweep]
    class_names: Sequence[str] | None

    @property
    def averaging(self) -> dict[str, Any]:
        """The arguments of a report that the metric was created with."""
        return {"labels": self.metric.labels, "zero_division": self.metric.zero_division}

    @property
    def title(self) -> str:
        """Describe epoch, split and size."""
        unit = "weight" if self.counts.is_weighted else "rows"
        epoch = "" if self.epoch is None else f"epoch {self.epoch}, "
        return f"{epoch}{visible_name(self.split)}, {self.counts.total:g} {unit}"


class ResultsCallback(tf.keras.callbacks.Callback):
    """Read the counts of each epoch once. Every worker reads; the chief delivers.

    Args:
        metric: Metric of the model, an `EvaluateScores` that comes before this callback, or `None`
            for the most detailed metric of the model.
        every: Number of epochs from one delivery to the next.
        class_names: C names; by default those of the metric.
        split: `"train"` or `"validation"`; `None` for validation data if there are any. With an
            `EvaluateScores`, the name of its data.

    Raises:
        ValueError: An argument is out of range.
    """

    # Whether the sweeps of the model are read too.
    _reads_sweeps = False

    def __init__(
        self,
        metric: CountsMetric | EvaluateScores | None,
        every: int,
        class_names: Sequence[str] | None,
        split: str | None,
    ) -> None:
        super().__init__()
        if not isinstance(metric, CountsMetric | EvaluateScores | None):
            raise ValueError(
                f"metric must be a metric of dist_f1, an EvaluateScores or None, got {metric!r}."
            )
        check_positive("every", every)
        if split not in (None, *_SPLITS) and not isinstance(metric, EvaluateScores):
            raise ValueError(f"split must be one of {', '.join(_SPLITS)} or None, got {split!r}.")
        self._source = metric
        self._every = every
        self._class_names = class_names
        self._split = split
        # The current epoch, and whether it is delivered already.
        self._epoch: int | None = None
        self._is_delivered = False

    def _deliver(self, results: Results) -> None:
        """Print or write. Only the chief calls this method."""
        raise NotImplementedError

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Check that an `EvaluateScores` comes before this callback."""
        self._epoch = None
        callbacks = call_stack.active_callbacks()
        if not isinstance(self._source, EvaluateScores) or self not in callbacks:
            return
        if self._source not in callbacks[: callbacks.index(self)]:
            raise ValueError(
                f"The EvaluateScores of this {type(self).__name__} does not come before it. Put "
                "EvaluateScores first in the list of callbacks."
            )

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Store the epoch."""
        self._epoch, self._is_delivered = epoch, False

    def on_test_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Read the training data, before validation resets its counts."""
        if self._epoch is not None and self._split == "train":
            self._read_model("train")

    def on_test_end(self, logs: dict[str, Any] | None = None) -> None:
        """Read the validation data, before another callback can evaluate other data."""
        if self._epoch is None:
            self._read_model("evaluation")
        elif self._split != "train":
            self._read_model("validation")

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Read the epoch unless an earlier hook did."""
        source = self._source
        if not isinstance(source, EvaluateScores):
            if self._split != "validation":
                self._read_model("train")
        elif source.epoch == epoch and self._is_due():
            split = self._split or split_of(source.prefix)
            self._deliver_on_chief(split, source.metric, source.counts(), {})
        self._epoch = None

    def _is_chief(self) -> bool:
        return contexts.is_chief(strategy_of(self.model))

    def _is_due(self) -> bool:
        if self._epoch is None:
            return True
        return not self._is_delivered and (self._epoch + 1) % self._every == 0

    def _read_model(self, split: str) -> None:
        if isinstance(self._source, EvaluateScores) or not self._is_due():
            return
        self._is_delivered = True
        metric = self._source or most_detailed(metrics_of(self.model))
        candidates = [metric]
        if self._reads_sweeps:
            candidates += [m for m in metrics_of(self.model) if m is not metric]
        try:
            sweeps = {m.name: self._sweep(m) for m in candidates if isinstance(m, ThresholdSweep)}
        except ValueError as error:
            self._warn_or_raise(metric, f"{split}: {error}")
            return
        if metric.name in sweeps:
            counts = sweeps[metric.name].sweep.best(metric.average, labels=metric.labels).counts
        else:
            counts = metric.counts()
        self._deliver_on_chief(split, metric, counts, sweeps)

    def _sweep(self, metric: ThresholdSweep) -> NamedSweep:
        """Read a sweep. Another output may have other classes than `class_names`."""
        sweep = metric.sweep()
        size = max(sweep.num_classes, 2)
        names = (x for x in (self._class_names, metric.class_names) if x and len(x) == size)
        return NamedSweep(sweep, next(names, None))

    def _deliver_on_chief(
        self, split: str, metric: CountsMetric, counts: Counts, sweeps: dict[str, NamedSweep]
    ) -> None:
        if not self._is_chief():
            return
        epoch = None if self._epoch is None else self._epoch + 1
        names = self._class_names or metric.class_names
        results = Results(split, epoch, metric, counts.numpy(), sweeps, names)
        invalid = describe_invalid(results.counts)
        if invalid:
            self._warn_or_raise(metric, f"{results.title}: {invalid}")
        else:
            self._deliver(results)

    def _warn_or_raise(self, metric: CountsMetric, message: str) -> None:
        """Warn that rows could not be counted: a missing report must not end the training."""
        if metric.on_invalid == "raise":
            raise ValueError(message)
        warnings.warn(f"There is no report of {message}", stacklevel=2)
