"""Confidence intervals of scores, from counts alone.

    confidence_interval(counts, "f1_macro")

Rows are taken as independent draws from a population; the interval is for the score of that
population. What the interval of a score rests on is one of three:

wilson: closed form, for scores that are a proportion: right decisions among a number of rows.
dirichlet, multinomial: quantiles of the score over resampled confusion matrices
    (`dist_f1.intervals.resampling`).
"""

from __future__ import annotations

import functools
import statistics
from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple, get_args

import numpy as np

from dist_f1 import scores
from dist_f1.counts import Counts, sample_averages
from dist_f1.counts.arrays import is_integer
from dist_f1.counts.validity import raise_if_invalid
from dist_f1.intervals import resampling
from dist_f1.scores import score_names
from dist_f1.scores.averaging import only
from dist_f1.scores.score_names import NamedScore

Method = Literal["auto", "wilson", "dirichlet", "multinomial"]

_FEWEST_DRAWS = 100
_DEFAULTS = {"zero_division": 0.0, "labels": None, "beta": 1.0, "pos_label": 1}
_RATIOS = (scores.f1, scores.precision, scores.recall, scores.specificity, scores.jaccard)
_WHOLE = (
    scores.accuracy,
    scores.balanced_accuracy,
    scores.matthews_corrcoef,
    scores.cohen_kappa,
    scores.hamming_loss,
)


class Interval(NamedTuple):
    """Bounds of a score, float64: scalars, or arrays `[C]` for a score per class."""

    low: Any
    high: Any


class _Proportion(NamedTuple):
    """`right` of `whole` rows, and the increasing function of that share which the score is."""

    right: Any
    whole: Any
    score: Callable[[Any], Any]


def confidence_interval(
    counts: Counts,
    score: str | Callable[[Counts], Any],
    level: float = 0.95,
    method: Method = "auto",
    *,
    labels: Sequence[int] | None = None,
    zero_division: float = 0.0,
    draws: int = 4000,
    seed: int = 0,
) -> Interval:
    """The interval that covers the population's score in a share `level` of all samples.

    It contains the score of `counts`, unless that is NaN. It is for each class on its own, not
    for all of them at once.

    Methods:
        `"wilson"`: Wilson's score interval. It is for precision, recall, specificity and the
            Jaccard index J of a class; for F1 of a class, `2 J / (1 + J)`; for accuracy,
            `hamming_loss` and, without `labels`, micro averages and weighted recall where each
            row has one class; and for the share of multilabel rows that are right. Given the
            denominator (the rows predicted, say), right rows are binomial; so what is covered
            given every denominator is covered overall.
        `"dirichlet"`: the posterior of the confusion matrix, after Goutte and Gaussier.
        `"multinomial"`: a bootstrap of the smoothed confusion matrix.
        `"auto"`: Wilson's where it applies; otherwise the posterior for two classes and for
            scores of one class, and the bootstrap for three classes and more.

    Args:
        counts: int64, without leading axes. Averages of more than two classes need `confusion`.
        score: a name (`"f1_macro"`, see `dist_f1.scores.score_names`), a function of
            `dist_f1.scores`, or any function of `Counts` that keeps leading axes.
        level: between 0 and 1.
        method: one of the above.
        labels: for a score by name, the classes that enter it.
        zero_division: for a score by name, its value where it is 0 / 0: 0, 1 or NaN.
        draws: resamples, at least 100. Those in which the score is NaN are left out. A resample of
            the matrix is O(C^2): a second for 100 classes, ten for 300.
        seed: of the resamples; the same seed gives the same interval.

    Returns:
        The bounds. A proportion of no rows at all, as of a class that is never predicted, may be
        anything: (0, 1). Other scores of counts without rows have no interval: NaN.

    Raises:
        ValueError: weighted counts, counts of groups, invalid rows, arguments out of range, or a
            method that these counts or this score do not allow.

    Coverage:
        In simulations (`benchmarks/coverage.py`: binary tasks with 2% to 50% positives and 3 to
        10 classes, balanced and long-tailed, 200 to 5,000 rows) 95% intervals of `"auto"` cover in
        93% to 97.2% of samples. It is otherwise:

        - Macro averages where a class has only a row or two: about 90% to 92% (10 classes, the
          rarest 0.7% of 200 rows). A class that no row is of or predicted as is missing from the
          sample's mean, and not from the population's.
        - Closed forms with few rows in the denominator: 98% for F1 of 2 positives in 100 rows;
          91% for recall of 0.99 and 50 positives, as Wilson's interval dips near 0 and 1.
        - `"dirichlet"` for three classes and more, in 200 rows: macro averages from 82% (10
          classes, long-tailed) to 91% (10 balanced or 5 long-tailed); all scores 89% to 91% where
          they are near 1. In 1,000 rows 91% and more.

    Source: Wilson, "Probable inference, the law of succession, and statistical inference",
        Journal of the American Statistical Association 22, 1927; Goutte and Gaussier, "A
        probabilistic interpretation of precision, recall and F-score, with implication for
        evaluation", ECIR 2005; Brown, Cai and DasGupta, "Interval estimation for a binomial
        proportion", Statistical Science 16(2), 2001; Efron and Tibshirani, "An introduction to the
        bootstrap", 1993.

    Example:
        >>> counts = Counts.from_labels([0] * 90 + [1] * 10, [0] * 88 + [1] * 12, num_classes=2)
        >>> low, high = confidence_interval(counts, "f1_binary")
        >>> round(float(low), 2), round(float(high), 2)
        (0.71, 0.98)
    """
    counts = _checked(counts, level, method, draws)
    named = _named(score)
    value: Callable[[Counts], Any]
    if named is None:
        if labels is not None or zero_division != 0.0:
            raise ValueError(
                "labels and zero_division are for scores by name. Give them to the function: "
                "functools.partial(dist_f1.scores.f1, labels=...)."
            )
        value = score  # type: ignore[assignment]
    else:
        if labels is not None and not named.is_ratio:
            raise ValueError(f"{named.base} is of all classes at once; leave labels out.")
        value = functools.partial(named, zero_division=zero_division, labels=labels)
    point = np.asarray(value(counts), np.float64)
    if method in ("auto", "wilson"):
        proportion = None if named is None else _proportion(counts, named, labels)
        if proportion is not None:
            return _wilson(proportion, level)
        if method == "wilson":
            raise ValueError(
                f"{score!r} is no proportion of rows in these counts, so it has no Wilson "
                'interval. Take method="dirichlet" or "multinomial".'
            )
    one_class = named is not None and _is_of_one_class(counts, named, labels)
    tables = resampling.each_class(counts) if one_class else resampling.joint(counts)
    if method == "auto":
        method = "dirichlet" if tables.cells.shape[-1] == 2 else "multinomial"
    if counts.total == 0:
        return Interval(*np.full([2, *point.shape], np.nan))
    values = resampling.resampled(tables, value, point.shape, method, draws, seed)
    return Interval(*resampling.around(point, values, level))


def _checked(counts: Counts, level: float, method: str, draws: int) -> Counts:
    if not 0.0 < level < 1.0:
        raise ValueError(f"level must be between 0 and 1, got {level!r}.")
    if method not in get_args(Method):
        raise ValueError(f"method must be one of {', '.join(get_args(Method))}, got {method!r}.")
    if not is_integer(draws) or draws < _FEWEST_DRAWS:
        raise ValueError(f"draws must be an integer from {_FEWEST_DRAWS} up, got {draws!r}.")
    if not isinstance(counts, Counts):
        raise ValueError(
            f"counts must be Counts, got {type(counts).__name__}; of a metric, pass "
            "metric.counts()."
        )
    counts = counts.numpy()
    if counts.true_positive.ndim != 1:
        raise ValueError(
            f"These counts have leading axes {counts.true_positive.shape[:-1]}, of groups or "
            "thresholds, say. Pick one with counts.at(index), or add them up with counts.overall()."
        )
    if counts.is_weighted:
        raise ValueError(
            "These counts are sums of weights, which do not tell how many rows there are. Count "
            "without sample_weight."
        )
    raise_if_invalid(counts)
    return counts


def _named(score: Any) -> NamedScore | None:
    """The score that a name or a function of `dist_f1.scores` means; `None` for other functions."""
    if callable(score):
        function, given = score, {}
        if isinstance(score, functools.partial) and not score.args:
            function, given = score.func, score.keywords
        # What a function would take anyway is as if it were not given.
        given = {k: v for k, v in given.items() if _DEFAULTS.get(k, ...) != v}
        if function is scores.f_beta and "beta" not in given:
            function = scores.f1
        if not given and any(function is whole for whole in _WHOLE):
            return score_names.parse(function.__name__)
        if set(given) <= {"average"} and any(function is ratio for ratio in _RATIOS):
            return score_names.parse(f"{function.__name__}_{given.get('average') or 'per_class'}")
        return None
    named = score_names.parse(score)
    if named.spread is not None:
        raise ValueError(
            f"{score!r} is about groups of rows, and intervals are of one. Take the score without "
            f"_{named.spread}, and counts.at(group)."
        )
    return named


def _is_of_one_class(counts: Counts, named: NamedScore, labels: Any) -> bool:
    """Whether each value of the score follows from one class against the rest."""
    if not named.is_ratio or named.average == "samples":
        return False
    entering = counts.num_classes if labels is None else np.size(labels)
    return named.average in (None, "binary") or entering == 1


def _proportion(counts: Counts, named: NamedScore, labels: Any) -> _Proportion | None:
    """The proportion which the score is a function of, if there is one."""
    if _is_of_one_class(counts, named, labels):
        return _of_class(_entering(counts, named, labels), named)
    if named.base in ("accuracy", "hamming_loss"):
        if named.base == "accuracy" and counts.is_multilabel:
            return _Proportion(counts.samples[sample_averages.EXACT_MATCH], counts.total, _same)
        if counts.is_multilabel:
            return None
        right = counts.to_two_class().true_positive.sum()
        right = right if named.base == "accuracy" else counts.total - right
        return _Proportion(right, counts.total, _same)
    is_accuracy = (named.base, named.average) == ("recall", "weighted")
    if not (named.is_ratio and (named.average == "micro" or is_accuracy)):
        return None
    if labels is not None or not resampling.has_one_class_per_row(counts):
        return None
    score: Callable[[Any], Any] = _same
    if named.base == "jaccard":
        score = _jaccard_of_accuracy
    elif named.base == "specificity":
        score = functools.partial(_specificity_of_accuracy, classes=counts.num_classes)
    return _Proportion(counts.true_positive.sum(), counts.total, score)


def _entering(counts: Counts, named: NamedScore, labels: Any) -> Counts:
    if named.average == "binary":
        return only(counts.to_two_class(), [1])
    if labels is None:
        return counts
    return only(counts.to_two_class(), [int(label) for label in np.ravel(labels)])


def _of_class(c: Counts, named: NamedScore) -> _Proportion | None:
    if named.beta not in (None, 1.0):
        return None
    union = c.actual + c.predicted - c.true_positive
    right, whole = {
        "precision": (c.true_positive, c.predicted),
        "recall": (c.true_positive, c.actual),
        "specificity": (c.true_negative, c.actual_negative),
    }.get(named.base, (c.true_positive, union))
    if not named.is_per_class:
        right, whole = right[0], whole[0]
    return _Proportion(right, whole, _same if named.beta is None else _f1_of_jaccard)


def _same(share: Any) -> Any:
    return share


def _f1_of_jaccard(share: Any) -> Any:
    return 2.0 * share / (1.0 + share)


def _jaccard_of_accuracy(share: Any) -> Any:
    return share / (2.0 - share)


def _specificity_of_accuracy(share: Any, classes: int) -> Any:
    return 1.0 - (1.0 - share) / (classes - 1)


def _wilson(proportion: _Proportion, level: float) -> Interval:
    right = np.asarray(proportion.right, np.float64)
    whole = np.asarray(proportion.whole, np.float64)
    z = statistics.NormalDist().inv_cdf(0.5 + level / 2.0)
    share = right / np.maximum(whole, 1.0)
    centre = right + z * z / 2.0
    reach = z * np.sqrt(right * (1.0 - share) + z * z / 4.0)
    # At shares of 0 and 1 rounding may leave the share outside.
    low = np.where(right == 0.0, 0.0, (centre - reach) / (whole + z * z))
    high = np.where(right == whole, 1.0, (centre + reach) / (whole + z * z))
    # Of no rows at all, nothing is known.
    low = np.where(whole == 0.0, 0.0, proportion.score(low))
    return Interval(low[()], proportion.score(high)[()])
