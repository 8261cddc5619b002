"""`WandbScores`: scores, curves, figures and hyperparameters for Weights & Biases."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from typing_extensions import Unpack

from dist_f1.callbacks.results import Results
from dist_f1.callbacks.trackers import contents
from dist_f1.callbacks.trackers.options import DEFAULTS, Hparams, TrackerOptions
from dist_f1.callbacks.trackers.packages import require
from dist_f1.callbacks.trackers.tracker import Tracker
from dist_f1.metrics.signatures import show_options
from dist_f1.pages import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# The chart of W&B for curves between 0 and 1.
_CHART = "wandb/area-under-curve/v0"
_STEP = "epoch"


@show_options(TrackerOptions, DEFAULTS)
class WandbScores(Tracker):
    """Write scores, precision-recall curves and the confusion matrix to Weights & Biases.

    Names start with the split: `train/`, `validation/`, and `evaluation/` outside of `fit`. The
    run gets:

    - all numbers in the logs, e.g. `validation/f1_macro`, and those of each class in arrays of the
      logs;
    - the table `report`, the classification report;
    - the image `confusion_matrix`, if the metric has one, and an image and a chart of the curves of
      each `dist_f1.ThresholdSweep` in the model; the chart has at most 20 classes, those with the
      most rows;
    - `hparams` in its config.

    The x-axis is `epoch`, from 1. With several workers, all of them read the metrics, and the chief
    alone writes. The chief writes to the active run. Without an active run, the chief starts one,
    so that `wandb.init` need not be called on any worker. The run remains open after `fit`;
    `wandb.finish()` ends it.

    Args:
        init: Arguments of `wandb.init`, for a run that this callback starts.
        **options: See `TrackerOptions`.

    Raises:
        ImportError: wandb is not installed, or `figures` without matplotlib.
        ValueError: An argument is out of range.

    Example:
        >>> callback = WandbScores({"project": "digits"})  # doctest: +SKIP
        >>> model.fit(x, y, epochs=10, callbacks=[callback])  # doctest: +SKIP
    """

    def __init__(
        self, init: Mapping[str, Any] | None = None, **options: Unpack[TrackerOptions]
    ) -> None:
        super().__init__(**options)
        self._wandb = require("wandb", "WandbScores", "pip install wandb")
        self._init = dict(init or {})
        self._defined_in: Any = None

    def _write_hparams(self, hparams: Hparams) -> None:
        self._run().config.update(dict(hparams), allow_val_change=True)

    def _write_scalars(self, split: str, numbers: dict[str, float], step: int) -> None:
        self._log(split, numbers, step)

    def _write_results(
        self, results: Results, table: Table, figures: dict[str, Figure], step: int
    ) -> None:
        values: dict[str, Any] = {"report": self._report(table)}
        values |= {name: self._image(figure) for name, figure in figures.items()}
        for name, sweep in results.sweeps.items():
            values[f"{name}_curves"] = self._chart(contents.curves(sweep))
        self._log(results.split, values, step)

    def _run(self) -> Any:
        """Return the active run, or start one."""
        run = self._wandb.run
        if run is None:
            run = self._wandb.init(**self._init)
        if run is not self._defined_in:
            run.define_metric(_STEP, hidden=True)
            self._defined_in = run
        return run

    def _log(self, split: str, values: Mapping[str, Any], step: int) -> None:
        run = self._run()
        run.define_metric(f"{split}/*", step_metric=_STEP)
        run.log({_STEP: step, **{f"{split}/{name}": value for name, value in values.items()}})

    def _image(self, figure: Figure) -> Any:
        # wandb.Image would only take the figure itself after an import of pyplot.
        from PIL import Image

        return self._wandb.Image(Image.open(io.BytesIO(contents.to_png(figure))))

    def _report(self, table: Table) -> Any:
        rows = [[name, *map(_number, cells)] for name, *cells in table.rows]
        return self._wandb.Table(["class", *table.header[1:]], rows)

    def _chart(self, curves: list[contents.ClassCurve]) -> Any:
        rows = [
            [curve.name, float(recall), float(precision)]
            for curve in curves
            for recall, precision in zip(curve.recall, curve.precision, strict=True)
        ]
        table = self._wandb.Table(["class", "recall", "precision"], rows)
        fields = {"x": "recall", "y": "precision", "class": "class"}
        return self._wandb.plot_table(_CHART, table, fields, {"title": "Precision and recall"})


def _number(cell: str | float | None) -> float | None:
    """Convert a cell of the report to a number, for sorting; empty cells to `None`."""
    return None if cell is None or cell == "" else float(cell)
