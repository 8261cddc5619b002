"""`MLflowScores`: scores, curves, figures and hyperparameters for MLflow."""

from __future__ import annotations

import pathlib
import posixpath
import re
import tempfile
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from typing_extensions import Unpack

from dist_f1.callbacks.results import Results
from dist_f1.callbacks.trackers import contents
from dist_f1.callbacks.trackers.options import DEFAULTS, Hparams, TrackerOptions
from dist_f1.callbacks.trackers.packages import require
from dist_f1.callbacks.trackers.tracker import Tracker
from dist_f1.counts.atomic_write import atomic_write
from dist_f1.metrics.signatures import show_options
from dist_f1.pages import Table
from dist_f1.pages.markdown_text import markdown_table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# MLflow raises for names with other characters.
_UNSUPPORTED = re.compile(r"[^\w/.\- :]")


@show_options(TrackerOptions, DEFAULTS)
class MLflowScores(Tracker):
    """Write scores, precision-recall curves and the confusion matrix to MLflow.

    Names start with the split: `train/`, `validation/`, and `evaluation/` outside of `fit`. The
    run gets:

    - metrics: all numbers in the logs, e.g. `validation/f1_macro`, and those of each class in
      arrays of the logs. Characters that MLflow does not support become `_`;
    - artifacts, e.g. in `validation/epoch_0001`: the classification report `report.md`, the counts
      `counts.npz` (see `dist_f1.Counts.load`), `confusion_matrix.png`, if the metric has a matrix,
      and the curves of each `dist_f1.ThresholdSweep` in the model;
    - params: `hparams`.

    The first epoch is step 1. With several workers, all of them read the metrics, and the chief
    alone writes. Without `run_id`, the chief writes to the active run. If there is none, the chief
    starts one, so that `mlflow.start_run` need not be called on any worker. The run remains active
    after `fit`; `mlflow.end_run()` ends it.

    Args:
        run_id: Id of the run to write to.
        **options: See `TrackerOptions`.

    Raises:
        ImportError: mlflow is not installed, or `figures` without matplotlib.
        ValueError: An argument is out of range.

    Example:
        >>> callback = MLflowScores(hparams={"rate": 0.1})  # doctest: +SKIP
        >>> model.fit(x, y, epochs=10, callbacks=[callback])  # doctest: +SKIP
    """

    def __init__(self, run_id: str | None = None, **options: Unpack[TrackerOptions]) -> None:
        super().__init__(**options)
        self._mlflow = require("mlflow", "MLflowScores", "pip install mlflow")
        self._run_id = run_id

    def _write_hparams(self, hparams: Hparams) -> None:
        entities = self._mlflow.entities
        params = [entities.Param(name, str(value)) for name, value in hparams.items()]
        self._client().log_batch(self._run(), params=params)

    def _write_scalars(self, split: str, numbers: dict[str, float], step: int) -> None:
        now = int(1000 * time.time())
        names = supported_names(f"{split}/{name}" for name in numbers)
        pairs = zip(names, numbers.values(), strict=True)
        metrics = [self._mlflow.entities.Metric(name, x, now, step) for name, x in pairs]
        self._client().log_batch(self._run(), metrics=metrics)

    def _write_results(
        self, results: Results, table: Table, figures: dict[str, Figure], step: int
    ) -> None:
        client, run_id = self._client(), self._run()
        with tempfile.TemporaryDirectory() as directory:
            path = pathlib.Path(directory)
            atomic_write(path / "report.md", markdown_table(table) + "\n")
            results.counts.save(path / "counts.npz")
            for name, figure in figures.items():
                file = _UNSUPPORTED.sub("_", name).replace("/", "_")
                atomic_write(path / f"{file}.png", contents.to_png(figure))
            client.log_artifacts(run_id, directory, f"{results.split}/epoch_{step:04d}")

    def _client(self) -> Any:
        return self._mlflow.MlflowClient()

    def _run(self) -> str:
        """Return the id of the run, which may be started here."""
        if self._run_id is not None:
            return self._run_id
        run = self._mlflow.active_run() or self._mlflow.start_run()
        return run.info.run_id


def supported_names(names: Iterable[str]) -> list[str]:
    """Return different names that MLflow supports, in the order of the given names.

    Example:
        >>> supported_names(["train/loss", "train/f1/a+", "train/f1/a&", "train/f1/.."])
        ['train/loss', 'train/f1/a_', 'train/f1/a__2', 'train_f1_..']
    """
    supported: dict[str, None] = {}
    for name in names:
        base = _UNSUPPORTED.sub("_", name)
        if posixpath.normpath(base) != base:
            base = base.replace("/", "_")
        number, unique = 1, base
        while unique in supported:
            number += 1
            unique = f"{base}_{number}"
        supported[unique] = None
    return list(supported)
