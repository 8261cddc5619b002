"""How the scores of the classes are averaged, and the checks of the shared arguments."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any, Literal, get_args

from dist_f1.counts import Counts, misplaced, sample_averages
from dist_f1.counts import arrays as xp
from dist_f1.counts.arrays import is_integer
from dist_f1.counts.lazy_tensorflow import Array
from dist_f1.scores.linear import Ratio

Average = Literal["binary", "micro", "macro", "weighted", "samples"]

_SAMPLES_NEED_MULTILABEL = (
    'average="samples" needs decisions that may predict several classes (threshold or top_k), and '
    "F-beta, precision, recall or Jaccard."
)
_SAMPLES_OF_ALL_CLASSES = (
    'average="samples" covers all classes: counts do not show it for a part of them. Omit labels, '
    "or choose another average."
)


def averaged(
    counts: Counts,
    ratio: Ratio,
    average: Average | None,
    zero_division: float,
    labels: Iterable[int] | None,
    pos_label: int,
) -> Array:
    """Average a ratio over classes; see `dist_f1.scores`."""
    classes = counts.num_classes
    labels = check_averaging(average, zero_division, labels, classes)
    if average == "samples":
        if labels is not None and len(labels) < classes:
            raise ValueError(_SAMPLES_OF_ALL_CLASSES)
        return _sample_average(counts, ratio.sample_average, zero_division)
    if average == "binary":
        labels = (_check_pos_label(counts, pos_label),)
    if labels is not None:
        counts = select_classes(counts.to_two_class(), labels)
    numerator, denominator = ratio.numerator.of(counts), ratio.denominator.of(counts)
    if average == "micro":
        return xp.divide(xp.sum_last(numerator), xp.sum_last(denominator), zero_division)
    values = xp.divide(numerator, denominator, zero_division)
    if average == "binary":
        return values[..., 0]
    if average is None:
        return values
    # Skip absent classes, unless rows are multilabel or labels= is given.
    occurs = None
    if labels is None and not counts.is_multilabel and classes > 1:
        covers = ratio.denominator_covers_class
        rows = denominator if covers else xp.to_float(counts.predicted + counts.actual)
        occurs = xp.divide(rows, rows, 0.0)
    if math.isnan(zero_division):
        values = values if occurs is None else xp.where(occurs > 0.0, values, math.nan)
        support = xp.to_float(counts.actual) if average == "weighted" else None
        return nanmean(values, support, zero_division)
    if occurs is not None and (zero_division or ratio.is_nonzero_for_absent_class):
        values = values * occurs
    plain = masked_mean(values, occurs, zero_division)
    if average == "macro":
        return plain
    return weighted_mean(values, xp.to_float(counts.actual), plain)


def masked_mean(values: Array, mask: Array | None, empty: float) -> Array:
    """Return the mean over the last axis where the mask is 1; `empty` if it is 0 everywhere.

    Values must be 0 where the mask is 0. `None` is a mask of ones.
    """
    if mask is None:
        return xp.mean_last(values)
    return xp.divide(xp.sum_last(values), xp.sum_last(mask), empty)


def weighted_mean(values: Array, weights: Array, default: Any) -> Array:
    """Return the weighted mean over the last axis; `default` if all weights are 0."""
    total = xp.sum_last(weights)
    weighted = xp.divide(xp.sum_last(values * weights), total, 0.0)
    return xp.where(xp.is_zero(total), default, weighted)


def nanmean(values: Array, weights: Array | None, empty: float) -> Array:
    """Return the mean over the last axis without NaN; `empty` where all values are NaN.

    The mean is weighted, unless `weights` is `None` or all weights are 0.
    """
    is_missing = xp.is_nan(values)
    ones = xp.where(is_missing, 0.0, 1.0)
    values = xp.where(is_missing, 0.0, values)
    plain = xp.divide(xp.sum_last(values), xp.sum_last(ones), empty)
    return plain if weights is None else weighted_mean(values, weights * ones, plain)


def select_classes(counts: Counts, labels: Sequence[int]) -> Counts:
    """Select the per-class counts of some classes."""
    return counts._replace(
        true_positive=xp.take_last(counts.true_positive, labels),
        predicted=xp.take_last(counts.predicted, labels),
        actual=xp.take_last(counts.actual, labels),
        class_total=xp.take_last(counts.class_total, labels) if counts.has_entries else (),
    )


def check_averaging(
    average: Any, zero_division: Any, labels: Any, num_classes: int | None = None
) -> tuple[int, ...] | None:
    """Return `labels` as integers.

    One class has the labels 0 and 1, for the negative and the positive.

    Raises:
        ValueError: No score accepts such an argument.
    """
    if not (average is None or (isinstance(average, str) and average in get_args(Average))):
        raise ValueError(
            f"average must be None or one of {', '.join(get_args(Average))}, got {average!r}."
            f"{misplaced.remedy(average, get_args(Average))}"
        )
    is_number = not isinstance(zero_division, str) and zero_division is not None
    if not is_number or not (zero_division in (0, 1) or math.isnan(zero_division)):
        raise ValueError(f"zero_division must be 0, 1 or NaN, got {zero_division!r}.")
    if labels is None:
        return None
    if average == "binary":
        raise ValueError(
            'average="binary" is of one class, pos_label, so labels= has no meaning. Omit labels, '
            'or pass average="macro" with labels=[0] or [1], one class of a binary task.'
        )
    return _check_labels(labels, None if num_classes is None else max(num_classes, 2))


def _check_labels(labels: Any, upper: int | None) -> tuple[int, ...]:
    try:
        labels = [label.numpy() if hasattr(label, "numpy") else label for label in labels]
    except TypeError:
        labels = [labels]
    if not labels or len(set(labels)) < len(labels) or not all(map(is_integer, labels)):
        raise ValueError(f"labels must be a sequence of different class ids, got {labels}.")
    invalid = [int(x) for x in labels if x < 0 or (upper is not None and x >= upper)]
    if invalid:
        last = "C - 1" if upper is None else upper - 1
        binary = " (no and yes, of a binary task)" if upper == 2 else ""
        raise ValueError(
            f"labels holds {invalid}, but the class ids are 0 to {last}{binary}. Choose among them."
        )
    return tuple(int(label) for label in labels)


def check_samples(average: Any, labels: Any, is_multilabel: bool) -> None:
    """Raise `ValueError` for a sample average where there is none."""
    if average == "samples" and not is_multilabel:
        raise ValueError(_SAMPLES_NEED_MULTILABEL)
    if average == "samples" and labels is not None:
        raise ValueError(_SAMPLES_OF_ALL_CLASSES)


def check_binary(average: Any, num_classes: int, is_multilabel: bool) -> None:
    """Raise `ValueError` for a binary average where there are not two classes."""
    if average == "binary" and (num_classes > 2 or is_multilabel):
        raise ValueError(
            f'average="binary" needs two classes, or one with a threshold; these counts have '
            f"{num_classes}. Choose another average."
        )


def _check_pos_label(counts: Counts, pos_label: int) -> int:
    check_binary("binary", counts.num_classes, counts.is_multilabel)
    if pos_label not in (0, 1):
        raise ValueError(f"pos_label must be 0 or 1, got {pos_label!r}.")
    return pos_label


def _sample_average(counts: Counts, ratio: str | None, zero_division: float) -> Array:
    if not counts.is_multilabel or ratio is None:
        raise ValueError(_SAMPLES_NEED_MULTILABEL)
    if ratio not in counts.samples:
        raise ValueError(
            f"These counts have no sums over rows of {ratio}, which do not follow from per-class "
            f"counts; they have {', '.join(counts.samples) or 'none'}. A metric counts them if its "
            'average is "samples", or if it is Scores with a name such as f1_samples; F of another '
            "beta than 1 needs FBetaScore, f2_samples or Counts.from_labels(betas=)."
        )
    sums, total = xp.to_float(counts.samples[ratio]), xp.to_float(counts.total)
    ratio_sum, undefined = sample_averages.ratio_sum(sums), sample_averages.undefined_rows(sums)
    if math.isnan(zero_division):
        return xp.divide(ratio_sum, total - undefined, math.nan)
    return xp.divide(ratio_sum + zero_division * undefined, total, zero_division)
