"""`Tracker`: when a callback writes to an experiment tracker; subclasses write."""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from typing_extensions import Unpack

from dist_f1.callbacks.evaluate_scores import EvaluateScores
from dist_f1.callbacks.model_metrics import metrics_of
from dist_f1.callbacks.results import Results, ResultsCallback
from dist_f1.callbacks.splits import by_split
from dist_f1.callbacks.trackers import contents
from dist_f1.callbacks.trackers.options import DEFAULTS, Hparams, TrackerOptions
from dist_f1.metrics import log_names
from dist_f1.metrics.argument_hints import check_known
from dist_f1.metrics.signatures import keywords_of
from dist_f1.pages import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure


class Tracker(ResultsCallback):
    """Write the logs of each epoch, and the report, curves and figures of its counts.

    Every worker reads the metrics; the chief alone writes. Logs that are arrays `[C]` are written
    as a number for each class.

    Args:
        **options: See `TrackerOptions`.

    Raises:
        ImportError: A package is not installed.
        ValueError: An argument is out of range.
    """

    _reads_sweeps = True

    def __init__(self, **options: Unpack[TrackerOptions]) -> None:
        check_known(options, DEFAULTS, keywords_of(type(self), TrackerOptions))
        full: TrackerOptions = {**DEFAULTS, **options}
        super().__init__(full["metric"], full["every"], full["class_names"], full["split"])
        figures = full["figures"]
        if figures and importlib.util.find_spec("matplotlib") is None:
            raise ImportError(
                "matplotlib is not installed, and figures need it; pip install 'dist-f1[plot]', or "
                "pass figures=False."
            )
        self._hparams = dict(full["hparams"] or {})
        self._has_figures = figures
        # The number of the last epoch, or of evaluations after it.
        self._step = 0

    def _write_hparams(self, hparams: Hparams) -> None:
        """Write the hyperparameters, before the first epoch."""
        raise NotImplementedError

    def _write_scalars(self, split: str, numbers: dict[str, float], step: int) -> None:
        """Write the numbers of a split."""
        raise NotImplementedError

    def _write_results(
        self, results: Results, table: Table, figures: dict[str, Figure], step: int
    ) -> None:
        """Write the report, the figures, and the curves of `results.sweeps`."""
        raise NotImplementedError

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Write the hyperparameters."""
        super().on_train_begin(logs)
        if self._hparams and self._is_chief():
            self._write_hparams(self._hparams)

    def on_epoch_begin(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Store the epoch."""
        super().on_epoch_begin(epoch, logs)
        self._step = epoch + 1

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Write the epoch."""
        super().on_epoch_end(epoch, logs)
        prefixes = ["val_"]
        if isinstance(self._source, EvaluateScores):
            prefixes.append(self._source.prefix)
        for split, values in by_split(logs or {}, prefixes).items():
            self._write_logs(split, values)

    def on_test_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Start another step outside of `fit`."""
        if self._epoch is None:
            self._step += 1
        super().on_test_begin(logs)

    def on_test_end(self, logs: dict[str, Any] | None = None) -> None:
        """Write an evaluation outside of `fit`."""
        super().on_test_end(logs)
        if self._epoch is None:
            self._write_logs("evaluation", logs or {})

    def _write_logs(self, split: str, logs: Mapping[str, Any]) -> None:
        if not self._is_chief():
            return
        numbers = contents.scalars(logs, self._names_of_entries())
        if numbers:
            self._write_scalars(split, numbers, self._step)

    def _deliver(self, results: Results) -> None:
        figures = contents.figures(results) if self._has_figures else {}
        self._write_results(results, contents.report_of(results), figures, self._step)

    def _names_of_entries(self) -> dict[str, Sequence[str]]:
        """Return the class names of metrics by their names in the logs."""
        names: dict[str, Sequence[str]] = {}
        for metric in metrics_of(self.model):
            shown = self._class_names or metric.class_names
            if metric.labels is not None:
                all_names = dict(enumerate(shown or ()))
                shown = [all_names.get(k, str(k)) for k in metric.labels]
            if shown is not None:
                names |= {entry: shown for entry in log_names.names_of(self.model, metric)}
        return names
