"""The mistakes of which the model was most confident, by row."""

from __future__ import annotations

from dist_f1.pages.results.evaluation import Evaluation
from dist_f1.pages.sections import Cell, Table


def mistakes_table(evaluation: Evaluation) -> list[Table]:
    """Return the most confident mistakes, or `[]` if none are stored."""
    rows: list[list[Cell]] = [
        [str(mistake.row), mistake.true, mistake.predicted, f"{mistake.probability:.4f}"]
        for mistake in evaluation.mistakes
    ]
    if not rows:
        return []
    return [
        Table(
            "Most confident mistakes",
            ["row", "true class", "predicted as", "probability"],
            rows,
            "Rows of the validation data, counted from 0, in the order of predictions.npz. The "
            "probability is that of the wrong prediction.",
            bars=("probability",),
            is_sortable=True,
        )
    ]
