"""`ScoreReport`: the classification report after each epoch."""

import math
import os
import pathlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

from dist_f1.callbacks import run_files
from dist_f1.callbacks.evaluate_scores import EvaluateScores
from dist_f1.callbacks.model_metrics import given_metrics, most_detailed
from dist_f1.callbacks.results import Results, ResultsCallback
from dist_f1.counts.limits import check_digits
from dist_f1.counts.visible_text import visible_name
from dist_f1.metrics.base import CountsMetric
from dist_f1.pages.results import Evaluation
from dist_f1.reports import check_keys, report
from dist_f1.sweeps import Sweep


class ScoreReport(ResultsCallback):
    """Print the classification report after each epoch, and write it to a run directory.

    The report shows the validation data of `fit`. Without validation data, it shows the training
    data, with the predictions made during the epoch. The callback also works in `evaluate`. With
    several workers, all of them read the metrics, and the chief prints and writes.

    The run directory gets `report.txt`, `report.json` and `counts.npz` of the last report or, with
    `monitor=`, of the best one. It also gets `reports/epoch_0001.txt` etc., `metrics.jsonl` with
    the logs of each epoch, and `sweep.npz` if the model has a `dist_f1.ThresholdSweep`. After the
    training or an evaluation, it gets the page `report.html`, if jinja2 is installed. For curves
    and figures in TensorBoard, see `TensorBoardScores`.

    Args:
        metric: Metric of this library with which the model is compiled, or an `EvaluateScores` that
            comes before this callback. `None` selects the most detailed metric of the model: one
            with a confusion matrix, then one with class names, then the first.
        run_dir: Directory to write to; `None` writes nothing.
        digits: Number of decimals in the text.
        every: Number of epochs from one report to the next.
        print_fn: Function that prints; `None` prints nothing.
        class_names: C names; by default those of the metric.
        split: `"train"` or `"validation"`, to report only these rows. With an `EvaluateScores`,
            the name of its data.
        monitor: Name of a log entry, e.g. `"val_f1_macro"`. The run directory then keeps the report
            of the epoch with the best value. Use it with `EarlyStopping(restore_best_weights=True)`
            of the same entry: the page then shows the model that is kept. `None` keeps the last
            report.
        mode: Whether the highest (`"max"`) or the lowest (`"min"`) value of `monitor` is the best.

    Raises:
        ValueError: An argument is out of range, the logs have no entry `monitor`, or a class name
            does not fit into `report.json` (see `dist_f1.report`).

    Example:
        >>> import numpy as np
        >>> import tensorflow as tf
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
        print_fn: Callable[[str], Any] | None = print,
        class_names: Sequence[str] | None = None,
        split: str | None = None,
        monitor: str | None = None,
        mode: Literal["max", "min"] = "max",
    ) -> None:
        super().__init__(metric, every, class_names, split)
        if mode not in ("max", "min"):
            raise ValueError(f'mode must be "max" or "min", got {mode!r}.')
        check_digits(digits)
        if run_dir is not None and class_names is not None:
            check_keys(class_names)
        self._monitor = monitor
        self._sign = 1.0 if mode == "max" else -1.0
        self._best = -math.inf
        self._run_dir = run_dir
        self._digits = digits
        self._print = print_fn
        self._reads_sweeps = run_dir is not None
        self._records: list[dict[str, Any]] = []  # logs of the epochs
        # On the chief: a report that may be the best, and what the page shows.
        self._candidate: tuple[Results, str] | None = None
        self._latest: Evaluation | None = None

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Forget the epochs of an earlier training."""
        self._records, self._candidate, self._latest = [], None, None
        self._best = -math.inf
        super().on_train_begin(logs)
        self._check_metric_names()

    def on_test_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Check the names of an evaluation, and read the training data if `split` is `"train"`."""
        if self._epoch is None:
            self._check_metric_names()
        super().on_test_begin(logs)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Report the epoch unless an earlier hook did, and keep its logs."""
        super().on_epoch_end(epoch, logs)
        self._records += run_files.records_of_logs(epoch + 1, logs or {})
        if self._monitor is not None:
            value = self._sign * _entry_of(logs or {}, self._monitor)
            is_better = value > self._best
            if self._candidate is not None and (is_better or self._latest is None):
                self._best = value if is_better else self._best
                self._write_report(*self._candidate)
            self._candidate = None
        if self._latest is not None and self._run_dir is not None:
            history = run_files.write_history(self._run_dir, self._records)
            self._latest = self._latest._replace(history=history)

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Write the page."""
        self._write_page()

    def _check_metric_names(self) -> None:
        """Raise now, not after the epochs, if `report.json` would lose a class."""
        metric: Any = self._source
        if self._run_dir is None or self._class_names is not None:
            return
        if metric is None:
            metrics = given_metrics(self.model)
            metric = most_detailed(metrics) if metrics else None
        if getattr(metric, "class_names", None) is not None:
            check_keys(metric.class_names)

    def _deliver(self, results: Results) -> None:
        counts, names, epoch = results.counts, results.class_names, results.epoch
        text = report(counts, names, self._digits, **results.averaging)
        text = f"{results.title}\n\n{text}"
        if self._print is not None:
            self._print(text if epoch is None else f"\n{text}")
        if self._run_dir is None:
            return
        if epoch is not None:
            run_files.write_epoch(self._run_dir, epoch, text)
        if epoch is not None and self._monitor is not None:
            self._candidate = results, text
            return
        self._write_report(results, text)
        if epoch is None:
            self._write_page()

    def _write_report(self, results: Results, text: str) -> None:
        assert self._run_dir is not None
        counts, names, sweep = results.counts, results.class_names, _sweep_of(results)
        as_dict = report(counts, names, output_dict=True, **results.averaging)
        run_files.write_report(self._run_dir, text, as_dict, counts, sweep)
        average = getattr(results.metric, "average", None) or "macro"
        title = f"{visible_name(pathlib.Path(self._run_dir).resolve().name)}: {results.title}"
        self._latest = Evaluation(title, counts, names, sweep, average=average)

    def _write_page(self) -> None:
        if self._latest is not None and self._run_dir is not None:
            run_files.write_page(self._run_dir, self._latest)


def _entry_of(logs: Mapping[str, Any], name: str) -> float:
    if name not in logs:
        raise ValueError(
            f"ScoreReport monitors {name!r}, but the logs have only "
            f"{', '.join(sorted(logs))}. Pass one of these names as monitor=."
        )
    return float(logs[name])


def _sweep_of(results: Results) -> Sweep | None:
    """Return the first sweep of the classes of the counts."""
    classes = results.counts.num_classes
    sweeps = (named.sweep.numpy() for named in results.sweeps.values())
    return next((sweep for sweep in sweeps if sweep.num_classes == classes), None)
