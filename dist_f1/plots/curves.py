"""Precision against recall over all thresholds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from dist_f1 import scores
from dist_f1.plots import figures

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from dist_f1.sweeps import Sweep

_CLASSES_WITH_NAMES = 10
# With more classes, how many of the best and of the worst have a colour.
_EXTREMES = 3
_RECALLS = np.linspace(0.0, 1.0, 501)


class _Curves(NamedTuple):
    """What is drawn of a sweep: curves `[T + 2, C]`, the rest `[C]`."""

    precision: np.ndarray
    recall: np.ndarray
    average_precision: np.ndarray
    best_threshold: np.ndarray
    best_f1: np.ndarray
    best_precision: np.ndarray
    best_recall: np.ndarray


def precision_recall(
    sweep: Sweep,
    class_names: Sequence[str] | None = None,
    path: figures.Path | None = None,
) -> Figure:
    """Draws precision against recall, a line per class, over thin lines of equal F1.

    A dot marks the threshold of highest F1; the legend says what it is, and the average precision,
    which is the area under the line. Of more than 10 classes, only the three best and the three
    worst have colours, and a black line is the mean precision of all at each recall. Classes
    without rows have no line.

    Args:
        sweep: of C classes.
        class_names: a name per class.
        path: of the file to write.

    Raises:
        ImportError: matplotlib is not installed.
        ValueError: the number of names is wrong.
    """
    names = figures.names_of_classes(class_names, sweep.num_classes)
    curves = _read(sweep)
    drawn = np.flatnonzero(np.isfinite(curves.average_precision)).tolist()
    many = len(drawn) > _CLASSES_WITH_NAMES
    colored = drawn
    if many:
        ranked = sorted(drawn, key=lambda label: -curves.average_precision[label])
        colored = ranked[:_EXTREMES] + ranked[-_EXTREMES:]

    figure = figures.new(5.6, 5.0 + 0.19 * (len(colored) + 2 * many))
    axis = figure.subplots()
    _equal_f1(axis)
    if many:
        others = ranked[_EXTREMES:-_EXTREMES]
        for place, label in enumerate(others):
            text = f"the other {len(others)} classes" if place == 0 else None
            _line(axis, curves, label, text, color="#B0B0B0", linewidth=0.5, zorder=2)
        mean = np.mean([_precision_at(curves, label) for label in drawn], axis=0)
        macro = np.mean(curves.average_precision[drawn])
        text = f"mean of all {len(drawn)} lines: AP {macro:.3f}"
        axis.plot(_RECALLS[1:], mean[1:], color="black", linewidth=2.0, label=text, zorder=4)
    for place, label in enumerate(colored):
        again, color = divmod(place, len(figures.COLORS))
        style = {"color": figures.COLORS[color], "linestyle": "-" if again == 0 else "--"}
        text = _legend_text(names[label], curves, label)
        _line(axis, curves, label, text, linewidth=1.6, zorder=3, **style)
        axis.plot(
            curves.best_recall[label],
            curves.best_precision[label],
            marker="o",
            markeredgecolor="white",
            color=figures.COLORS[color],
            zorder=5,
        )
    axis.set(xlim=(0.0, 1.005), ylim=(0.0, 1.03), xlabel="recall", ylabel="precision")
    axis.spines[["top", "right"]].set_visible(False)
    figure.suptitle("precision and recall (dot: threshold of highest F1)", fontsize=10)
    if drawn:
        figure.legend(loc="outside lower center", fontsize=8, frameon=False)
    return figures.finish(figure, path)


def _read(sweep: Sweep) -> _Curves:
    curve, best = sweep.curve(), sweep.best()
    counts = best.counts.numpy()
    return _Curves(
        np.asarray(curve.precision),
        np.asarray(curve.recall),
        np.where(counts.actual > 0, np.asarray(sweep.average_precision()), math.nan),
        np.asarray(best.threshold),
        scores.f1(counts),
        scores.precision(counts),
        scores.recall(counts),
    )


def _legend_text(name: str, curves: _Curves, label: int) -> str:
    area, f1 = curves.average_precision[label], curves.best_f1[label]
    return f"{name}: AP {area:.3f}, F1 {f1:.3f} at {curves.best_threshold[label]:.3g}"


def _line(axis: Axes, curves: _Curves, label: int, text: str | None, **style: Any) -> None:
    """The steps whose area is the average precision; precision at recall 0 is no part of it."""
    some = curves.recall[:, label] > 0.0
    recall, precision = curves.recall[some, label], curves.precision[some, label]
    recall, precision = np.append(recall, 0.0), np.append(precision, precision[-1:])
    axis.plot(recall, precision, drawstyle="steps-post", label=text, **style)


def _precision_at(curves: _Curves, label: int) -> np.ndarray:
    """The height of the steps of a class at `_RECALLS`."""
    recall, precision = curves.recall[::-1, label], curves.precision[::-1, label]
    place = np.searchsorted(recall, _RECALLS, side="left")
    return precision[np.minimum(place, len(recall) - 1)]


def _equal_f1(axis: Axes) -> None:
    for f1 in (0.2, 0.4, 0.6, 0.8):
        recall = np.geomspace(f1 / (2.0 - f1), 1.0, 100)
        axis.plot(
            recall, f1 * recall / (2.0 * recall - f1), color="#DDDDDD", linewidth=0.8, zorder=1
        )
        axis.text(
            1.012,
            f1 / (2.0 - f1),
            f"F1 {f1}",
            color=figures.GREY,
            fontsize=7,
            va="center",
        )
