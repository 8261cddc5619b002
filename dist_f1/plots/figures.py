"""Helpers of all figures: opening and saving, names, numbers and text sizes."""

from __future__ import annotations

import io
import os
import textwrap
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from dist_f1.counts import Counts
from dist_f1.counts.atomic_write import atomic_write
from dist_f1.counts.visible_text import visible_name
from dist_f1.reports import check_names

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Path = str | os.PathLike[str]

# The colour-blind safe palette of Okabe and Ito, without yellow, which is too pale on white.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
# Colours and markers have no common factor, so 30 pairs of them differ.
MARKERS = ("o", "s", "^", "D", "v")
GREY = "#767676"

_MAX_NAME_LENGTH = 32
POINTS_PER_INCH = 72.0
# Mean width of a letter, as a fraction of the font size.
_LETTER_WIDTH = 0.56
TITLE_SIZE = 10.0


def new_figure(width: float, height: float) -> Figure:
    """Create an empty figure; sizes are in inches.

    Raises:
        ImportError: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError(
            "matplotlib is not installed, and figures need it; pip install 'dist-f1[plot]'."
        ) from error
    return Figure(figsize=(width, height), layout="constrained")


def finish(figure: Figure, path: Path | None) -> Figure:
    """Write the figure to `path`, if given, completely or not at all, and return it."""
    if path is not None:
        name = os.fspath(path)
        if not os.path.splitext(name)[1]:
            name += f".{figure.canvas.get_default_filetype()}"
        file = io.BytesIO()
        figure.savefig(file, dpi=150, format=os.path.splitext(name)[1][1:])
        atomic_write(name, file.getvalue())
    return figure


def single_counts(counts: Counts) -> Counts:
    """Convert the fields to NumPy arrays.

    Raises:
        ValueError: The counts have leading axes.
    """
    counts = counts.numpy()
    if np.ndim(counts.true_positive) != 1:
        raise ValueError(
            f"The counts have leading axes {np.shape(counts.true_positive)[:-1]} (e.g. groups), "
            "but a figure shows a single set. Pass counts.at(index) or counts.overall()."
        )
    return counts


def row_names(class_names: Sequence[str] | None, rows: int) -> list[str]:
    """Return a label for each row, ready to draw; by default its index."""
    if class_names is None:
        class_names = [str(row) for row in range(rows)]
    check_names(class_names, rows)
    return [_drawable(name) for name in class_names]


def names_of_classes(class_names: Sequence[str] | None, num_classes: int) -> list[str]:
    """Return a label for each class; the one class of binary counts has the second of two names."""
    if num_classes == 1 and (class_names is None or len(class_names) == 2):
        return row_names(class_names, 2)[1:]
    return row_names(class_names, num_classes)


def _drawable(name: object) -> str:
    text = " ".join(visible_name(name).split())
    if len(text) > _MAX_NAME_LENGTH:
        text = text[: _MAX_NAME_LENGTH - 1] + "…"
    return _without_formulas(text)


def _without_formulas(text: str) -> str:
    """Escape dollar signs: matplotlib typesets the text between two of them as a formula."""
    return text.replace("$", r"\$")


def format_count(value: float, max_length: int) -> str:
    """Format a count, rounded if it is longer than `max_length`: `1234`, `0.3`, `12.3k`."""
    text = f"{value:.10g}"
    if len(text) <= max_length:
        return text
    rounded = float(f"{value:.2e}")
    for unit, suffix in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(rounded) >= unit:
            return f"{rounded / unit:g}{suffix}"
    return f"{rounded:g}"


def text_width(text: str, size: float) -> float:
    """Estimate the width in inches of a text of `size` points."""
    return _LETTER_WIDTH * size * len(text) / POINTS_PER_INCH


def wrapped_title(width: float, *lines: str) -> str:
    """Return a title of one or more lines, broken to fit into `width` inches."""
    letters = max(20, int((width - 0.2) * POINTS_PER_INCH / (_LETTER_WIDTH * TITLE_SIZE)))
    # A break between a backslash and its dollar sign would undo the escape.
    plain = [line.replace(r"\$", "$") for line in lines]
    parts = [part for line in plain for part in textwrap.wrap(line, letters)]
    return _without_formulas("\n".join(parts))


def title_height(title: str) -> float:
    """Return the height of a title in inches, beyond that of one line."""
    return title.count("\n") * 1.5 * TITLE_SIZE / POINTS_PER_INCH


def fitting_size(texts: Sequence[str], width: float, max_size: float) -> float:
    """Return the font size in points at which the longest text fits into `width` inches."""
    longest = max((len(text) for text in texts), default=0)
    return min(max_size, width * POINTS_PER_INCH / (_LETTER_WIDTH * max(1, longest)))
