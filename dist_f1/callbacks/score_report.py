"""`ScoreReport`: the classification report after each epoch."""

from __future__ import annotations

import os
import warnings
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import tensorflow as tf

from dist_f1 import plots
from dist_f1.callbacks import run_files
from dist_f1.callbacks.evaluate_scores import EvaluateScores
from dist_f1.callbacks.images import Images
from dist_f1.counts import Counts
from dist_f1.metrics import ThresholdSweep, directions
from dist_f1.metrics.base import CountsMetric
from dist_f1.replicas import contexts
from dist_f1.reports import report

_SPLITS = ("train", "validation")


class _Reading(NamedTuple):
    """What was read of a metric, once, over all replicas."""

    metric: CountsMetric
    counts: Counts
    sweeps: dict[str, Any]


class ScoreReport(tf.keras.callbacks.Callback):
    """Prints the classification report after each epoch, and writes it to a run directory.

    The report is of the validation data where `fit` has any, otherwise of the rows that were
    trained on, each as the model was when they were its batch. It also works in `evaluate`. Where
    several workers run, all of them read, and the chief prints and writes.

    The run directory gets `report.txt`, `report.json` and `counts.npz`, which are of the last
    report, and `reports/epoch_0001.txt` and so on. TensorBoard gets the confusion matrix, if one
    is kept, and the precision-recall curves of each `dist_f1.ThresholdSweep` in the model.

    Args:
        metric: a metric of this library that the model is compiled with, or an `EvaluateScores`
            that comes before this callback. `None` takes the metric of the model that tells most:
            one with a confusion matrix, with names of classes, the first.
        run_dir: where to write; `None` writes nothing.
        digits: decimals in the text.
        every: report after each `every`-th epoch.
        tensorboard_dir: where to write an event file with pictures; needs matplotlib.
        print_fn: what to print with; `None` prints nothing.
        class_names: by default those of the metric.
        split: `"train"` or `"validation"`, to report of these rows only. With an
            `EvaluateScores`, what to call its data.

    Raises:
        ImportError: `tensorboard_dir` without matplotlib.
        ValueError: an argument out of its range.

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
        self._images = None if tensorboard_dir is None else Images(tensorboard_dir)
        self._print = print_fn
        self._class_names = class_names
        self._split = split
        # The epoch that is running, and whether it has been reported.
        self._epoch: int | None = None
        self._done = False
        self._step = 0

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Checks that an `EvaluateScores` comes before."""
        self._epoch = None
        others = directions.running()
        if not isinstance(self._source, EvaluateScores) or self not in others:
            return
        if self._source not in others[: others.index(self)]:
            raise ValueError(
                "ScoreReport reports what an EvaluateScores has counted, which must come before it "
                "in the list of callbacks."
            )

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Notes the epoch."""
        self._epoch, self._done = epoch, False

    def on_test_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Reports the training data: validation is about to reset what was counted of it."""
        if self._epoch is not None and self._split == "train":
            self._report_of_model("train")

    def on_test_end(self, logs: dict[str, Any] | None = None) -> None:
        """Reports the validation data, before anyone else can evaluate anything."""
        if self._epoch is None:
            self._report_of_model("evaluation")
        elif self._split != "train":
            self._report_of_model("validation")

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Reports what there was no earlier occasion for."""
        source = self._source
        if not isinstance(source, EvaluateScores):
            if self._split != "validation":
                self._report_of_model("train")
        elif source.epoch == epoch and self._is_due():
            name = source.prefix.rstrip("_")
            split = self._split or {"val": "validation", "": "evaluation"}.get(name, name)
            self._deliver(_Reading(source.metric, source.counts(), {}), split)
        self._epoch = None

    def _is_due(self) -> bool:
        return self._epoch is None or (not self._done and (self._epoch + 1) % self._every == 0)

    def _report_of_model(self, split: str) -> None:
        if isinstance(self._source, EvaluateScores) or not self._is_due():
            return
        self._done = True
        metric = self._source or most_telling(metrics_of(self.model))
        wanted = [metric]
        if self._images is not None:
            wanted += [m for m in metrics_of(self.model) if isinstance(m, ThresholdSweep)]
        sweeps = {m.name: m.sweep() for m in wanted if isinstance(m, ThresholdSweep)}
        if metric.name in sweeps:
            counts = sweeps[metric.name].best(metric.average, labels=metric.labels).counts
        else:
            counts = metric.counts()
        self._deliver(_Reading(metric, counts, sweeps), split)

    def _deliver(self, reading: _Reading, split: str) -> None:
        """Prints and writes, on the chief."""
        metric, counts = reading.metric, reading.counts.numpy()
        if not contexts.is_chief(metric.accumulator.strategy):
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
            run_files.write(self._run_dir, epoch, text, as_dict, counts)
        self._step = self._step + 1 if epoch is None else epoch
        if self._images is not None:
            self._draw(self._images, reading._replace(counts=counts), names, split)

    def _title(self, split: str, counts: Counts) -> str:
        unit = "weight" if counts.is_weighted else "rows"
        epoch = "" if self._epoch is None else f"epoch {self._epoch + 1}, "
        return f"{epoch}{split}, {counts.total:g} {unit}"

    def _draw(
        self, images: Images, reading: _Reading, names: Sequence[str] | None, split: str
    ) -> None:
        counts = reading.counts
        square = isinstance(counts.confusion, tuple)
        if square and counts.num_classes > 2 and not counts.is_multilabel:
            if not reading.sweeps:
                warnings.warn(
                    f"{reading.metric.name} keeps no confusion matrix, so there is none to draw. "
                    "Use dist_f1.Scores(confusion=True) or dist_f1.ConfusionMatrix.",
                    stacklevel=2,
                )
        else:
            figure = plots.confusion_matrix(counts, names)
            images.write(f"{split}/confusion_matrix", figure, self._step)
        for name, sweep in reading.sweeps.items():
            figure = plots.precision_recall(sweep, names)
            images.write(f"{split}/{name}", figure, self._step)


def metrics_of(model: Any) -> list[CountsMetric]:
    """The metrics of this library that a model is compiled with."""
    return list(_flat(getattr(model, "metrics", ())))


def most_telling(metrics: Sequence[CountsMetric]) -> CountsMetric:
    """The metric whose counts tell most.

    Raises:
        ValueError: there is none.
    """
    if not metrics:
        raise ValueError(
            "The model is compiled without a metric of dist_f1. Add one, dist_f1.Scores() say, or "
            "pass ScoreReport an EvaluateScores callback."
        )

    def worth(metric: CountsMetric) -> tuple[bool, ...]:
        swept = isinstance(metric, ThresholdSweep)
        return not swept, metric._confusion, metric.class_names is not None

    return max(metrics, key=worth)


def _flat(metrics: Iterable[Any]) -> Iterator[CountsMetric]:
    for metric in metrics:
        if isinstance(metric, CountsMetric):
            yield metric
        else:
            # Keras 3 puts those of compile into one.
            yield from _flat(getattr(metric, "metrics", ()))
