"""The errors of each class, for rows that may have several classes and have no matrix."""

from __future__ import annotations

import numpy as np

from dist_f1.pages.results.evaluation import Evaluation
from dist_f1.pages.results.style import grid, value_axis
from dist_f1.pages.sections import Chart, Table

# With more classes, only those with the most errors have a bar.
_MAX_BARS = 30


def error_bars(evaluation: Evaluation) -> list[Chart]:
    """Return missed and wrongly predicted rows of each class, or `[]` if there is a matrix."""
    counts = evaluation.counted
    if not counts.is_multilabel:
        return []
    missed, wrong = np.asarray(counts.false_negative), np.asarray(counts.false_positive)
    shown = np.argsort(-(missed + wrong), kind="stable")[:_MAX_BARS].tolist()
    names = [evaluation.names[k] for k in shown]
    parts = (("missed", "--series-1", missed), ("wrong", "--series-2", wrong))
    bars = [
        {
            "type": "bar",
            "name": name,
            "stack": "errors",
            "itemStyle": {"color": color},
            "data": values[shown].tolist(),
        }
        for name, color, values in parts
    ]
    option: dict[str, object] = {
        "grid": grid(),
        "legend": {"top": 0},
        "tooltip": {"trigger": "axis"},
        "xAxis": value_axis(evaluation.unit, 28),
        "yAxis": {
            "type": "category",
            "data": names,
            "inverse": True,
            "axisLabel": {"width": 120, "overflow": "truncate", "interval": 0},
        },
        "series": bars,
    }
    rows = [[names[i], float(missed[k]), float(wrong[k])] for i, k in enumerate(shown)]
    caption = "Missed rows have the class and were not predicted as it; wrong rows are the reverse."
    if len(shown) < len(missed):
        caption += f" Only the {len(shown)} of {len(missed):,} classes with the most errors."
    return [
        Chart(
            "Errors by class",
            option,
            f"Missed and wrongly predicted {evaluation.unit} of each class. {names[0]} has the "
            f"most errors: {missed[shown[0]]:g} missed and {wrong[shown[0]]:g} wrong.",
            caption,
            Table("", ["class", "missed", "wrong"], rows),
            evaluation.pictures.get("confusion_matrix"),
            height=6.0 + 1.5 * len(shown),
        )
    ]
