"""The scores of each class, as a table that readers can sort and filter."""

from __future__ import annotations

import math

import numpy as np

from dist_f1 import scores
from dist_f1.pages.results.confusions import matrix_of
from dist_f1.pages.results.evaluation import (
    LEVEL,
    Evaluation,
    format_count,
    format_score,
    interval_of,
)
from dist_f1.pages.sections import Cell, Table
from dist_f1.scores.confusion import off_diagonal

# More classes are shown with the worst one first.
_MAX_UNSORTED = 30
_AVERAGES = ("macro", "weighted")


def class_scores(evaluation: Evaluation) -> list[Table]:
    """Return F1, its interval, precision, recall and support of each class, and their averages."""
    counts, names, f1 = evaluation.counted, evaluation.names, evaluation.f1_per_class()
    precision, recall = (np.asarray(s(counts)) for s in (scores.precision, scores.recall))
    low, high = _intervals(evaluation)
    mistaken = _most_often_predicted(evaluation)
    shown = np.flatnonzero(np.isfinite(f1))
    if len(shown) > _MAX_UNSORTED:
        shown = shown[np.argsort(f1[shown], kind="stable")]
    has_bounds = bool(np.isfinite(low).any())
    rows: list[list[Cell]] = []
    for k in shown.tolist():
        bounds = [format_score(low[k]), format_score(high[k])] if has_bounds else []
        ratios = [f"{precision[k]:.4f}", f"{recall[k]:.4f}"]
        sizes = [format_count(counts.actual[k]), format_count(counts.predicted[k])]
        others = [mistaken[k]] if mistaken else []
        rows.append([names[k], f"{f1[k]:.4f}", *bounds, *ratios, *sizes, *others])
    header = ["class", "F1", *["low", "high"] * has_bounds, "precision", "recall"]
    header += ["actual", "predicted", *["most often mistaken for"] * bool(mistaken)]
    caption = f"Low and high bound the {LEVEL:.0%} confidence interval of F1. " * has_bounds
    absent = counts.num_classes - len(shown)
    if absent:
        caption += f"{absent:,} classes that neither occur nor are predicted are left out. "
    if len(shown) > _MAX_UNSORTED:
        caption += "The class with the lowest F1 comes first."
    return [
        Table(
            "Classes",
            header,
            rows,
            caption.strip(),
            [_average_row(evaluation, average, header) for average in _AVERAGES],
            ("F1", "precision", "recall"),
            is_sortable=True,
        )
    ]


def _average_row(evaluation: Evaluation, average: str, header: list[str]) -> list[Cell]:
    counts = evaluation.counted
    values = {
        "class": f"{average} average",
        "F1": f"{scores.f1(counts, average):.4f}",  # type: ignore[arg-type]
        "precision": f"{scores.precision(counts, average):.4f}",  # type: ignore[arg-type]
        "recall": f"{scores.recall(counts, average):.4f}",  # type: ignore[arg-type]
        "actual": format_count(counts.actual.sum()),
        "predicted": format_count(counts.predicted.sum()),
    }
    return [values.get(title, "") for title in header]


def _intervals(evaluation: Evaluation) -> tuple[np.ndarray, np.ndarray]:
    """Return the bounds of the F1 of each class, NaN if the counts determine none."""
    interval = interval_of(evaluation.counted, "f1_per_class")
    if interval is None:
        unknown = np.full(evaluation.counted.num_classes, math.nan)
        return unknown, unknown
    return np.asarray(interval.low), np.asarray(interval.high)


def _most_often_predicted(evaluation: Evaluation) -> list[str]:
    """Return the commonest wrong prediction of each class, `[]` without a matrix."""
    matrix = matrix_of(evaluation.counted)
    if matrix is None or len(matrix) == 2:
        return []
    errors = off_diagonal(matrix)
    return [
        f"{evaluation.names[j]} ({format_count(row[j])})" if row[j] > 0 else ""
        for row, j in zip(errors, errors.argmax(axis=1).tolist(), strict=True)
    ]
