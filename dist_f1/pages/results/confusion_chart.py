"""The confusion matrix as a heatmap, of all classes or of those that are most often confused."""

from __future__ import annotations

import numpy as np

from dist_f1.pages.results.class_order import clustered, most_confused
from dist_f1.pages.results.confusions import matrix_of
from dist_f1.pages.results.evaluation import Evaluation, format_count
from dist_f1.pages.results.style import grid
from dist_f1.pages.sections import Chart, View
from dist_f1.scores.confusion import off_diagonal

# With more classes, only those with the commonest confusions are drawn.
_MAX_CLASSES = 100
_MAX_CHOSEN = 60
# More classes are ordered by their confusions, and have no number in each cell.
_MAX_UNORDERED = 20
_SHADES_BELOW_NUMBERS = [f"--heat-{i}" for i in range(5)]
_SHADES = ["--heat-0", *(f"--deep-{i}" for i in range(1, 5))]
# The wheel alone, and a finger, still scroll the page.
_ZOOM = {
    "type": "inside",
    "zoomOnMouseWheel": "ctrl",
    "preventDefaultMouseMove": False,
    "filterMode": "none",
}
_VIEWS = (("counts", 2), ("share of the true class", 3), ("share of the predicted class", 4))


def confusion_chart(evaluation: Evaluation) -> list[Chart]:
    """Return a heatmap of true against predicted classes, or `[]` without a matrix."""
    matrix = matrix_of(evaluation.counted)
    if matrix is None or not matrix.any():
        return []
    classes = len(matrix)
    shown = np.arange(classes)
    if classes > _MAX_CLASSES:
        shown = most_confused(matrix, _MAX_CHOSEN)
        if not len(shown):
            return []
    if classes > _MAX_UNORDERED:
        shown = shown[clustered(matrix[np.ix_(shown, shown)])]
    names = [evaluation.names[k] for k in shown]
    cells = _cells(matrix, shown)
    unit = evaluation.unit
    has_numbers = len(shown) <= _MAX_UNORDERED
    axis: dict[str, object] = {
        "type": "category",
        "data": names,
        "nameLocation": "middle",
        "splitArea": {"show": False},
        "axisTick": {"show": False},
    }
    rotated = {"rotate": 90 if len(names) * max(map(len, names)) > 40 else 0}
    option: dict[str, object] = {
        "grid": grid(top=8, right=8)
        | {"bottom": 48, "show": True, "backgroundColor": "--heat-0", "borderColor": "--rule"},
        "tooltip": {"trigger": "item"},
        "xAxis": axis
        | {"name": "predicted", "nameGap": 36, "axisLabel": {**_label(has_numbers), **rotated}},
        "yAxis": axis
        | {"name": "true", "inverse": True, "nameGap": 48, "axisLabel": _label(has_numbers)},
        "dataZoom": [{**_ZOOM, "xAxisIndex": 0}, {**_ZOOM, "yAxisIndex": 0}],
        "visualMap": {
            "type": "continuous",
            "min": 0,
            "calculable": False,
            "orient": "horizontal",
            "left": "center",
            "bottom": 0,
            "itemWidth": 12,
            "itemHeight": 140,
            "inRange": {"color": _SHADES_BELOW_NUMBERS if has_numbers else _SHADES},
        },
        "series": [
            {
                "type": "heatmap",
                "dimensions": ["predicted", "true", unit, *(view[0] for view in _VIEWS[1:])],
                "data": cells,
                "label": {"show": has_numbers, "color": "--text"},
                "itemStyle": {"borderColor": "--panel", "borderWidth": 1 if has_numbers else 0},
                "emphasis": {"itemStyle": {"borderColor": "--text", "borderWidth": 2}},
            }
        ],
    }
    return [
        Chart(
            "Confusion matrix",
            option,
            _alt(evaluation, len(shown)),
            _caption(evaluation, matrix, shown),
            picture=evaluation.pictures.get("confusion_matrix"),
            views=[_view(label, dimension, cells, has_numbers) for label, dimension in _VIEWS],
            views_label="Shade",
            height=0.0,
            width=min(52.0, 14.0 + 3.5 * len(shown)),
        )
    ]


def _cells(matrix: np.ndarray, shown: np.ndarray) -> list[list[float]]:
    """Return column, row, number, and shares of each cell that is not 0."""
    actual = np.maximum(matrix.sum(axis=1), 1e-12)
    predicted = np.maximum(matrix.sum(axis=0), 1e-12)
    cells = []
    for y, i in enumerate(shown.tolist()):
        for x, j in enumerate(shown.tolist()):
            value = float(matrix[i, j])
            if value:
                shares = (round(value / actual[i], 4), round(value / predicted[j], 4))
                cells.append([x, y, value, *map(float, shares)])
    return cells


def _view(label: str, dimension: int, cells: list[list[float]], has_numbers: bool) -> View:
    """Return the choice of a dimension for the shades, and for the numbers in the cells.

    Without numbers, the darkest shade is that of the commonest confusion, or else single mistakes
    would be too pale to see.
    """
    errors = [cell[dimension] for cell in cells if cell[0] != cell[1]]
    most = max(cell[dimension] for cell in cells)
    darkest = most if has_numbers or not errors else max(errors)
    text = format_count(darkest) if dimension == 2 else f"{darkest:.0%}"
    return View(
        label,
        {
            "visualMap": {
                "dimension": dimension,
                "max": darkest,
                "text": [text if darkest == most else f"{text} or more", "0"],
            },
            "series": [{"label": {"formatter": f"{{@[{dimension}]}}"}}],
        },
    )


def _label(has_numbers: bool) -> dict[str, object]:
    fixed = {"interval": 0} if has_numbers else {"fontSize": 10}
    return {"width": 96, "overflow": "truncate", "hideOverlap": True, **fixed}


def _alt(evaluation: Evaluation, shown: int) -> str:
    return (
        f"Heatmap of {evaluation.unit} by true and predicted class, of {shown} classes. "
        "The table of the commonest confusions and the table of classes have its numbers."
    )


def _caption(evaluation: Evaluation, matrix: np.ndarray, shown: np.ndarray) -> str:
    texts = []
    if len(shown) < len(matrix):
        errors = off_diagonal(matrix).sum()
        drawn = off_diagonal(matrix[np.ix_(shown, shown)]).sum()
        texts.append(
            f"Only the {len(shown)} of {len(matrix):,} classes with the commonest confusions are "
            f"drawn; {format_count(drawn)} of all {format_count(errors)} mistakes are between them."
        )
    if len(matrix) > _MAX_UNORDERED:
        texts.append("Classes that are confused with each other are next to each other.")
    texts.append("Zoom with the buttons, or with Ctrl and the mouse wheel; drag to move.")
    return " ".join(texts)
