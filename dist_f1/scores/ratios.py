"""Scores that are a ratio for each class, averaged over classes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from dist_f1.counts import Counts, sample_averages
from dist_f1.counts.argument import takes_counts
from dist_f1.counts.lazy_tensorflow import Array
from dist_f1.scores import linear
from dist_f1.scores.averaging import Average, averaged
from dist_f1.scores.linear import Ratio


@takes_counts
def f_beta(
    counts: Counts,
    beta: float = 1.0,
    average: Average | None = None,
    zero_division: float = 0.0,
    labels: Sequence[int] | None = None,
    pos_label: int = 1,
) -> Array:
    """Return F-beta, `(1 + beta^2) tp / (beta^2 actual + predicted)`.

    Recall weighs `beta` times as much as precision; `beta` is from 0 (precision) to infinity
    (recall). `average="samples"` needs counts with the sums over rows of this F: every
    `FBetaScore` counts its own. For the other arguments see the module.

    Example:
        >>> counts = Counts.from_labels([0, 1, 1], [0, 1, 0], num_classes=2).numpy()
        >>> float(f_beta(counts, beta=2.0, average="binary").round(3))
        0.556
    """
    if not beta >= 0.0:
        raise ValueError(f"beta must be at least 0, got {beta}.")
    ratio = linear.f_beta_ratio(beta, sample_averages.f_ratio(beta))
    return averaged(counts, ratio, average, zero_division, labels, pos_label)


class AveragedScore(Protocol):
    """A score of each class, averaged. Type checkers and editors show its arguments."""

    def __call__(
        self,
        counts: Counts,
        average: Average | None = None,
        zero_division: float = 0.0,
        labels: Sequence[int] | None = None,
        pos_label: int = 1,
    ) -> Array:
        """Return the score; see the module."""


def _averaged_score(name: str, ratio: Ratio, doc: str) -> AveragedScore:
    def score(
        counts: Counts,
        average: Average | None = None,
        zero_division: float = 0.0,
        labels: Sequence[int] | None = None,
        pos_label: int = 1,
    ) -> Array:
        return averaged(counts, ratio, average, zero_division, labels, pos_label)

    score.__name__ = score.__qualname__ = name
    score.__doc__ = doc
    return takes_counts(score)


f1 = _averaged_score(
    "f1",
    linear.f_beta_ratio(1.0, sample_averages.f_ratio(1.0)),
    "Return `2 tp / (actual + predicted)`, the harmonic mean of precision and recall.",
)
precision = _averaged_score(
    "precision",
    linear.PRECISION,
    "Return `tp / predicted`: the share of correct rows among those predicted as a class.",
)
recall = _averaged_score(
    "recall",
    linear.RECALL,
    "Return `tp / actual`: the share of correct rows among those of a class.",
)
specificity = _averaged_score(
    "specificity",
    linear.SPECIFICITY,
    "Return `tn / (tn + fp)`: the share of correct rows among those not of a class.",
)
jaccard = _averaged_score(
    "jaccard",
    linear.JACCARD,
    "Return `tp / (actual + predicted - tp)`, the intersection over union.",
)
