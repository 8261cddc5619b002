"""Precision-recall curves, of the classes that the reader chooses."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dist_f1.pages.results.evaluation import Evaluation
from dist_f1.pages.results.style import grid, score_axis, series_style, unique
from dist_f1.pages.sections import Chart
from dist_f1.sweeps.curves import EQUAL_F1, SweepCurves, equal_f1_line, sweep_curves

# With more classes, only those with the lowest average precision have a curve.
_MAX_CURVES = 50
# With more curves, only the lowest are shown at first.
_MAX_SHOWN = 10
_FEW = 3
_RECALLS = np.linspace(0.0, 1.0, 101)
MEAN = "mean of all classes"
Points = list[list[float]]


def precision_recall(evaluation: Evaluation) -> list[Chart]:
    """Return the precision-recall curves of the classes, or `[]` without a sweep."""
    if evaluation.sweep is None:
        return []
    curves = sweep_curves(evaluation.sweep)
    area, occurring = curves.average_precision, curves.occurring
    if not len(occurring):
        return []
    ranked = curves.worst_first
    # The curves that are shown at first come first, in colours that differ most.
    drawn = ranked[:_MAX_CURVES].tolist()
    if len(drawn) <= _MAX_SHOWN:
        drawn.sort()
    names = unique(evaluation.swept_names)
    labels = {k: f"{names[k]} (AP {area[k]:.3f})" for k in drawn}
    series: list[dict[str, object]] = []
    if len(occurring) > 1:
        mean = f"{MEAN} (AP {area[occurring].mean():.3f})"
        series.append(thick(curve_series(mean, mean_curve(curves), 0)))
    series += [
        curve_series(labels[k], class_curve(curves, k), i, best_point(curves, k))
        for i, k in enumerate(drawn)
    ]
    shown: Sequence[str] = ()
    if len(drawn) > 1:
        few = drawn if len(drawn) <= _MAX_SHOWN else drawn[:_FEW]
        shown = [mean, *(labels[k] for k in few)]
    return [
        Chart(
            "Precision and recall",
            curves_option(series),
            "Precision against recall at all thresholds. The average precision (AP) of "
            f"{names[ranked[0]]} is the lowest, {area[ranked[0]]:.3f}. The table of the best "
            "thresholds has the numbers.",
            _caption(len(occurring), len(drawn)),
            picture=evaluation.pictures.get("precision_recall"),
            shown=shown,
            height=32.0,
        )
    ]


def curves_option(series: list[dict[str, object]]) -> dict[str, object]:
    """Return the option of a chart of precision against recall."""
    return {
        "grid": grid(top=64, right=56),
        "legend": {"top": 0, "type": "scroll"},
        "tooltip": {"trigger": "item"},
        "xAxis": score_axis("recall", 28),
        "yAxis": score_axis("precision"),
        "series": [*(_equal_f1(f1) for f1 in EQUAL_F1), *series],
    }


def curve_series(
    name: str, points: Points, i: int, best: list[float] | None = None
) -> dict[str, object]:
    """Return a step curve with the i-th style, and a mark at its best threshold."""
    series: dict[str, object] = {
        "type": "line",
        "name": name,
        "dimensions": ["recall", "precision", "threshold"],
        **series_style(i),
        "step": "end",
        # Points without a symbol would have no tooltip.
        "symbolSize": 5 if len(points) <= 60 else 3,
        "data": points,
    }
    if best is not None:
        color = f"--series-{i % 8 + 1}"
        series["markPoint"] = {
            "symbol": series["symbol"],
            "symbolSize": 13,
            "silent": True,
            "itemStyle": {"color": color, "borderColor": "--panel", "borderWidth": 2},
            "label": {"show": False},
            "data": [{"coord": best}],
        }
    return series


def thick(series: dict[str, object]) -> dict[str, object]:
    """Return the series of a mean: thick, in the colour of the text, and behind the others."""
    color = {"color": "--text"}
    return series | {"lineStyle": {**color, "width": 3.5}, "itemStyle": color, "z": 1}


def class_curve(curves: SweepCurves, k: int) -> Points:
    """Return recall, precision and threshold of class k where they change, recall ascending."""
    recall, precision = curves.recall[:-1, k][::-1], curves.precision[:-1, k][::-1]
    # At recall 0, precision is a convention.
    points = [
        [round(float(r), 4), round(float(p), 4), float(t) if np.isfinite(t) else 0.0]
        for r, p, t in zip(recall, precision, curves.thresholds[::-1], strict=True)
        if r > 0.0
    ]
    kept: Points = []
    for i, point in enumerate(points):
        if not kept or i == len(points) - 1 or point[:2] != kept[-1][:2]:
            kept.append(point)
    start = [[0.0, *kept[0][1:]]] if kept else []
    return start + kept


def mean_curve(curves: SweepCurves) -> Points:
    """Return the mean precision of all classes with rows, at 101 recalls."""
    heights = curves.mean_precision_at(_RECALLS)
    return np.stack([_RECALLS, heights], axis=1).round(4).tolist()


def best_point(curves: SweepCurves, k: int) -> list[float]:
    """Return recall and precision of class k at the threshold with its highest F1."""
    return [round(float(curves.best_recall[k]), 4), round(float(curves.best_precision[k]), 4)]


def _equal_f1(f1: float) -> dict[str, object]:
    """Return the thin line of all points with this F1."""
    recall, precision = equal_f1_line(f1, 40)
    points = np.stack([recall, np.minimum(precision, 1.0)], axis=1).round(4).tolist()
    return {
        "type": "line",
        "name": f"F1 {f1}",
        "silent": True,
        "showSymbol": False,
        "smooth": True,
        "z": 1,
        "lineStyle": {"color": "--rule", "width": 1},
        "itemStyle": {"color": "--rule"},
        "endLabel": {"show": True, "formatter": f"F1 {f1}", "color": "--muted", "fontSize": 11},
        "data": points,
    }


def _caption(occurring: int, drawn: int) -> str:
    text = "Large symbols mark the threshold with the highest F1; thin lines connect equal F1."
    if drawn < occurring:
        text += (
            f" Only the {drawn} of {occurring:,} classes with the lowest average precision have a "
            "curve here; the mean is of all classes."
        )
    return text
