"""`ScoreReport`: the classification report after each epoch."""

import os
from collections.abc import Callable, Sequence
from typing import Any

from dist_f1.callbacks import run_files
from dist_f1.callbacks.evaluate_scores import EvaluateScores
from dist_f1.callbacks.results import Results, ResultsCallback
from dist_f1.metrics.base import CountsMetric
from dist_f1.pages.results import Evaluation
from dist_f1.reports import report
from dist_f1.sweeps import Sweep


class ScoreReport(ResultsCallback):
    """Print the classification report after each epoch, and write it to a run directory.

    The report shows the validation data of `fit`. Without validation data, it shows the training
    data, with the predictions made during the epoch. The callback also works in `evaluate`. With
    several workers, all of them read the metrics, and the chief prints and writes.

    The run directory gets `report.txt`, `report.json` and `counts.npz` of the last report,
    `reports/epoch_0001.txt` etc., `metrics.jsonl` with the logs of each epoch, and `sweep.npz` if
    the model has a `dist_f1.ThresholdSweep`. After the training or an evaluation, it gets the page
    `report.html`, if jinja2 is installed. For curves and figures in TensorBoard, see
    `TensorBoardScores`.

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

    Raises:
        ValueError: An argument is out of range.

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
    ) -> None:
        super().__init__(metric, every, class_names, split)
        self._run_dir = run_dir
        self._digits = digits
        self._print = print_fn
        self._reads_sweeps = run_dir is not None
        # Logs of the epochs; and on the chief, what the page shows.
        self._records: list[dict[str, Any]] = []
        self._latest: Evaluation | None = None

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Forget the epochs of an earlier training."""
        self._records, self._latest = [], None
        super().on_train_begin(logs)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Report the epoch unless an earlier hook did, and keep its logs."""
        super().on_epoch_end(epoch, logs)
        self._records += run_files.records_of_logs(epoch + 1, logs or {})
        if self._latest is not None and self._run_dir is not None:
            history = run_files.write_history(self._run_dir, self._records)
            self._latest = self._latest._replace(history=history)

    def on_train_end(self, logs: dict[str, Any] | None = None) -> None:
        """Write the page."""
        self._write_page()

    def _deliver(self, results: Results) -> None:
        counts, names, epoch = results.counts, results.class_names, results.epoch
        text = report(counts, names, self._digits, **results.averaging)
        text = f"{results.title}\n\n{text}"
        if self._print is not None:
            self._print(text if epoch is None else f"\n{text}")
        if self._run_dir is not None:
            as_dict = report(counts, names, output_dict=True, **results.averaging)
            sweep = _sweep_of(results)
            run_files.write_report(self._run_dir, epoch, text, as_dict, counts, sweep)
            average = getattr(results.metric, "average", None) or "macro"
            self._latest = Evaluation(results.title, counts, names, sweep, average=average)
            if epoch is None:
                self._write_page()

    def _write_page(self) -> None:
        if self._latest is not None and self._run_dir is not None:
            run_files.write_page(self._run_dir, self._latest)


def _sweep_of(results: Results) -> Sweep | None:
    """Return the first sweep of the classes of the counts."""
    classes = results.counts.num_classes
    sweeps = (named.sweep.numpy() for named in results.sweeps.values())
    return next((sweep for sweep in sweeps if sweep.num_classes == classes), None)
