"""Precision-recall curves over all thresholds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from dist_f1.plots import figures
from dist_f1.sweeps.argument import takes_sweep
from dist_f1.sweeps.curves import EQUAL_F1, SweepCurves, equal_f1_line, sweep_curves

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from dist_f1.sweeps import Sweep

_MAX_COLORED = 10
# With more classes, how many of the best and how many of the worst are coloured.
_EXTREMES = 3
_RECALLS = np.linspace(0.0, 1.0, 501)


@takes_sweep
def precision_recall(
    sweep: Sweep,
    class_names: Sequence[str] | None = None,
    path: figures.Path | None = None,
) -> Figure:
    """Draw precision against recall, one curve per class, over thin curves of equal F1.

    A marker shows the threshold with the highest F1. The title names the class with the lowest
    average precision. The legend shows this threshold, its F1, and the
    average precision, which is the area under the curve. With more than 10 classes, only the three
    best and the three worst are coloured, and a black curve is the mean precision of all classes
    at each recall. Classes without rows have no curve.

    Args:
        sweep: Sweep of C classes.
        class_names: C names; two for a binary sweep.
        path: File to write.

    Raises:
        ImportError: matplotlib is not installed.
        ValueError: The number of names is wrong.
    """
    names = figures.names_of_classes(class_names, sweep.num_classes)
    curves = sweep_curves(sweep)
    drawn = curves.occurring.tolist()
    has_mean = len(drawn) > _MAX_COLORED
    colored, others = drawn, []
    if has_mean:
        ranked = sorted(drawn, key=lambda k: -curves.average_precision[k])
        colored = ranked[:_EXTREMES] + ranked[-_EXTREMES:]
        others = ranked[_EXTREMES:-_EXTREMES]

    marks = "markers: thresholds with the highest F1"
    title = figures.wrapped_title(5.6, _message(curves, names, drawn), marks)
    height = 5.0 + 0.19 * (len(colored) + 2 * has_mean) + figures.title_height(title)
    figure = figures.new_figure(5.6, height)
    figure.suptitle(title, fontsize=figures.TITLE_SIZE)
    axis = figure.subplots()
    _draw_equal_f1(axis)
    for i, k in enumerate(others):
        text = f"the other {len(others)} classes" if i == 0 else None
        _draw_steps(axis, curves, k, text, color="#B0B0B0", linewidth=0.5, zorder=2)
    if has_mean:
        mean = curves.mean_precision_at(_RECALLS)
        macro = np.mean(curves.average_precision[drawn])
        text = f"mean of all {len(drawn)} curves: AP {macro:.3f}"
        axis.plot(_RECALLS[1:], mean[1:], color="black", linewidth=2.0, label=text, zorder=4)
    for i, k in enumerate(colored):
        cycle, color_index = divmod(i, len(figures.COLORS))
        color, style = figures.COLORS[color_index], "--" if cycle else "-"
        marker = figures.MARKERS[i % len(figures.MARKERS)]
        text = _legend_text(names[k], curves, k)
        line = {"color": color, "linestyle": style, "linewidth": 1.6}
        mark = {"marker": marker, "markeredgecolor": "white", "markersize": 8}
        _draw_steps(axis, curves, k, text, **line, **mark, zorder=3)
    axis.set(xlim=(0.0, 1.005), ylim=(0.0, 1.03))
    axis.set_xlabel("recall (fraction of the rows of the class)")
    axis.set_ylabel("precision (fraction of the predicted rows)")
    axis.spines[["top", "right"]].set_visible(False)
    if drawn:
        figure.legend(loc="outside lower center", fontsize=8, frameon=False)
    return figures.finish(figure, path)


def _message(curves: SweepCurves, names: Sequence[str], drawn: list[int]) -> str:
    if not drawn:
        return "No class has rows"
    k = min(drawn, key=lambda k: curves.average_precision[k])
    name, area = names[k], curves.average_precision[k]
    if len(names) == 1:
        return f"Average precision of '{name}' is {area:.3f}"
    return f"Average precision is lowest for '{name}': {area:.3f}"


def _legend_text(name: str, curves: SweepCurves, k: int) -> str:
    area, f1 = curves.average_precision[k], curves.best_f1[k]
    return f"{name}: AP {area:.3f}, F1 {f1:.3f} at {curves.best_threshold[k]:.3g}"


def _draw_steps(axis: Axes, curves: SweepCurves, k: int, text: str | None, **style: Any) -> None:
    """Draw the step curve of class k, whose area is the average precision."""
    # The precision at recall 0 is a convention, and not part of the area.
    is_part = curves.recall[:, k] > 0.0
    recall, precision = curves.recall[is_part, k], curves.precision[is_part, k]
    best = curves.best_recall[k], curves.best_precision[k]
    distance = np.hypot(recall - best[0], precision - best[1])
    marked = [int(distance.argmin())] if "marker" in style and len(recall) else None
    recall, precision = np.append(recall, 0.0), np.append(precision, precision[-1:])
    axis.plot(recall, precision, drawstyle="steps-post", label=text, markevery=marked, **style)


def _draw_equal_f1(axis: Axes) -> None:
    for f1 in EQUAL_F1:
        recall, precision = equal_f1_line(f1, 100)
        axis.plot(recall, precision, color="#DDDDDD", linewidth=0.8, zorder=1)
        axis.text(1.012, recall[0], f"F1 {f1}", color=figures.GREY, fontsize=7, va="center")
