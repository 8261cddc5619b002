"""The confusion matrix as a heatmap."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from dist_f1 import scores
from dist_f1.counts import Counts
from dist_f1.counts.argument import takes_counts
from dist_f1.plots import figures
from dist_f1.scores import Normalize
from dist_f1.scores.confusion import off_diagonal

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

# On darker shades (as a fraction of the darkest), white text has more contrast than black.
_WHITE_TEXT = 0.68
# With more classes, a cell is too small for a number.
_MAX_CLASSES_WITH_TEXT = 25
_MAX_PANELS = 24
_SHADES = {
    "true": "fraction of the true class",
    "pred": "fraction of the predicted class",
    "all": "fraction of all rows",
}


@takes_counts
def confusion_matrix(
    counts: Counts,
    class_names: Sequence[str] | None = None,
    path: figures.Path | None = None,
    *,
    normalize: Normalize | None = "true",
) -> Figure:
    """Draw the confusion matrix as a heatmap: rows are true classes, columns predicted ones.

    The title names the commonest confusion, or for multilabel counts the class with the lowest F1.

    Up to 25 classes, each cell shows its number of rows. More classes have a colour bar instead,
    whose scale gives small values more room. Multilabel counts have a 2 by 2 matrix for each
    class; with more than 24 classes, only those with the lowest F1 are drawn.

    Args:
        counts: Counts with `confusion`, or of at most two classes, or multilabel.
        class_names: C names; two for binary counts.
        path: File to write.
        normalize: Meaning of the shades, see `dist_f1.scores.confusion_matrix`; `None` for rows.

    Raises:
        ImportError: matplotlib is not installed.
        ValueError: The counts have no matrix, or have leading axes, or the number of names is
            wrong.
    """
    counts = figures.single_counts(counts)
    matrix = scores.confusion_matrix(counts)
    shades = scores.confusion_matrix(counts, normalize)
    unit = "weight of rows" if counts.is_weighted else "rows"
    style = _Style(
        unit if normalize is None else f"{unit} (shade: {_SHADES[normalize]})",
        unit if normalize is None else _SHADES[normalize],
        1.0 if normalize in ("true", "pred") else float(shades.max()) or 1.0,
    )
    names = figures.row_names(class_names, len(matrix))
    if counts.is_multilabel:
        figure = _draw_panels(counts, matrix, shades, names, style)
    else:
        figure = _draw_square(matrix, shades, names, style)
    return figures.finish(figure, path)


class _Style(NamedTuple):
    """Title, label of the colour bar, and value of the darkest shade of a heatmap."""

    title: str
    shade: str
    darkest: float


def _draw_square(matrix: np.ndarray, shades: np.ndarray, names: list[str], style: _Style) -> Figure:
    """Draw one heatmap. `matrix` and `shades` are `[C, C]`."""
    classes = len(names)
    with_text = classes <= _MAX_CLASSES_WITH_TEXT
    # Sizes of cells and margins are in inches, font sizes in points.
    cell = min(0.8, max(0.4, 1.6 / math.sqrt(classes))) if with_text else 9.0 / classes
    size = min(10.0, max(5.5, 0.9 * cell * figures.POINTS_PER_INCH))
    step = math.ceil(size / (cell * figures.POINTS_PER_INCH))
    longest = figures.text_width(max(names, key=len), size)
    is_vertical = longest > 0.9 * cell * step
    width = max(3.6, classes * cell + longest + (0.5 if with_text else 1.5))
    height = classes * cell + (longest + 0.4 if is_vertical else 0.55) + 0.3
    legend = [f"number: {style.title}"] if with_text else []
    title = figures.wrapped_title(width, _message(matrix, names), *legend)
    slack = 0.15 if with_text else 0.0
    figure = figures.new_figure(width, height + slack + figures.title_height(title))
    figure.suptitle(title, fontsize=figures.TITLE_SIZE)
    axis = figure.subplots()
    image = _draw_heatmap(axis, matrix if with_text else None, shades, style, cell)
    if not with_text:
        figure.colorbar(image, ax=axis, fraction=0.03, pad=0.015, aspect=30, label=style.shade)
        axis.tick_params(length=2)
    shown = range(0, classes, step)
    axis.set_xticks(shown, names[::step], rotation=90 if is_vertical else 0, fontsize=size)
    axis.set_yticks(shown, names[::step], fontsize=size)
    axis.set(xlabel="predicted class", ylabel="true class")
    return figure


def _message(matrix: np.ndarray, names: Sequence[str]) -> str:
    """Return the title of a matrix `[C, C]`: its commonest confusion."""
    errors = off_diagonal(matrix)
    if not errors.any():
        return "Every row was predicted correctly"
    i, j = divmod(int(errors.argmax()), len(matrix))
    fraction = errors[i, j] / matrix[i].sum()
    return f"Commonest confusion: '{names[i]}' as '{names[j]}' ({fraction:.0%} of its rows)"


def _draw_panels(
    counts: Counts, matrix: np.ndarray, shades: np.ndarray, names: list[str], style: _Style
) -> Figure:
    """Draw one heatmap per class against the rest. `matrix` and `shades` are `[C, 2, 2]`."""
    f1 = scores.f1(counts, zero_division=math.nan)
    classes = np.arange(len(names))
    title = style.title
    if len(classes) > _MAX_PANELS:
        classes = np.argsort(f1, kind="stable")[:_MAX_PANELS]
        title = f"the {_MAX_PANELS} of {len(names)} classes with the lowest F1; {title}"
    size = figures.fitting_size([names[k] for k in classes], 1.6, 9.0)
    columns = min(len(classes), 5 if len(classes) <= 10 else 6)
    rows = math.ceil(len(classes) / columns)
    worst = int(np.nanargmin(f1)) if np.isfinite(f1).any() else None
    lowest = "" if worst is None else f"F1 is lowest for '{names[worst]}': {f1[worst]:.2f}"
    width = max(3.6, 1.75 * columns + 0.5)
    title = figures.wrapped_title(width, lowest, f"number: {title}")
    figure = figures.new_figure(width, 1.85 * rows + 0.8 + figures.title_height(title))
    figure.suptitle(title, fontsize=figures.TITLE_SIZE)
    figure.set_layout_engine("constrained", h_pad=0.08)
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for i, (axis, k) in enumerate(zip(axes, classes, strict=False)):
        _draw_heatmap(axis, matrix[k], shades[k], style, 0.7)
        axis.set(xticks=[], yticks=[])
        if i + columns >= len(classes):
            axis.set_xticks([0, 1], ["no", "yes"], fontsize=8)
        if i % columns == 0:
            axis.set_yticks([0, 1], ["no", "yes"], fontsize=8)
        score = f"F1 {f1[k]:.2f}" if math.isfinite(f1[k]) else "no rows"
        axis.set_title(f"{names[k]}\n{score}", fontsize=size)
    for axis in axes[len(classes) :]:
        axis.set_axis_off()
    figure.supxlabel("predicted", fontsize=10)
    figure.supylabel("true", fontsize=10)
    return figure


def _draw_heatmap(
    axis: Axes, matrix: np.ndarray | None, shades: np.ndarray, style: _Style, cell: float
) -> AxesImage:
    """Draw the shades `[R, R]`, up to `style.darkest`, and the numbers of `matrix` if given."""
    if matrix is None:
        from matplotlib.colors import PowerNorm

        # On a linear scale, errors distributed over many classes would be too pale to see.
        norm = PowerNorm(0.5, vmin=0.0, vmax=style.darkest)
        return axis.imshow(shades, cmap="Blues", norm=norm)
    image = axis.imshow(shades, cmap="Blues", vmin=0.0, vmax=style.darkest)
    # Zeros would clutter a large matrix.
    cells = [index for index, value in np.ndenumerate(matrix) if value or len(matrix) == 2]
    max_length = max(4, int(cell * figures.POINTS_PER_INCH / 4.5))
    texts = [figures.format_count(float(matrix[index]), max_length) for index in cells]
    size = figures.fitting_size(texts, 0.85 * cell, 10.0)
    for (row, column), text in zip(cells, texts, strict=True):
        color = "white" if shades[row, column] > _WHITE_TEXT * style.darkest else "black"
        axis.text(column, row, text, ha="center", va="center", color=color, fontsize=size)
    return image
