"""What all pictures share: opening and saving a figure, names, numbers and sizes of text."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from dist_f1.counts import Counts
from dist_f1.reports import check_names

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Path = str | os.PathLike[str]

# Colours of Okabe and Ito that are told apart with any colour vision; without yellow, too pale on
# white.
COLORS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
GREY = "#767676"

_LONGEST_NAME = 32
# Points to an inch, and the mean width of a letter in heights of it.
POINTS = 72.0
_LETTER = 0.56


def new(width: float, height: float) -> Figure:
    """An empty figure, sizes in inches.

    Raises:
        ImportError: matplotlib is not installed.
    """
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError("Pictures need matplotlib; pip install 'dist-f1[plot]'.") from error
    return Figure(figsize=(width, height), layout="constrained")


def finish(figure: Figure, path: Path | None) -> Figure:
    """Returns the figure, after it was written to `path` if there is one."""
    if path is not None:
        figure.savefig(path, dpi=150)
    return figure


def readable(counts: Counts) -> Counts:
    """The counts with NumPy fields.

    Raises:
        ValueError: they have leading axes.
    """
    counts = counts.numpy()
    if np.ndim(counts.true_positive) != 1:
        raise ValueError(
            f"These counts have leading axes {np.shape(counts.true_positive)[:-1]} (of groups, "
            "say), and a picture shows one of them. Pass counts.at(index) or counts.overall()."
        )
    return counts


def names_of_rows(class_names: Sequence[str] | None, rows: int) -> list[str]:
    """A label for each row, fit to be drawn; ids by default."""
    if class_names is None:
        class_names = [str(row) for row in range(rows)]
    check_names(class_names, rows)
    return [_drawable(name) for name in class_names]


def names_of_classes(class_names: Sequence[str] | None, num_classes: int) -> list[str]:
    """A label for each class, where the one class of binary counts is the second of two."""
    if num_classes == 1 and (class_names is None or len(class_names) == 2):
        return names_of_rows(class_names, 2)[1:]
    return names_of_rows(class_names, num_classes)


def _drawable(name: object) -> str:
    text = " ".join(str(name).split())
    if len(text) > _LONGEST_NAME:
        text = text[: _LONGEST_NAME - 1] + "…"
    # Two dollar signs would make a formula of what is between them.
    return text.replace("$", r"\$")


def number(value: float, most: int) -> str:
    """A count in at most `most` characters if need be rounded: `1234`, `0.3`, `12.3k`."""
    text = f"{value:.10g}"
    if len(text) <= most:
        return text
    rounded = float(f"{value:.2e}")
    for unit, suffix in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(rounded) >= unit:
            return f"{rounded / unit:g}{suffix}"
    return f"{rounded:g}"


def text_width(text: str, size: float) -> float:
    """About how many inches a text of `size` points takes."""
    return _LETTER * size * len(text) / POINTS


def fitting_size(texts: Sequence[str], width: float, largest: float) -> float:
    """The size in points at which the longest text fits into `width` inches."""
    longest = max((len(text) for text in texts), default=0)
    return min(largest, width * POINTS / (_LETTER * max(1, longest)))
