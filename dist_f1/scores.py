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
labels: the classes that enter the result, by default all.
pos_label: for `"binary"`, the class that counts as positive.

They raise `ValueError` for an unknown `average`, a `zero_division` other than 0, 1 and NaN,
`labels` outside `[0, C)` or given twice, and `"binary"` with more than two classes. A row of
weight 0 does not make a class occur.

Source: Sokolova and Lapalme, "A systematic analysis of performance measures for classification
tasks", Information Processing & Management 45(4), 2009; van Rijsbergen, "Information Retrieval",
1979, for F-beta.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, Literal, get_args

from dist_f1 import _arrays as xp
from dist_f1 import sample_averages
from dist_f1.counts import Counts

Average = Literal["binary", "micro", "macro", "weighted", "samples"]

# Numerator and denominator of a score for each class, `[C]`. Both are linear in the counts, so
# that their sums over classes make the micro average.
_Parts = Callable[[Counts], tuple[Any, Any]]


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

    return _averaged(counts, parts, "f1", average, zero_division, labels, pos_label)


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

    return _averaged(counts, parts, "precision", average, zero_division, labels, pos_label)


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

    return _averaged(counts, parts, "recall", average, zero_division, labels, pos_label)


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

    return _averaged(counts, parts, None, average, zero_division, labels, pos_label)


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

    return _averaged(counts, parts, None, average, zero_division, labels, pos_label)


def accuracy(counts: Counts) -> Any:
    """The share of rows that are right, with every class of theirs; NaN without rows."""
    c = _as_float(counts.both_sides())
    if c.is_multilabel:
        right = sample_averages.all_right_sum(c.samples)
    else:
        right = xp.total(c.true_positive)
    return xp.divide(right, c.total, math.nan)


def balanced_accuracy(counts: Counts) -> Any:
    """The mean recall of the classes that occur; NaN without rows."""
    c = _one_class_per_row(counts, "balanced_accuracy")
    return _mean(xp.divide(c.true_positive, c.actual, math.nan), None, math.nan)


def matthews_corrcoef(counts: Counts) -> Any:
    """Matthews' correlation of true and predicted classes, in [-1, 1]; 0 where undefined.

    With `s` rows, `c` right, and `a_k`, `p_k` rows of and predicted as class k:
    `(c s - sum a_k p_k) / sqrt((s^2 - sum p_k^2) (s^2 - sum a_k^2))`.

    Source: Gorodkin, "Comparing two K-category assignments by a K-category correlation
    coefficient", Computational Biology and Chemistry 28, 2004.
    """
    c = _one_class_per_row(counts, "matthews_corrcoef")
    right = xp.total(c.true_positive)
    covariance = right * c.total - xp.total(c.actual * c.predicted)
    of_predicted = c.total * c.total - xp.total(c.predicted * c.predicted)
    of_actual = c.total * c.total - xp.total(c.actual * c.actual)
    return xp.divide(covariance, xp.sqrt(of_predicted * of_actual), 0.0)


def cohen_kappa(counts: Counts) -> Any:
    """Cohen's kappa: agreement beyond chance, in [-1, 1]; NaN where undefined.

    `1 - (s - c) / (s - sum a_k p_k / s)`, in the symbols of `matthews_corrcoef`.

    Source: Cohen, "A coefficient of agreement for nominal scales", Educational and
    Psychological Measurement 20(1), 1960.
    """
    c = _one_class_per_row(counts, "cohen_kappa")
    wrong = c.total - xp.total(c.true_positive)
    by_chance = c.total - xp.divide(xp.total(c.actual * c.predicted), c.total, 0.0)
    return 1.0 - xp.divide(wrong, by_chance, math.nan)


def hamming_loss(counts: Counts) -> Any:
    """The share of wrong decisions: rows or, where rows name several classes, row-class pairs."""
    if not counts.is_multilabel:
        return 1.0 - accuracy(counts)
    wrong = xp.to_float(xp.total(counts.false_positive) + xp.total(counts.false_negative))
    return xp.divide(wrong, xp.to_float(counts.total) * counts.num_classes, math.nan)


def check_averaging(
    average: str | None,
    zero_division: float,
    labels: Sequence[int] | None,
    num_classes: int | None = None,
) -> None:
    """Raises `ValueError` for values that no score accepts."""
    if average is not None and average not in get_args(Average):
        raise ValueError(
            f"average must be None or one of {', '.join(get_args(Average))}, got {average!r}."
        )
    if not (zero_division in (0, 1) or math.isnan(zero_division)):
        raise ValueError(f"zero_division must be 0, 1 or NaN, got {zero_division!r}.")
    if labels is None:
        return
    if len(labels) == 0 or len(set(labels)) != len(labels):
        raise ValueError(f"labels must name at least one class and none twice, got {list(labels)}.")
    unknown = [x for x in labels if x < 0 or (num_classes is not None and x >= num_classes)]
    if unknown:
        upper = "C" if num_classes is None else num_classes
        raise ValueError(f"labels holds {unknown}; classes are numbered from 0 to {upper} - 1.")


def _averaged(
    counts: Counts,
    parts: _Parts,
    ratio: str | None,
    average: Average | None,
    zero_division: float,
    labels: Sequence[int] | None,
    pos_label: int,
) -> Any:
    """Averages the score `parts`; `ratio` names it among the sample averages, if it is there."""
    check_averaging(average, zero_division, labels, counts.num_classes)
    if average == "binary":
        counts, labels = counts.both_sides(), [_positive(counts, pos_label)]
    if average == "samples":
        return _sample_average(_as_float(counts), ratio, zero_division)
    occurs = None
    if labels is None and not counts.is_multilabel and counts.num_classes > 1:
        occurs = (counts.predicted + counts.actual) > 0
    if labels is not None:
        counts = _only(counts, list(labels))
    above, below = map(xp.to_float, parts(counts))
    if average == "micro":
        return xp.divide(xp.total(above), xp.total(below), zero_division)
    values = xp.divide(above, below, zero_division)
    if average == "binary":
        return values[0]
    if average is None:
        return values
    if occurs is not None:
        values = xp.where(occurs, values, math.nan)
    support = xp.to_float(counts.actual) if average == "weighted" else None
    return _mean(values, support, zero_division)


def _mean(values: Any, weights: Any, empty: float) -> Any:
    """The mean of what is not NaN, weighted unless all weights are 0; `empty` if all is NaN."""
    missing = xp.is_nan(values)
    ones = xp.where(missing, 0.0, 1.0)
    values = xp.where(missing, 0.0, values)
    plain = xp.divide(xp.total(values), xp.total(ones), empty)
    if weights is None:
        return plain
    weights = weights * ones
    weighted = xp.divide(xp.total(values * weights), xp.total(weights), math.nan)
    return xp.where(xp.total(weights) == 0.0, plain, weighted)


def _sample_average(c: Counts, ratio: str | None, zero_division: float) -> Any:
    if not c.is_multilabel or ratio is None:
        raise ValueError(
            'average="samples" is for F1, precision and recall of decisions that may name several '
            "classes (threshold or top_k)."
        )
    above = sample_averages.ratio_sum(c.samples, ratio)
    undefined = sample_averages.undefined_sum(c.samples, ratio)
    if math.isnan(zero_division):
        return xp.divide(above, c.total - undefined, math.nan)
    return xp.divide(above + zero_division * undefined, c.total, zero_division)


def _positive(counts: Counts, pos_label: int) -> int:
    if counts.num_classes > 2 or counts.is_multilabel:
        raise ValueError(
            f'average="binary" needs two classes, or one with a threshold; these counts have '
            f"{counts.num_classes}. Choose another average."
        )
    if pos_label not in (0, 1):
        raise ValueError(f"pos_label must be 0 or 1, got {pos_label!r}.")
    return pos_label


def _as_float(counts: Counts) -> Counts:
    return Counts(*(x if isinstance(x, tuple) else xp.to_float(x) for x in counts))


def _one_class_per_row(counts: Counts, score: str) -> Counts:
    if counts.is_multilabel:
        raise ValueError(
            f"{score} is defined for one class per row, but these decisions may name several "
            "(threshold or top_k)."
        )
    return _as_float(counts.both_sides())


def _only(c: Counts, labels: list[int]) -> Counts:
    return c._replace(
        true_positive=xp.take(c.true_positive, labels),
        predicted=xp.take(c.predicted, labels),
        actual=xp.take(c.actual, labels),
    )
