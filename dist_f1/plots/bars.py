"""F1 of each class as bars."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from dist_f1 import scores
from dist_f1.counts import Counts
from dist_f1.plots import figures

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_IN_ORDER_OF_CLASSES = 30
_MOST_BARS = 120


def f1_bars(
    counts: Counts,
    class_names: Sequence[str] | None = None,
    path: figures.Path | None = None,
    *,
    intervals: tuple[Any, Any] | None = None,
) -> Figure:
    """Draws the F1 of each class as a bar, with its support, and macro F1 as a vertical line.

    Up to 30 classes are in the order of their ids; more are sorted, the highest F1 first, and of
    more than 120 those of lowest F1 are drawn. A class that neither occurs nor is predicted has no
    bar, and does not enter macro F1 (see `dist_f1.scores`). Binary counts of one class have one
    bar, that of the positive class; `counts.to_two_class()` has two.

    Args:
        counts: of C classes.
        class_names: a name per class.
        path: of the file to write.
        intervals: lower and upper ends of an interval for each class, `[C]` each, drawn as
            whiskers. NaN draws none.

    Raises:
        ImportError: matplotlib is not installed.
        ValueError: `intervals` is no such pair, the counts have leading axes, or the number of
            names is wrong.
    """
    counts = figures.readable(counts)
    classes = counts.num_classes
    names = figures.names_of_classes(class_names, classes)
    low, high = _ends(intervals, classes)
    f1 = scores.f1(counts, zero_division=math.nan)
    shown = np.arange(classes)
    if classes > _IN_ORDER_OF_CLASSES:
        shown = np.argsort(-f1, kind="stable")
        shown = shown[np.isfinite(f1[shown])][-_MOST_BARS:]
    crowded = len(shown) > _IN_ORDER_OF_CLASSES
    height, size = (0.135, 7.0) if crowded else (0.27, 9.0)

    digits = 6 if counts.is_weighted else 9
    labels = [f"{names[k]} ({figures.number(counts.actual[k], digits)})" for k in shown]
    margin = max((figures.text_width(label, size) for label in labels), default=0.0)
    figure = figures.new(5.0 + margin, 1.1 + height * max(2, len(shown)))
    axis = figure.subplots()
    places = np.arange(len(shown))
    axis.barh(places, f1[shown], height=0.72, color=figures.COLORS[5], zorder=2)
    if intervals is not None:
        middle, half = (low + high)[shown] / 2, (high - low)[shown] / 2
        cap = 1.5 if crowded else 3.0
        axis.errorbar(
            middle, places, xerr=half, fmt="none", ecolor="black", elinewidth=1, capsize=cap
        )
    ends = np.fmax(f1, high)
    for place, label in enumerate(shown):
        value = f1[label]
        text, end = (f"{value:.2f}", ends[label]) if math.isfinite(value) else ("no rows", 0.0)
        # Its background interrupts the line of macro F1.
        box = {"facecolor": axis.get_facecolor(), "edgecolor": "none", "pad": 0.5}
        axis.text(end + 0.01, place, text, va="center", fontsize=size, bbox=box, zorder=4)
    title = "F1 per class"
    macro = float(scores.f1(counts, "macro", math.nan))
    if classes > 1 and math.isfinite(macro):
        axis.axvline(macro, color=figures.COLORS[1], linestyle="--", linewidth=1.2, zorder=3)
        title += f" (dashed: macro F1 {macro:.3f})"
    if len(shown) < classes:
        title += f"\n{len(shown)} of {classes} classes, those of lowest F1"
    figure.suptitle(title, fontsize=10)
    axis.set_yticks(places, labels, fontsize=size)
    axis.set_ylim(max(1, len(shown)) - 0.4, -0.6)
    axis.set_xlim(0.0, 1.12)
    axis.set_xticks(np.linspace(0.0, 1.0, 6))
    axis.set_xlabel("F1")
    axis.set_ylabel("class (support)")
    axis.spines[["top", "right"]].set_visible(False)
    return figures.finish(figure, path)


def _ends(intervals: tuple[Any, Any] | None, classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper ends, float64 `[C]` each; NaN without intervals."""
    if intervals is None:
        return np.full(classes, math.nan), np.full(classes, math.nan)
    if len(intervals) != 2:
        raise ValueError(f"intervals must be a pair (low, high), got {len(intervals)} values.")
    low, high = (np.asarray(end, np.float64) for end in intervals)
    if low.shape != (classes,) or high.shape != (classes,):
        raise ValueError(
            f"intervals must be (low, high) with one end for each of the {classes} classes, got "
            f"shapes {low.shape} and {high.shape}."
        )
    if np.any(low > high):
        wrong = int(np.flatnonzero(low > high)[0])
        raise ValueError(
            f"The interval of class {wrong} is from {low[wrong]} to {high[wrong]}; pass the lower "
            "ends first."
        )
    return low, high
