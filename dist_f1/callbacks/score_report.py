"""`ScoreReport`: the classification report after each epoch."""

import os
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import tensorflow as tf

from dist_f1 import plots
from dist_f1.callbacks import run_files
from dist_f1.callbacks.evaluate_scores import EvaluateScores
from dist_f1.callbacks.images import ImageWriter
from dist_f1.counting import CountSpec
from dist_f1.counts import Counts
from dist_f1.counts.validity import describe_invalid
from dist_f1.metrics import ThresholdSweep, call_stack
from dist_f1.metrics.base import CountsMetric
from dist_f1.pages.results import Evaluation
from dist_f1.replicas import contexts
from dist_f1.reports import report
from dist_f1.sweeps import Sweep

_SPLITS = ("train", "validation")


class _Results(NamedTuple):
    """Counts of the reported metric, and sweeps of the model by name, each read once."""

    metric: CountsMetric
    counts: Counts
    sweeps: dict[str, Sweep]


class ScoreReport(tf.keras.callbacks.Callback):
    """Print the classification report after each epoch, and write it to a run directory.

    The report shows the validation data of `fit`. Without validation data, it shows the training
    data, with the predictions made during the epoch. The callback also works in `evaluate`. With
    several workers, all of them read the metrics, and the chief prints and writes.

    The run directory gets `report.txt`, `report.json` and `counts.npz` of the last report,
    `reports/epoch_0001.txt` etc., `metrics.jsonl` with the logs of each epoch, and `sweep.npz` if
    the model has a `dist_f1.ThresholdSweep`. After the training or an evaluation, it gets the page
    `report.html`, if jinja2 is installed.

    TensorBoard gets the confusion matrix, if there is one, and the precision-recall curves of each
    `dist_f1.ThresholdSweep` in the model.

    Args:
        metric: Metric of this library with which the model is compiled, or an `EvaluateScores` that
            comes before this callback. `None` selects the most detailed metric of the model: one
            with a confusion matrix, then one with class names, then the first.
        run_dir: Directory to write to; `None` writes nothing.
        digits: Number of decimals in the text.
        every: Number of epochs from one report to the next.
        tensorboard_dir: Directory of an event file with images; needs matplotlib.
        print_fn: Function that prints; `None` prints nothing.
        class_names: C names; by default those of the metric.
        split: `"train"` or `"validation"`, to report only these rows. With an `EvaluateScores`,
            the name of its data.

    Raises:
        ImportError: `tensorboard_dir` without matplotlib.
        ValueError: An argument is out of range.

    Example:
        >>> import numpy as np
        >>> import dist_f1
        >>> model = tf.keras.Sequential([tf.keras.layers.Activation("linear")])
        >>> model.compile(loss="mse", metrics=[dist_f1.F1Score("macro")])
        >>> callback = ScoreReport(digits=2, print_fn=lambda text: print(text.split()[0]))
        >>> x, y = np.eye(2, dtype=np.float32), np.eye(2, dtype=np.float32)
        >>> _ = model.evaluate(x, y, callbacks=[callback], verbose=0)
        evaluation,
    """

    def __init__(
        self,
        metric: CountsMetric | EvaluateScores | None = None,
        *,
        run_dir: str | os.PathLike[str] | None = None,
        digits: int = 4,
        every: int = 1,
        tensorboard_dir: str | os.PathLike[str] | None = None,
        print_fn: Callable[[str], Any] | None = print,
        class_names: Sequence[str] | None = None,
        split: str | None = None,
    ) -> None:
        super().__init__()
        if not isinstance(metric, CountsMetric | EvaluateScores | None):
            raise ValueError(
                f"metric must be a metric of dist_f1, an EvaluateScores or None, got {metric!r}."
            )
        if every < 1:
            raise ValueError(f"every must be a positive integer, got {every!r}.")
        if split not in (None, *_SPLITS) and not isinstance(metric, EvaluateScores):
            raise ValueError(f"split must be one of {', '.join(_SPLITS)} or None, got {split!r}.")
        self._source = metric
        self._run_dir = run_dir
        self._digits = digits
        self._every = every
        self._images = None if tensorboard_dir is None else ImageWriter(tensorboard_dir)
        self._print = print_fn
        self._class_names = class_names
        self._split = split
        # The current epoch, and whether it is reported already.
        self._epoch: int | None = None
        self._is_reported = False
        self._step = 0
        # Logs of the epochs; and on the chief, what the page shows.
        self._records: list[dict[str, Any]] = []
        self._latest: Evaluation | None = None

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Check that an `EvaluateScores` comes before this callback."""
        self._epoch, self._records, self._latest = None, [], None
        callbacks = call_stack.active_callbacks()
        if not isinstance(self._source, EvaluateScores) or self not in callbacks:
            return
        if self._source not in callbacks[: callbacks.index(self)]:
            raise ValueError(
                "The EvaluateScores of this ScoreReport does not come before it. Put "
                "EvaluateScores first in the list of callbacks."
            )

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Store the epoch."""
        self._epoch, self._is_reported = epoch, False

    def on_test_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Report the training data, before validation resets its counts."""
        if self._epoch is not None and self._split == "train":
            self._report_of_model("train")

    def on_test_end(self, logs: dict[str, Any] | None = None) -> None:
        """Report the validation data, before another callback can evaluate other data."""
        if self._epoch is None:
            self._report_of_model("evaluation")
        elif self._split != "train":
            self._report_of_model("validation")

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Report the epoch unless an earlier hook did."""
        source = self._source
        if not isinstance(source, EvaluateScores):
            if self._split != "validation":
                self._report_of_model("train")
        elif source.epoch == epoch and self._is_due():
            name = source.prefix.rstrip("_")
            split = self._split or {"val": "validation", "": "evaluation"}.get(name, name)
            self._deliver(_Results(source.metric, source.counts(), {}), split)
        self._records += run_files.records_of_logs(epoch + 1, logs or {})
        if self._latest is not None and self._run_dir is not None:
            history = run_files.write_history(self._run_dir, self._records)
            self._latest = self._latest._replace(history=history)
        self._epoch = None

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Write the page."""
        self._write_page()

    def _write_page(self) -> None:
        if self._latest is not None and self._run_dir is not None:
            run_files.write_page(self._run_dir, self._latest)

    def _is_due(self) -> bool:
        if self._epoch is None:
            return True
        return not self._is_reported and (self._epoch + 1) % self._every == 0

    def _report_of_model(self, split: str) -> None:
        if isinstance(self._source, EvaluateScores) or not self._is_due():
            return
        self._is_reported = True
        metric = self._source or most_detailed(metrics_of(self.model))
        candidates = [metric]
        if self._images is not None or self._run_dir is not None:
            candidates += metrics_of(self.model)
        try:
            sweeps = {m.name: m.sweep() for m in candidates if isinstance(m, ThresholdSweep)}
        except ValueError as error:
            _warn_or_raise(metric, f"{split}: {error}")
            return
        if metric.name in sweeps:
            counts = sweeps[metric.name].best(metric.average, labels=metric.labels).counts
        else:
            counts = metric.counts()
        self._deliver(_Results(metric, counts, sweeps), split)

    def _deliver(self, results: _Results, split: str) -> None:
        """Print and write on the chief."""
        metric, counts = results.metric, results.counts.numpy()
        if not contexts.is_chief(metric.accumulator.strategy):
            return
        invalid = describe_invalid(counts)
        if invalid:
            _warn_or_raise(metric, f"{self._title(split, counts)}: {invalid}")
            return
        names = self._class_names or metric.class_names
        averaging: dict[str, Any] = {"labels": metric.labels, "zero_division": metric.zero_division}
        text = report(counts, names, self._digits, **averaging)
        text = f"{self._title(split, counts)}\n\n{text}"
        if self._print is not None:
            self._print(text if self._epoch is None else f"\n{text}")
        epoch = None if self._epoch is None else self._epoch + 1
        if self._run_dir is not None:
            as_dict = report(counts, names, output_dict=True, **averaging)
            sweep = _sweep_of(results)
            run_files.write_report(self._run_dir, epoch, text, as_dict, counts, sweep)
            title = self._title(split, counts)
            average = getattr(metric, "average", None) or "macro"
            self._latest = Evaluation(title, counts, names, sweep, average=average)
            if epoch is None:
                self._write_page()
        self._step = self._step + 1 if epoch is None else epoch
        if self._images is not None:
            self._draw(self._images, results._replace(counts=counts), names, split)

    def _title(self, split: str, counts: Counts) -> str:
        unit = "weight" if counts.is_weighted else "rows"
        epoch = "" if self._epoch is None else f"epoch {self._epoch + 1}, "
        return f"{epoch}{split}, {counts.total:g} {unit}"

    def _draw(
        self, images: ImageWriter, results: _Results, names: Sequence[str] | None, split: str
    ) -> None:
        counts = results.counts
        has_matrix = not isinstance(counts.confusion, tuple)
        if has_matrix or counts.num_classes <= 2 or counts.is_multilabel:
            figure = plots.confusion_matrix(counts, names)
            images.write(f"{split}/confusion_matrix", figure, self._step)
        elif not results.sweeps:
            warnings.warn(
                f"{results.metric.name} has no confusion matrix to draw. Use "
                "dist_f1.Scores(confusion=True) or dist_f1.ConfusionMatrix.",
                stacklevel=2,
            )
        for name, sweep in results.sweeps.items():
            figure = plots.precision_recall(sweep, names)
            images.write(f"{split}/{name}", figure, self._step)


def _sweep_of(results: _Results) -> Sweep | None:
    """Return the first sweep of the classes of the counts."""
    classes = results.counts.num_classes
    sweeps = (sweep.numpy() for sweep in results.sweeps.values())
    return next((sweep for sweep in sweeps if sweep.num_classes == classes), None)


def _warn_or_raise(metric: CountsMetric, message: str) -> None:
    """Warn that rows could not be counted: a missing report must not end the training."""
    if metric.on_invalid == "raise":
        raise ValueError(message)
    warnings.warn(f"There is no report of {message}", stacklevel=2)


def metrics_of(model: tf.keras.Model) -> list[CountsMetric]:
    """Return the metrics of this library with which a model is compiled."""
    return list(_flatten(getattr(model, "metrics", ())))


def most_detailed(metrics: Sequence[CountsMetric]) -> CountsMetric:
    """Return the metric whose counts have the most details.

    Raises:
        ValueError: There are no metrics.
    """
    if not metrics:
        raise ValueError(
            "The model is compiled without a metric of dist_f1. Add one, e.g. dist_f1.Scores(), or "
            "pass an EvaluateScores callback to ScoreReport."
        )

    def details(metric: CountsMetric) -> tuple[bool, ...]:
        has_matrix = isinstance(metric.spec, CountSpec) and metric.spec.confusion
        return not isinstance(metric, ThresholdSweep), has_matrix, metric.class_names is not None

    return max(metrics, key=details)


def _flatten(metrics: Iterable[Any]) -> Iterator[CountsMetric]:
    for metric in metrics:
        if isinstance(metric, CountsMetric):
            yield metric
        else:
            # Keras 3 wraps the metrics of compile in one metric.
            yield from _flatten(getattr(metric, "metrics", ()))
