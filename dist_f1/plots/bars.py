"""A bar chart of the F1 of each class."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

from dist_f1 import scores
from dist_f1.counts import Counts
from dist_f1.counts.argument import takes_counts
from dist_f1.plots import figures

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# More classes are sorted by F1 and drawn smaller.
_MAX_UNSORTED = 30
_MAX_BARS = 120


@takes_counts
def f1_bars(
    counts: Counts,
    class_names: Sequence[str] | None = None,
    path: figures.Path | None = None,
    *,
    intervals: tuple[ArrayLike, ArrayLike] | None = None,
) -> Figure:
    """Draw the F1 of each class as a bar, with its support, and macro F1 as a dashed line.

    The title names the class with the lowest F1.

    Up to 30 classes keep the order of their ids. More classes are sorted, highest F1 first, and
    only the 120 with the lowest F1 are drawn. A class that neither occurs nor is predicted has no
    bar, and does not count in macro F1 (see `dist_f1.scores`). Binary counts of one class have one
    bar, that of the positive class; `counts.to_two_class()` has two.

    Args:
        counts: Counts of C classes, without leading axes.
        class_names: C names; two for binary counts.
        path: File to write.
        intervals: Lower and upper bounds of the F1 of each class, `[C]` each, drawn as whiskers.
            NaN draws none.

    Raises:
        ImportError: matplotlib is not installed.
        ValueError: `intervals` is not such a pair, the counts have leading axes, or the number of
            names is wrong.
    """
    counts = figures.single_counts(counts)
    classes = counts.num_classes
    names = figures.names_of_classes(class_names, classes)
    low, high = _check_intervals(intervals, classes)
    f1 = scores.f1(counts, zero_division=math.nan)
    shown = np.arange(classes)
    if classes > _MAX_UNSORTED:
        shown = np.argsort(-f1, kind="stable")
        shown = shown[np.isfinite(f1[shown])][-_MAX_BARS:]
    is_crowded = len(shown) > _MAX_UNSORTED
    height, size = (0.135, 7.0) if is_crowded else (0.27, 9.0)

    digits = 6 if counts.is_weighted else 9
    labels = [f"{names[k]} ({figures.format_count(counts.actual[k], digits)})" for k in shown]
    margin = max((figures.text_width(label, size) for label in labels), default=0.0)
    titles = [_message(f1, names)]
    macro = float(scores.f1(counts, "macro", math.nan))
    has_line = classes > 1 and math.isfinite(macro)
    if has_line:
        titles.append(f"dashed: macro F1 {macro:.3f}")
    if len(shown) < classes:
        titles.append(f"{len(shown)} of {classes} classes with the lowest F1")
    title = figures.wrapped_title(5.0 + margin, *titles)
    total = 1.1 + height * max(2, len(shown)) + figures.title_height(title)
    figure = figures.new_figure(5.0 + margin, total)
    figure.suptitle(title, fontsize=figures.TITLE_SIZE)
    axis = figure.subplots()
    positions = np.arange(len(shown))
    axis.barh(positions, f1[shown], height=0.72, color=figures.COLORS[5], zorder=2)
    if intervals is not None:
        axis.errorbar(
            (low + high)[shown] / 2,
            positions,
            xerr=(high - low)[shown] / 2,
            fmt="none",
            ecolor="black",
            elinewidth=1,
            capsize=1.5 if is_crowded else 3.0,
        )
    # To the right of the axis, no text is on a whisker or on the line of macro F1.
    for y, k in enumerate(shown):
        text = f"{f1[k]:.2f}" if np.isfinite(f1[k]) else "no rows"
        axis.text(1.03, y, text, va="center", fontsize=size)
    if has_line:
        axis.axvline(macro, color=figures.COLORS[1], linestyle="--", linewidth=1.2, zorder=3)
    axis.set_yticks(positions, labels, fontsize=size)
    axis.set_ylim(max(1, len(shown)) - 0.4, -0.6)
    axis.set_xlim(0.0, 1.005)
    axis.set_xticks(np.linspace(0.0, 1.0, 6))
    unit = "weight" if counts.is_weighted else "rows"
    axis.set(xlabel="F1 (0 to 1)", ylabel=f"class (support in {unit})")
    axis.spines[["top", "right"]].set_visible(False)
    return figures.finish(figure, path)


def _message(f1: np.ndarray, names: Sequence[str]) -> str:
    if not np.isfinite(f1).any():
        return "No class has rows"
    k = int(np.nanargmin(f1))
    of = f"F1 of '{names[k]}' is" if len(f1) == 1 else f"F1 is lowest for '{names[k]}':"
    return f"{of} {f1[k]:.2f}"


def _check_intervals(
    intervals: tuple[ArrayLike, ArrayLike] | None, classes: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return lower and upper bounds, float64 `[C]` each; NaN if there are no intervals."""
    if intervals is None:
        return np.full(classes, math.nan), np.full(classes, math.nan)
    if len(intervals) != 2:
        raise ValueError(
            f"intervals has {len(intervals)} elements; pass a pair (low, high) of bounds."
        )
    low, high = (np.asarray(bound, np.float64) for bound in intervals)
    if low.shape != (classes,) or high.shape != (classes,):
        raise ValueError(
            f"intervals has shapes {low.shape} and {high.shape}; pass (low, high) with one bound "
            f"for each of the {classes} classes."
        )
    if np.any(low > high):
        k = int(np.flatnonzero(low > high)[0])
        raise ValueError(
            f"The interval of class {k} is from {low[k]} to {high[k]}; pass the lower bounds first."
        )
    return low, high
