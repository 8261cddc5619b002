"""All scores with their confidence intervals."""

from __future__ import annotations

from dist_f1.pages.results.evaluation import LEVEL, Evaluation, format_score
from dist_f1.pages.sections import Cell, Table


def score_table(evaluation: Evaluation) -> list[Table]:
    """Return each score with its interval, or `[]` without scores."""
    rows: list[list[Cell]] = [
        [name, *(format_score(row.get(bound)) for bound in ("value", "low", "high"))]
        for name, row in evaluation.scores.items()
    ]
    caption = (
        f"Low and high are the bounds of the {LEVEL:.0%} confidence interval, if the counts "
        "determine one."
    )
    return [Table("Scores", ["", "value", "low", "high"], rows, caption)] if rows else []
