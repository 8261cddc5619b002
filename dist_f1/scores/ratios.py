"""Scores that are a ratio for each class, averaged over classes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

from dist_f1.counts import Counts, sample_averages
from dist_f1.counts.argument import takes_counts
from dist_f1.counts.lazy_tensorflow import Array
from dist_f1.counts.limits import as_float
from dist_f1.counts.short_text import short_repr
from dist_f1.scores import linear
from dist_f1.scores.averaging import Average, averaged
from dist_f1.scores.linear import Ratio

F = TypeVar("F", bound=Callable[..., Any])


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
    value = as_float(beta)
    if not value >= 0.0:
        raise ValueError(f"beta must be a number of at least 0, got {short_repr(beta)}.")
    ratio = linear.f_beta_ratio(value, sample_averages.f_ratio(value))
    return averaged(counts, ratio, average, zero_division, labels, pos_label)


class _AveragedRatio(NamedTuple):
    """A ratio whose `score` is a function of counts and of how to average."""

    ratio: Ratio

    def score(
        self,
        counts: Counts,
        average: Average | None = None,
        zero_division: float = 0.0,
        labels: Sequence[int] | None = None,
        pos_label: int = 1,
    ) -> Array:
        return averaged(counts, self.ratio, average, zero_division, labels, pos_label)


def _named(name: str, function: F, doc: str) -> F:
    # A bound method cannot be renamed, but its wrapper can.
    named = takes_counts(function)
    named.__name__ = named.__qualname__ = name
    named.__doc__ = doc
    return named


f1 = _named(
    "f1",
    _AveragedRatio(linear.f_beta_ratio(1.0, sample_averages.f_ratio(1.0))).score,
    "Return `2 tp / (actual + predicted)`, the harmonic mean of precision and recall.",
)
precision = _named(
    "precision",
    _AveragedRatio(linear.PRECISION).score,
    "Return `tp / predicted`: the fraction of correct rows among those predicted as a class.",
)
recall = _named(
    "recall",
    _AveragedRatio(linear.RECALL).score,
    "Return `tp / actual`: the fraction of correct rows among those of a class.",
)
specificity = _named(
    "specificity",
    _AveragedRatio(linear.SPECIFICITY).score,
    "Return `tn / (tn + fp)`: the fraction of correct rows among those not of a class.",
)
jaccard = _named(
    "jaccard",
    _AveragedRatio(linear.JACCARD).score,
    "Return `tp / (actual + predicted - tp)`, the intersection over union.",
)
