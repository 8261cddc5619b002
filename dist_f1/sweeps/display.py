"""How sweeps, curves and best thresholds are shown: a short `repr`, and a table in notebooks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dist_f1.counts import short_text
from dist_f1.counts.display import to_short_repr
from dist_f1.counts.html_table import MAX_ROWS, html_table

if TYPE_CHECKING:
    from dist_f1.sweeps.sweep import Best, Curve, Sweep


def sweep_repr(sweep: Sweep) -> str:
    """Return the range of thresholds, the number of classes and the total."""
    try:
        counts = to_short_repr(sweep.counts.at(0))
    except (AttributeError, IndexError, TypeError, ValueError):
        counts = short_text.describe_shape(sweep.counts)
    return short_text.join("Sweep", [_range(sweep.thresholds), f"counts={counts}"])


def curve_repr(curve: Curve) -> str:
    """Return the range of thresholds, and the shapes."""
    precision, recall = map(short_text.describe_shape, curve[1:])
    parts = [_range(curve.thresholds), f"precision={precision}", f"recall={recall}"]
    return short_text.join("Curve", parts)


def best_repr(best: Best) -> str:
    """Return the thresholds and scores of few classes, the number of classes and the total."""
    threshold, score = map(short_text.describe, best[:2])
    parts = [f"threshold={threshold}", f"score={score}", f"counts={to_short_repr(best.counts)}"]
    return short_text.join("Best", parts)


def sweep_html(sweep: Sweep) -> str | None:
    """Return a table of the average precision and the best threshold of each class."""
    if short_text.values_of(*sweep.counts.leaves()) is None:
        return None
    sweep = sweep.numpy()
    best = sweep.best()
    header = ["class", "average precision", "best threshold", "best F1"]
    columns = [np.asarray(x) for x in (sweep.average_precision(), best.threshold, best.score)]
    total = short_text.format_number(np.asarray(sweep.counts.total)[0])
    unit = "weight" if sweep.counts.is_weighted else "rows"
    caption = f"{_range(sweep.thresholds)}, {total} {unit}"
    return _table(caption, header, columns)


def best_html(best: Best) -> str | None:
    """Return a table of the threshold, the score and the counts of each class."""
    values = short_text.values_of(*best[:2], *best.counts[:3])
    if values is None:
        return None
    header = ["class", "threshold", "score", "true positive", "predicted", "actual"]
    return _table("best threshold", header, [*np.broadcast_arrays(*values)])


def _range(thresholds: np.ndarray) -> str:
    # tf.nest puts any values into a structure.
    value = short_text.value_of(thresholds)
    if value is None or value.ndim != 1 or not len(value):
        return f"thresholds={short_text.describe_shape(thresholds)}"
    first, last = (short_text.format_number(value[k]) for k in (0, -1))
    return f"{short_text.plural(len(value), 'threshold')} from {first} to {last}"


def _table(caption: str, header: list[str], columns: list[np.ndarray]) -> str:
    number = len(columns[0])
    # One class is the positive class.
    first = 1 if number == 1 else 0
    cells = (
        [str(first + k), *(short_text.format_number(column[k]) for column in columns)]
        for k in range(min(number, MAX_ROWS))
    )
    return html_table(caption, header, cells, number, "classes")
