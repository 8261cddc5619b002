"""Scores of all classes at once: the agreement of predictions and targets."""

from __future__ import annotations

import math
from typing import Any, Literal, get_args

import numpy as np

from dist_f1.counts import Counts, sample_averages
from dist_f1.counts import arrays as xp
from dist_f1.counts.argument import takes_counts
from dist_f1.counts.lazy_tensorflow import Array
from dist_f1.scores.averaging import nanmean
from dist_f1.scores.confusion import confusion_matrix

Weights = Literal["linear", "quadratic"]


@takes_counts
def accuracy(counts: Counts) -> Array:
    """Return the fraction of correct rows; NaN without rows.

    A row with several classes is correct if all of its classes are.
    """
    if not counts.is_multilabel:
        return 1.0 - hamming_loss(counts)
    if sample_averages.EXACT_MATCH not in counts.samples:
        raise ValueError(
            "These counts do not show how many rows have every class correct: they count each "
            "class separately. Use hamming_loss; or count with Accuracy, Scores(['accuracy']) or "
            "Counts.from_labels."
        )
    c = counts.as_float()
    return xp.divide(c.samples[sample_averages.EXACT_MATCH], c.total, math.nan)


@takes_counts
def balanced_accuracy(counts: Counts) -> Array:
    """Return the mean recall of the classes that occur; NaN without rows."""
    c = _require_one_class_per_row(counts, "balanced_accuracy")
    return nanmean(xp.divide(c.true_positive, c.actual, math.nan), None, math.nan)


@takes_counts
def matthews_corrcoef(counts: Counts) -> Array:
    """Return Matthews' correlation of actual and predicted classes, in [-1, 1]; 0 where undefined.

    With `s` rows, `c` correct ones, and `a_k`, `p_k` rows of and predicted as class k:
    `(c s - sum a_k p_k) / sqrt((s^2 - sum p_k^2) (s^2 - sum a_k^2))`.

    Source: Gorodkin, "Comparing two K-category assignments by a K-category correlation
    coefficient", Computational Biology and Chemistry 28, 2004.
    """
    c = _require_one_class_per_row(counts, "matthews_corrcoef")
    # Sums over classes instead of the total: of a single class, they equal its count to the last
    # bit, and the differences below are exactly 0, even for weights.
    actual, predicted = xp.sum_last(c.actual), xp.sum_last(c.predicted)
    covariance = xp.sum_last(c.true_positive) * predicted - xp.sum_last(c.actual * c.predicted)
    of_predicted = predicted * predicted - xp.sum_last(c.predicted * c.predicted)
    of_actual = actual * actual - xp.sum_last(c.actual * c.actual)
    return xp.divide(covariance, xp.sqrt(of_predicted * of_actual), 0.0)


@takes_counts
def cohen_kappa(counts: Counts, weights: Weights | None = None) -> Array:
    """Return Cohen's kappa: agreement beyond chance, in [-1, 1]; NaN where undefined.

    `1 - sum w_ij n_ij s / sum w_ij a_i p_j`, with `n_ij` rows of class i predicted as j, otherwise
    in the symbols of `matthews_corrcoef`. Unweighted, `w_ij` is 1 for any mistake; the sums are
    then `s - c` and `s^2 - sum a_k p_k`.

    Args:
        counts: Counts with one class per row. Weights need `confusion` for more than two classes.
        weights: For ordered classes: `"linear"` weighs a mistake `|i - j|`, `"quadratic"` weighs
            it `(i - j)^2`.

    Source: Cohen, "A coefficient of agreement for nominal scales", Educational and
    Psychological Measurement 20(1), 1960; weighted: Cohen, "Weighted kappa", Psychological
    Bulletin 70(4), 1968.
    """
    if weights not in (None, *get_args(Weights)):
        raise ValueError(f'weights must be None, "linear" or "quadratic", got {weights!r}.')
    c = _require_one_class_per_row(counts, "cohen_kappa")
    actual, predicted = xp.sum_last(c.actual), xp.sum_last(c.predicted)
    if weights is None or c.num_classes == 2:
        wrong = xp.to_float(xp.sum_last(counts.to_two_class().false_negative))
        by_chance = actual * predicted - xp.sum_last(c.actual * c.predicted)
        return 1.0 - xp.divide(wrong * actual, by_chance, math.nan)
    grades = np.arange(c.num_classes)
    distance = np.abs(grades[:, np.newaxis] - grades).astype(np.float64)
    weight: Any = distance if weights == "linear" else distance**2
    wrong = xp.sum_last_two(weight * xp.to_float(confusion_matrix(counts)))
    by_chance = xp.sum_last(c.actual * xp.sum_last(weight * c.predicted[..., np.newaxis, :]))
    return 1.0 - xp.divide(wrong * actual, by_chance, math.nan)


@takes_counts
def hamming_loss(counts: Counts) -> Array:
    """Return the fraction of wrong decisions; NaN without rows.

    A decision is a row or, where a row may have several classes, a pair of a row and a class.
    """
    if counts.is_multilabel:
        wrong = xp.sum_last(counts.false_positive) + xp.sum_last(counts.false_negative)
        decisions = xp.to_float(counts.total) * counts.num_classes
        if counts.has_entries:
            decisions = xp.to_float(xp.sum_last(counts.class_total))
    else:
        counts = counts.to_two_class()
        correct = xp.expand_last(xp.sum_last(counts.true_positive))
        wrong = counts.subtract(xp.expand_last(counts.total), correct)[..., 0]
        decisions = xp.to_float(counts.total)
    return xp.divide(xp.to_float(wrong), decisions, math.nan)


def _require_one_class_per_row(counts: Counts, score: str) -> Counts:
    if counts.is_multilabel:
        raise ValueError(
            f"{score} needs one class per row, but these decisions may predict several (threshold "
            "or top_k). Use scores with averages, such as f1."
        )
    return counts.to_two_class().as_float()
