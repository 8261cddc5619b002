"""How the scores of the classes become one: the averages, and the arguments all scores share."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any, Literal, get_args

from dist_f1.counts import Counts, sample_averages
from dist_f1.counts import arrays as xp
from dist_f1.counts.arrays import is_integer
from dist_f1.scores.linear import Ratio

Average = Literal["binary", "micro", "macro", "weighted", "samples"]


def averaged(
    counts: Counts,
    ratio: Ratio,
    average: Average | None,
    zero_division: float,
    labels: Iterable[int] | None,
    pos_label: int,
) -> Any:
    """Averages the score `ratio`; see `dist_f1.scores`."""
    classes = counts.num_classes
    labels = check_averaging(average, zero_division, labels, classes)
    if average == "samples":
        if labels is not None and len(labels) < classes:
            raise ValueError(_SAMPLES_OF_LABELS)
        return _sample_average(counts, ratio.sample_average, zero_division)
    if average == "binary":
        labels = (_positive(counts, pos_label),)
    if labels is not None:
        counts = only(counts.to_two_class(), list(labels))
    above, below = ratio.above.of(counts), ratio.below.of(counts)
    if average == "micro":
        return xp.divide(xp.sum_last(above), xp.sum_last(below), zero_division)
    values = xp.divide(above, below, zero_division)
    if average == "binary":
        return values[..., 0]
    if average is None:
        return values
    # A class that neither occurs nor is predicted is no part of the mean, but where rows may name
    # several classes, or the classes are said.
    occurs = None
    if labels is None and not counts.is_multilabel and classes > 1:
        both = below if ratio.covers else xp.to_float(counts.predicted + counts.actual)
        occurs = xp.divide(both, both, 0.0)
    if math.isnan(zero_division):
        values = values if occurs is None else xp.where(occurs > 0.0, values, math.nan)
        support = xp.to_float(counts.actual) if average == "weighted" else None
        return mean(values, support, zero_division)
    if occurs is not None and (zero_division or ratio.holds_for_none):
        values = values * occurs
    plain = mean_of_some(values, occurs, zero_division)
    if average == "macro":
        return plain
    return weighted_mean(values, xp.to_float(counts.actual), plain)


def mean_of_some(values: Any, occurs: Any, empty: float) -> Any:
    """The mean of the values that count, over the last axis; `empty` if none does.

    Args:
        values: 0 where they do not count.
        occurs: 1 where they do and 0 elsewhere, or `None` if all do.
        empty: the mean of none.
    """
    if occurs is None:
        return xp.mean_last(values)
    return xp.divide(xp.sum_last(values), xp.sum_last(occurs), empty)


def weighted_mean(values: Any, weights: Any, otherwise: Any) -> Any:
    """The weighted mean over the last axis; `otherwise` if all weights are 0."""
    whole = xp.sum_last(weights)
    weighted = xp.divide(xp.sum_last(values * weights), whole, 0.0)
    return xp.where(xp.is_zero(whole), otherwise, weighted)


def mean(values: Any, weights: Any, empty: float) -> Any:
    """The mean of what is not NaN over the last axis, weighted unless all weights are 0.

    `empty` where all is NaN.
    """
    missing = xp.is_nan(values)
    ones = xp.where(missing, 0.0, 1.0)
    values = xp.where(missing, 0.0, values)
    plain = xp.divide(xp.sum_last(values), xp.sum_last(ones), empty)
    return plain if weights is None else weighted_mean(values, weights * ones, plain)


def check_averaging(
    average: Any, zero_division: Any, labels: Any, num_classes: int | None = None
) -> tuple[int, ...] | None:
    """Returns `labels` as integers; raises `ValueError` for values that no score accepts.

    The labels of one class are 0 and 1, its two sides.
    """
    if average is not None and average not in get_args(Average):
        raise ValueError(
            f"average must be None or one of {', '.join(get_args(Average))}, got {average!r}."
            + (f" For a threshold, pass threshold={average}." if isinstance(average, float) else "")
        )
    if isinstance(zero_division, str) or zero_division is None:
        zero_division_known = False
    else:
        zero_division_known = zero_division in (0, 1) or math.isnan(zero_division)
    if not zero_division_known:
        raise ValueError(f"zero_division must be 0, 1 or NaN, got {zero_division!r}.")
    if labels is None:
        return None
    if average == "binary":
        raise ValueError(
            'average="binary" is of one class, pos_label, so labels= has no meaning. Leave it out, '
            'or take average="macro" with labels=[0] or [1], a side of a binary task.'
        )
    try:
        labels = [label.numpy() if hasattr(label, "numpy") else label for label in labels]
    except TypeError:
        labels = [labels]
    if not labels or len(set(labels)) < len(labels) or not all(map(is_integer, labels)):
        raise ValueError(
            "labels must be a sequence of class ids, with at least one class and none twice, got "
            f"{labels}."
        )
    upper = None if num_classes is None else max(num_classes, 2)
    unknown = [int(x) for x in labels if x < 0 or (upper is not None and x >= upper)]
    if unknown:
        raise ValueError(
            f"labels holds {unknown}; classes are numbered from 0 to {upper or 'C'} - 1."
        )
    return tuple(int(label) for label in labels)


def check_samples(average: Any, labels: Any, names_several: bool) -> None:
    """Raises `ValueError` if a sample average is asked for where there is none."""
    if average == "samples" and not names_several:
        raise ValueError(_SAMPLES_OF_ONE)
    if average == "samples" and labels is not None:
        raise ValueError(_SAMPLES_OF_LABELS)


_SAMPLES_OF_ONE = (
    'average="samples" is for F-beta, precision, recall and Jaccard of decisions that may name '
    "several classes (threshold or top_k)."
)
_SAMPLES_OF_LABELS = (
    'average="samples" is over all classes: counts do not tell it for some of them. Leave labels '
    "out, or choose another average."
)


def _sample_average(counts: Counts, ratio: str | None, zero_division: float) -> Any:
    if not counts.is_multilabel or ratio is None:
        raise ValueError(_SAMPLES_OF_ONE)
    if ratio not in counts.samples:
        raise ValueError(
            f"These counts keep no sums over rows of {ratio}, which do not follow from counts per "
            f"class; they keep {', '.join(counts.samples) or 'none'}. F of another beta than 1 is "
            "kept by FBetaScore and by Counts.from_labels(betas=)."
        )
    sums, total = xp.to_float(counts.samples[ratio]), xp.to_float(counts.total)
    above, undefined = sample_averages.ratio_sum(sums), sample_averages.undefined_rows(sums)
    if math.isnan(zero_division):
        return xp.divide(above, total - undefined, math.nan)
    return xp.divide(above + zero_division * undefined, total, zero_division)


def check_binary(average: Any, num_classes: int, names_several: bool) -> None:
    """Raises `ValueError` if the positive of two classes is asked for where there is none."""
    if average == "binary" and (num_classes > 2 or names_several):
        raise ValueError(
            f'average="binary" needs two classes, or one with a threshold; these counts have '
            f"{num_classes}. Choose another average."
        )


def _positive(counts: Counts, pos_label: int) -> int:
    check_binary("binary", counts.num_classes, counts.is_multilabel)
    if pos_label not in (0, 1):
        raise ValueError(f"pos_label must be 0 or 1, got {pos_label!r}.")
    return pos_label


def only(c: Counts, labels: list[int]) -> Counts:
    """The per-class counts of some classes."""
    return c._replace(
        true_positive=xp.take_last(c.true_positive, labels),
        predicted=xp.take_last(c.predicted, labels),
        actual=xp.take_last(c.actual, labels),
    )
