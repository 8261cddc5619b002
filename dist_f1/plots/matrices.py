"""The confusion matrix as a heatmap."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from dist_f1 import scores
from dist_f1.counts import Counts
from dist_f1.plots import figures
from dist_f1.scores import Normalize

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

# Above this share of the darkest shade, white is easier to read than black.
_WHITE_TEXT = 0.68
# Beyond this many classes a cell is too small for a number.
_CLASSES_WITH_TEXT = 25
_PANELS = 24
_SHARES = {
    "true": "share of the true class",
    "pred": "share of the predicted class",
    "all": "share of all rows",
}


def confusion_matrix(
    counts: Counts,
    class_names: Sequence[str] | None = None,
    path: figures.Path | None = None,
    *,
    normalize: Normalize | None = "true",
) -> Figure:
    """Draws the confusion matrix as a heatmap, rows true and columns predicted.

    Up to 25 classes the cells show how many rows they count; beyond, there is a colour bar on
    a scale that gives small values more room. Where rows may name several classes there is a two
    by two matrix for each class; of more than 24, those of lowest F1 are drawn.

    Args:
        counts: with `confusion`, or of at most two classes, or multilabel.
        class_names: a name per class; two for binary counts.
        path: of the file to write.
        normalize: what the shade shows, see `dist_f1.scores.confusion_matrix`; `None` for rows.

    Raises:
        ImportError: matplotlib is not installed.
        ValueError: the counts keep no matrix, or have leading axes, or the number of names is
            wrong.
    """
    counts = figures.readable(counts)
    matrix = scores.confusion_matrix(counts)
    shades = scores.confusion_matrix(counts, normalize)
    unit = "weight of rows" if counts.is_weighted else "rows"
    style = _Style(
        unit if normalize is None else f"{unit} (shade: {_SHARES[normalize]})",
        unit if normalize is None else _SHARES[normalize],
        1.0 if normalize in ("true", "pred") else float(shades.max()) or 1.0,
    )
    names = figures.names_of_rows(class_names, len(matrix))
    if counts.is_multilabel:
        figure = _panels(counts, matrix, shades, names, style)
    else:
        figure = _square(matrix, shades, names, style)
    return figures.finish(figure, path)


class _Style(NamedTuple):
    """The title where cells have text, what the shade shows, and the darkest shade."""

    title: str
    shade: str
    darkest: float


def _square(matrix: np.ndarray, shades: np.ndarray, names: list[str], style: _Style) -> Figure:
    """One heatmap. `matrix` and `shades` are `[C, C]`."""
    classes = len(names)
    with_text = classes <= _CLASSES_WITH_TEXT
    cell = min(0.8, max(0.4, 1.6 / math.sqrt(classes))) if with_text else 9.0 / classes
    size = min(10.0, max(5.5, 0.9 * cell * figures.POINTS))
    step = math.ceil(size / (cell * figures.POINTS))
    longest = max(names, key=len)
    upright = figures.text_width(longest, size) > 0.9 * cell * step
    margin = figures.text_width(longest, size) + 0.4
    width = max(3.6, classes * cell + margin + (0.1 if with_text else 1.1))
    height = classes * cell + (margin if upright else 0.55) + 0.3
    figure = figures.new(width, height)
    axis = figure.subplots()
    image = _heatmap(axis, matrix if with_text else None, shades, style, cell)
    if not with_text:
        figure.colorbar(image, ax=axis, fraction=0.03, pad=0.015, aspect=30, label=style.shade)
        axis.tick_params(length=2)
    figure.suptitle(style.title if with_text else "confusion matrix", fontsize=10)
    shown = range(0, classes, step)
    axis.set_xticks(shown, names[::step], rotation=90 if upright else 0, fontsize=size)
    axis.set_yticks(shown, names[::step], fontsize=size)
    axis.set_xlabel("predicted")
    axis.set_ylabel("true")
    return figure


def _panels(
    counts: Counts, matrix: np.ndarray, shades: np.ndarray, names: list[str], style: _Style
) -> Figure:
    """A heatmap for each class against the rest. `matrix` and `shades` are `[C, 2, 2]`."""
    f1 = scores.f1(counts, zero_division=math.nan)
    classes = np.arange(len(names))
    title = style.title
    if len(classes) > _PANELS:
        classes = np.argsort(f1, kind="stable")[:_PANELS]
        title = f"the {_PANELS} of {len(names)} classes with the lowest F1\n{title}"
    size = figures.fitting_size([names[label] for label in classes], 1.6, 9.0)
    columns = min(len(classes), 5 if len(classes) <= 10 else 6)
    rows = math.ceil(len(classes) / columns)
    figure = figures.new(max(3.6, 1.75 * columns + 0.5), 1.85 * rows + 0.8)
    figure.set_layout_engine("constrained", h_pad=0.08)
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for place, (axis, label) in enumerate(zip(axes, classes, strict=False)):
        _heatmap(axis, matrix[label], shades[label], style, 0.7)
        axis.set(xticks=[], yticks=[])
        if place + columns >= len(classes):
            axis.set_xticks([0, 1], ["no", "yes"], fontsize=8)
        if place % columns == 0:
            axis.set_yticks([0, 1], ["no", "yes"], fontsize=8)
        score = f"F1 {f1[label]:.2f}" if math.isfinite(f1[label]) else "no rows"
        axis.set_title(f"{names[label]}\n{score}", fontsize=size)
    for axis in axes[len(classes) :]:
        axis.set_axis_off()
    figure.supxlabel("predicted", fontsize=10)
    figure.supylabel("true", fontsize=10)
    figure.suptitle(title, fontsize=10)
    return figure


def _heatmap(
    axis: Axes, matrix: np.ndarray | None, shades: np.ndarray, style: _Style, cell: float
) -> AxesImage:
    """Draws shades and, where `matrix` is given, its numbers; `cell` is the inches of a cell."""
    if matrix is None:
        from matplotlib.colors import PowerNorm

        # Errors that spread over many classes would be too pale to be seen on an even scale.
        uneven = PowerNorm(0.5, vmin=0.0, vmax=style.darkest)
        return axis.imshow(shades, cmap="Blues", norm=uneven)
    image = axis.imshow(shades, cmap="Blues", vmin=0.0, vmax=style.darkest)
    # Empty cells of a large matrix say more when they are empty.
    places = [place for place, value in np.ndenumerate(matrix) if value or len(matrix) == 2]
    most = max(4, int(cell * figures.POINTS / 4.5))
    texts = [figures.number(float(matrix[place]), most) for place in places]
    size = figures.fitting_size(texts, 0.85 * cell, 10.0)
    for (row, column), text in zip(places, texts, strict=True):
        dark = shades[row, column] > _WHITE_TEXT * style.darkest
        color = "white" if dark else "black"
        axis.text(column, row, text, ha="center", va="center", color=color, fontsize=size)
    return image
