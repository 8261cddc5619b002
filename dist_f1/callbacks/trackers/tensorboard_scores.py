"""`TensorBoardScores`: scores, curves, figures and hyperparameters for TensorBoard."""

from __future__ import annotations

import os
import pathlib
from typing import TYPE_CHECKING

from typing_extensions import Unpack

from dist_f1.callbacks.results import Results
from dist_f1.callbacks.trackers import contents, event_files
from dist_f1.callbacks.trackers.options import DEFAULTS, Hparams, TrackerOptions
from dist_f1.callbacks.trackers.packages import require
from dist_f1.callbacks.trackers.tracker import Tracker
from dist_f1.metrics.signatures import show_options
from dist_f1.pages import Table
from dist_f1.pages.markdown_text import markdown_table

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@show_options(TrackerOptions, DEFAULTS)
class TensorBoardScores(Tracker):
    """Write scores, precision-recall curves and the confusion matrix for TensorBoard.

    Each split has a directory in `log_dir`, as with Keras's own callback: `train`, `validation`,
    and `evaluation` outside of `fit`. TensorBoard shows there:

    - scalars: all numbers in the logs, and those of each class in arrays of the logs;
    - text: the classification report;
    - images: the confusion matrix, if the metric has one, and the curves of each
      `dist_f1.ThresholdSweep` in the model;
    - PR curves: the counts of each class at each threshold of these sweeps, if their thresholds are
      evenly spaced, for at most 20 classes, those with the most rows;
    - hparams: `hparams`.

    The first epoch is step 1. With several workers, all of them read the metrics, and the chief
    alone writes.

    Args:
        log_dir: Directory of the run.
        **options: See `TrackerOptions`.

    Raises:
        ImportError: `figures` without matplotlib, or `hparams` without TensorBoard. Everything else
            is written without TensorBoard.
        ValueError: An argument is out of range.

    Example:
        >>> import os, tempfile
        >>> import numpy as np
        >>> import tensorflow as tf
        >>> import dist_f1
        >>> model = tf.keras.Sequential([tf.keras.layers.Activation("linear")])
        >>> model.compile(loss="mse", metrics=[dist_f1.F1Score("macro")])
        >>> x, y = np.eye(2, dtype=np.float32), np.eye(2, dtype=np.float32)
        >>> log_dir = tempfile.mkdtemp()
        >>> callback = TensorBoardScores(log_dir, figures=False)
        >>> _ = model.evaluate(x, y, callbacks=[callback], verbose=0)
        >>> os.listdir(log_dir)
        ['evaluation']
    """

    def __init__(self, log_dir: str | os.PathLike[str], **options: Unpack[TrackerOptions]) -> None:
        super().__init__(**options)
        if self._hparams:
            require("tensorboard.plugins.hparams.api", "hparams=", "pip install tensorboard")
        self._directory = pathlib.Path(log_dir)
        self._files: dict[str, event_files.EventFile] = {}

    def _write_hparams(self, hparams: Hparams) -> None:
        from tensorboard.plugins.hparams import api

        with self._file("").as_default():
            api.hparams(dict(hparams))

    def _write_scalars(self, split: str, numbers: dict[str, float], step: int) -> None:
        with self._file(split).as_default():
            for name, number in numbers.items():
                event_files.write_scalar(name, number, step)

    def _write_results(
        self, results: Results, table: Table, figures: dict[str, Figure], step: int
    ) -> None:
        with self._file(results.split).as_default():
            event_files.write_markdown("report", markdown_table(table), step)
            for name, figure in figures.items():
                event_files.write_figure(name, figure, step)
            for name, sweep in results.sweeps.items():
                for curve in contents.curves(sweep):
                    if contents.are_evenly_spaced(curve.thresholds):
                        event_files.write_curve(f"{name}/{curve.name}", curve, step)

    def _file(self, split: str) -> event_files.EventFile:
        if split not in self._files:
            self._files[split] = event_files.EventFile(self._directory / split)
        return self._files[split]
