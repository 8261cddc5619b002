"""The commonest confusions: pairs of a true class and a predicted one."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from dist_f1 import scores
from dist_f1.counts import Counts
from dist_f1.pages.results.class_order import ranked_mistakes
from dist_f1.pages.results.evaluation import Evaluation, format_count
from dist_f1.pages.sections import Cell, Table
from dist_f1.scores.confusion import has_matrix, off_diagonal

_MAX_PAIRS = 100


class Confusion(NamedTuple):
    """A kind of mistake.

    Fields:
        true: Id of the true class.
        predicted: Id of the predicted class.
        rows: Number of rows with this mistake.
        actual: Number of rows of the true class.
        predicted_rows: Number of rows that were predicted as the predicted class.
    """

    true: int
    predicted: int
    rows: float
    actual: float
    predicted_rows: float


def matrix_of(counts: Counts) -> np.ndarray | None:
    """Return the confusion matrix `[C, C]`, or `None` if the counts have none."""
    if counts.is_multilabel or not has_matrix(counts):
        return None
    return np.asarray(scores.confusion_matrix(counts))


def confusions(counts: Counts, most: int) -> list[Confusion] | None:
    """Return the `most` commonest confusions, or `None` if the counts have no matrix.

    Example:
        >>> counts = Counts.from_labels([0, 0, 1, 1], [1, 1, 1, 0], num_classes=2).numpy()
        >>> [(pair.true, pair.predicted, pair.rows) for pair in confusions(counts, 9)]
        [(0, 1, 2.0), (1, 0, 1.0)]
    """
    matrix = matrix_of(counts)
    if matrix is None:
        return None
    actual, predicted = matrix.sum(axis=1), matrix.sum(axis=0)
    return [
        Confusion(i, j, float(matrix[i, j]), float(actual[i]), float(predicted[j]))
        for i, j in ranked_mistakes(matrix)[:most].tolist()
    ]


def confusions_table(evaluation: Evaluation) -> list[Table]:
    """Return the commonest confusions as a table that readers can sort."""
    found = confusions(evaluation.counted, _MAX_PAIRS)
    if not found or evaluation.counted.num_classes == 2:
        return []
    names = evaluation.names
    rows: list[list[Cell]] = [
        [
            names[pair.true],
            names[pair.predicted],
            format_count(pair.rows),
            f"{pair.rows / pair.actual:.3f}",
            f"{pair.rows / pair.predicted_rows:.3f}",
        ]
        for pair in found
    ]
    matrix = matrix_of(evaluation.counted)
    assert matrix is not None
    errors = float(off_diagonal(matrix).sum())
    fraction = sum(pair.rows for pair in found) / errors
    return [
        Table(
            "Commonest confusions",
            ["true class", "predicted as", evaluation.unit, "of the true", "of the predicted"],
            rows,
            f"These {len(rows)} pairs of classes are {fraction:.0%} of all "
            f"{format_count(errors)} mistakes.",
            bars=("of the true", "of the predicted"),
            is_sortable=True,
        )
    ]
