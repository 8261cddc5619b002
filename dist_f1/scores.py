"""Scores: pure functions of `Counts`.

    counts = Counts.from_labels(y_true, y_pred, num_classes=3)
    f1(counts, average="macro")

Values are float64, NumPy on NumPy counts and tensors on tensors. They are scikit-learn's, under
these common arguments:

average: how the scores of the C classes become one.
    `None`: they do not; the result is `[C]`, or one entry for each of `labels`.
    `"binary"`: the class `pos_label` of two classes.
    `"micro"`: from the counts summed over classes.
    `"macro"`: their mean. Without `labels`, a class that neither occurs nor is predicted does
    not enter it, unless rows may name several classes: then all C enter.
    `"weighted"`: their mean, weighted by support.
    `"samples"`: the mean over rows of each row's own score (where rows may name several).
zero_division: the score where it is 0 / 0: 0, 1 or NaN. Averages leave NaN out.
labels: the classes that enter the result, by default all. Sample averages take all.
pos_label: for `"binary"`, the class that counts as positive.

Binary counts of one class are scored as that class, in every average, as in Keras; scikit-learn
averages over both sides. `counts.both_sides()` does that, and `labels` of 0 and 1 name the sides.

They raise `ValueError` for an unknown `average`, a `zero_division` other than 0, 1 and NaN,
`labels` outside `[0, C)` or given twice, and `"binary"` with more than two classes. A row of
weight 0 does not make a class occur. They do not ask whether rows were invalid; `result()` and
`report()` of a metric do.

Source: Sokolova and Lapalme, "A systematic analysis of performance measures for classification
tasks", Information Processing & Management 45(4), 2009; van Rijsbergen, "Information Retrieval",
1979, for F-beta.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from dist_f1 import _arrays as xp
from dist_f1 import sample_averages
from dist_f1.averaging import Average, averaged, mean
from dist_f1.counts import Counts


def f_beta(
    counts: Counts,
    beta: float = 1.0,
    average: Average | None = None,
    zero_division: float = 0.0,
    labels: Sequence[int] | None = None,
    pos_label: int = 1,
) -> Any:
    """`(1 + beta^2) tp / (beta^2 actual + predicted)`: recall weighs `beta` times precision.

    `beta` is from 0 (precision) to infinity (recall); `average="samples"` needs `beta=1`. For
    the other arguments see the module.

    Example:
        >>> counts = Counts.from_labels([0, 1, 1], [0, 1, 0], num_classes=2).numpy()
        >>> float(f_beta(counts, beta=2.0, average="binary").round(3))
        0.556
    """
    if not beta >= 0.0:
        raise ValueError(f"beta must be 0 or more, got {beta}.")
    if math.isinf(beta):
        return recall(counts, average, zero_division, labels, pos_label)
    if average == "samples" and beta != 1.0:
        raise ValueError(f'average="samples" needs beta=1, got {beta}.')
    square = beta * beta

    def parts(c: Counts) -> tuple[Any, Any]:
        true_positive, actual, predicted = map(
            xp.to_float, (c.true_positive, c.actual, c.predicted)
        )
        return (1.0 + square) * true_positive, square * actual + predicted

    return averaged(counts, parts, "f1", average, zero_division, labels, pos_label)


def f1(
    counts: Counts,
    average: Average | None = None,
    zero_division: float = 0.0,
    labels: Sequence[int] | None = None,
    pos_label: int = 1,
) -> Any:
    """`2 tp / (actual + predicted)`, the harmonic mean of precision and recall."""
    return f_beta(counts, 1.0, average, zero_division, labels, pos_label)


def precision(
    counts: Counts,
    average: Average | None = None,
    zero_division: float = 0.0,
    labels: Sequence[int] | None = None,
    pos_label: int = 1,
) -> Any:
    """`tp / predicted`: how many of the rows predicted as a class are of it."""

    def parts(c: Counts) -> tuple[Any, Any]:
        return c.true_positive, c.predicted

    return averaged(counts, parts, "precision", average, zero_division, labels, pos_label)


def recall(
    counts: Counts,
    average: Average | None = None,
    zero_division: float = 0.0,
    labels: Sequence[int] | None = None,
    pos_label: int = 1,
) -> Any:
    """`tp / actual`: how many of the rows of a class are predicted as it."""

    def parts(c: Counts) -> tuple[Any, Any]:
        return c.true_positive, c.actual

    return averaged(counts, parts, "recall", average, zero_division, labels, pos_label)


def specificity(
    counts: Counts,
    average: Average | None = None,
    zero_division: float = 0.0,
    labels: Sequence[int] | None = None,
    pos_label: int = 1,
) -> Any:
    """`tn / (tn + fp)`: how many of the rows not of a class are not predicted as it."""

    def parts(c: Counts) -> tuple[Any, Any]:
        return c.true_negative, c.not_actual

    return averaged(counts, parts, None, average, zero_division, labels, pos_label)


def jaccard(
    counts: Counts,
    average: Average | None = None,
    zero_division: float = 0.0,
    labels: Sequence[int] | None = None,
    pos_label: int = 1,
) -> Any:
    """`tp / (actual + predicted - tp)`, intersection over union."""

    def parts(c: Counts) -> tuple[Any, Any]:
        return c.true_positive, c.actual + c.predicted - c.true_positive

    return averaged(counts, parts, None, average, zero_division, labels, pos_label)


def accuracy(counts: Counts) -> Any:
    """The share of rows that are right, with every class of theirs; NaN without rows."""
    if counts.is_multilabel:
        c = counts.as_float()
        return xp.divide(sample_averages.all_right_sum(c.samples), c.total, math.nan)
    return 1.0 - hamming_loss(counts)


def balanced_accuracy(counts: Counts) -> Any:
    """The mean recall of the classes that occur; NaN without rows."""
    c = _one_class_per_row(counts, "balanced_accuracy")
    return mean(xp.divide(c.true_positive, c.actual, math.nan), None, math.nan)


def matthews_corrcoef(counts: Counts) -> Any:
    """Matthews' correlation of true and predicted classes, in [-1, 1]; 0 where undefined.

    With `s` rows, `c` right, and `a_k`, `p_k` rows of and predicted as class k:
    `(c s - sum a_k p_k) / sqrt((s^2 - sum p_k^2) (s^2 - sum a_k^2))`.

    Source: Gorodkin, "Comparing two K-category assignments by a K-category correlation
    coefficient", Computational Biology and Chemistry 28, 2004.
    """
    c = _one_class_per_row(counts, "matthews_corrcoef")
    # Sums over classes stand for the rows: of a single class they are that class's count to the
    # last bit, and the differences below exactly 0, even for weights.
    actual, predicted = xp.total(c.actual), xp.total(c.predicted)
    covariance = xp.total(c.true_positive) * predicted - xp.total(c.actual * c.predicted)
    of_predicted = predicted * predicted - xp.total(c.predicted * c.predicted)
    of_actual = actual * actual - xp.total(c.actual * c.actual)
    return xp.divide(covariance, xp.sqrt(of_predicted * of_actual), 0.0)


def cohen_kappa(counts: Counts) -> Any:
    """Cohen's kappa: agreement beyond chance, in [-1, 1]; NaN where undefined.

    `1 - (s - c) s / (s^2 - sum a_k p_k)`, in the symbols of `matthews_corrcoef`.

    Source: Cohen, "A coefficient of agreement for nominal scales", Educational and
    Psychological Measurement 20(1), 1960.
    """
    c = _one_class_per_row(counts, "cohen_kappa")
    actual, predicted = xp.total(c.actual), xp.total(c.predicted)
    wrong = xp.to_float(xp.total(counts.both_sides().false_negative))
    by_chance = actual * predicted - xp.total(c.actual * c.predicted)
    return 1.0 - xp.divide(wrong * actual, by_chance, math.nan)


def hamming_loss(counts: Counts) -> Any:
    """The share of wrong decisions: rows or, where rows name several classes, row-class pairs."""
    if counts.is_multilabel:
        wrong = xp.total(counts.false_positive) + xp.total(counts.false_negative)
        decisions = xp.to_float(counts.total) * counts.num_classes
    else:
        counts = counts.both_sides()
        wrong = counts.without(counts.total, xp.total(counts.true_positive))
        decisions = xp.to_float(counts.total)
    return xp.divide(xp.to_float(wrong), decisions, math.nan)


def _one_class_per_row(counts: Counts, score: str) -> Counts:
    if counts.is_multilabel:
        raise ValueError(
            f"{score} is defined for one class per row, but these decisions may name several "
            "(threshold or top_k)."
        )
    return counts.both_sides().as_float()
