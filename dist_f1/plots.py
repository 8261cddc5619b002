"""Pictures of counts. matplotlib is imported only when one is drawn."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np

from dist_f1.counts import Counts

_TITLE = "rows (shade: share of the true class)"


def confusion_matrix(
    counts: Counts, class_names: Sequence[str], path: str | os.PathLike[str]
) -> None:
    """Draws the confusion matrix as a heatmap, rows true and columns predicted.

    Cells show counts; shades show the share of the row. Where rows may name several classes there
    is a two by two matrix for each class.

    Args:
        counts: with `confusion`, or of one class, or multilabel.
        class_names: a name per row of the matrix; per class for multilabel.
        path: of the PNG file.

    Raises:
        ImportError: matplotlib is not installed.
        ValueError: the counts keep no matrix.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError("Pictures need matplotlib; pip install 'dist-f1[plot]'.") from error

    counts = counts.numpy()
    if counts.is_multilabel:
        panels = _one_against_rest(counts)
        columns = min(5, len(panels))
        rows = -(-len(panels) // columns)
        figure = Figure(figsize=(2.1 * columns, 2.3 * rows), layout="constrained")
        axes = figure.subplots(rows, columns, squeeze=False).ravel()
        for axis, panel, name in zip(axes, panels, class_names, strict=False):
            _heatmap(axis, panel, ("no", "yes"))
            axis.set_title(name)
        for axis in axes[len(panels) :]:
            axis.set_axis_off()
        figure.supxlabel("predicted")
        figure.supylabel("true")
        figure.suptitle(_TITLE)
    else:
        matrix = _matrix(counts)
        size = 2.2 + 0.45 * len(matrix)
        figure = Figure(figsize=(size, size), layout="constrained")
        axis = figure.subplots()
        _heatmap(axis, matrix, class_names)
        axis.set_xlabel("predicted")
        axis.set_ylabel("true")
        axis.set_title(_TITLE, fontsize="medium")
    figure.savefig(path, dpi=150)


def _matrix(counts: Counts) -> np.ndarray:
    if counts.num_classes == 1:
        return _one_against_rest(counts)[0]
    if isinstance(counts.confusion, tuple):
        raise ValueError(
            "These counts keep no confusion matrix; count with confusion=True to have one."
        )
    return counts.confusion


def _one_against_rest(counts: Counts) -> np.ndarray:
    """`[C, 2, 2]`: each class on its own, no before yes."""
    cells = [
        counts.true_negative,
        counts.false_positive,
        counts.false_negative,
        counts.true_positive,
    ]
    return np.stack(cells, axis=-1).reshape(-1, 2, 2)


def _heatmap(axis: Any, matrix: np.ndarray, names: Sequence[str]) -> None:
    rows = matrix.sum(axis=1, keepdims=True)
    shares = matrix / np.where(rows == 0, 1, rows)
    axis.imshow(shares, cmap="Blues", vmin=0.0, vmax=1.0)
    for (row, column), value in np.ndenumerate(matrix):
        if value or len(matrix) == 2:
            axis.text(
                column,
                row,
                f"{value:g}",
                ha="center",
                va="center",
                color="white" if shares[row, column] > 0.5 else "black",
            )
    longest = max(len(name) for name in names)
    axis.set_xticks(range(len(names)), names, rotation=90 if longest > 4 else 0)
    axis.set_yticks(range(len(names)), names)
