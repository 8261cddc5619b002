"""Confidence intervals of scores, from counts alone.

    confidence_interval(counts, "f1_macro")

Rows are taken as independent draws from a population, and the interval is for the score of that
population. There are three methods:

wilson: A closed form, for scores that are a proportion of rows (`dist_f1.intervals.proportions`).
dirichlet, multinomial: Quantiles of the score over resampled confusion matrices
    (`dist_f1.intervals.resampling`).
"""

import functools
from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple, get_args

import numpy as np

from dist_f1 import scores
from dist_f1.counts import Counts, short_text
from dist_f1.counts.argument import takes_counts
from dist_f1.counts.arrays import is_integer
from dist_f1.counts.html_table import html_table
from dist_f1.counts.limits import MAX_DRAWS, as_float, check_seed
from dist_f1.counts.short_text import short_repr
from dist_f1.counts.validity import raise_if_invalid
from dist_f1.intervals import resampling
from dist_f1.intervals.proportions import find_proportion, is_of_one_class, wilson_interval
from dist_f1.scores import score_names
from dist_f1.scores.score_names import NamedScore
from dist_f1.scores.table import SCORES

Method = Literal["auto", "wilson", "dirichlet", "multinomial"]

_MIN_DRAWS = 100
_DEFAULTS = {"zero_division": 0.0, "labels": None, "beta": 1.0, "pos_label": 1}


class Interval(NamedTuple):
    """Bounds of a score, float64: scalars, or arrays `[C]` for a score per class."""

    low: np.ndarray
    high: np.ndarray

    def __repr__(self) -> str:
        """Show scalars, and the first and last bounds of arrays."""
        low, high = map(short_text.describe, self)
        return short_text.join("Interval", [f"low={low}", f"high={high}"])

    def _repr_html_(self) -> str:
        """Return a table for notebooks, with at most 20 classes."""
        rows = np.stack([np.atleast_1d(self.low), np.atleast_1d(self.high)], -1)
        is_scalar = np.ndim(self.low) == 0
        cells = (
            [*([] if is_scalar else [str(k)]), *map(short_text.format_number, row)]
            for k, row in enumerate(rows)
        )
        header = [*([] if is_scalar else ["class"]), "low", "high"]
        return html_table("confidence interval", header, cells, len(rows), "classes")


@takes_counts
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
    """Compute a confidence interval at the given level.

    A fraction `level` of the intervals of many samples covers the score of the population. The
    interval contains the score of `counts`, unless that is NaN. With a score per class, each
    interval is for its class alone, not for all classes at once.

    Methods:
        `"wilson"`: Wilson's score interval. It is available for precision, recall, specificity and
            the Jaccard index J of a class; for F1 of a class, `2 J / (1 + J)`; for accuracy,
            `hamming_loss` and, without `labels`, micro averages and weighted recall where each
            row has one class; and for the accuracy of multilabel rows. Given the denominator (e.g.
            the predicted rows), the number of correct rows is binomial. An interval that
            covers for every denominator also covers overall.
        `"dirichlet"`: The posterior of the confusion matrix, after Goutte and Gaussier.
        `"multinomial"`: A bootstrap of the smoothed confusion matrix.
        `"auto"`: Wilson's interval where available. Otherwise the posterior for two classes and for
            scores of one class, and the bootstrap for three classes and more.

    Args:
        counts: int64, without leading axes. Averages of more than two classes need `confusion`.
        score: A name (`"f1_macro"`, see `dist_f1.scores.score_names`), a function of
            `dist_f1.scores`, or any function of `Counts` that keeps leading axes.
        level: Confidence level, between 0 and 1.
        method: One of the methods above.
        labels: Classes to include, for a score by name.
        zero_division: Value of 0 / 0, for a score by name: 0, 1 or NaN.
        draws: Number of resamples, at least 100. Resamples with a NaN score are left out. A
            resample of the matrix takes O(C^2): a second in total for 100 classes, ten for 300.
        seed: Seed of the resamples, 0 to 2^63 - 1; the same seed gives the same interval.

    Returns:
        The bounds. They are (0, 1) for a proportion of no rows, e.g. for a class that is never
        predicted, and NaN for other scores of counts without rows.

    Raises:
        ValueError: Weighted counts, counts of groups, invalid rows, arguments out of range, or a
            method that is not available for these counts or this score.

    Coverage:
        `benchmarks/coverage.py` simulates binary tasks with 2% to 50% positives, and 3 to 10
        classes, balanced and long-tailed, in 200 to 5,000 rows. There, 95% intervals of `"auto"`
        cover in 93% to 97.2% of samples. The exceptions are:

        - Macro averages where a class has only a row or two: about 90% to 92% (10 classes, the
          rarest 0.7% of 200 rows). The sample's mean leaves out a class without any actual or
          predicted rows; the population's mean does not.
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
    counts = _check(counts, level, method, draws, seed)
    named = _find_named(score)
    function: Callable[[Counts], Any]
    if named is None:
        if labels is not None or zero_division != 0.0:
            raise ValueError(
                "labels and zero_division are for scores by name. Pass them to the function: "
                "functools.partial(dist_f1.scores.f1, labels=...)."
            )
        function = score  # type: ignore[assignment]
    else:
        if labels is not None and named.score.ratio is None:
            raise ValueError(f"{named.base} has no labels: it uses all classes. Omit labels.")
        function = functools.partial(named, zero_division=zero_division, labels=labels)
    point = np.asarray(function(counts), np.float64)
    if method in ("auto", "wilson"):
        proportion = None if named is None else find_proportion(counts, named, labels)
        if proportion is not None:
            return Interval(*wilson_interval(proportion, level))
        if method == "wilson":
            raise ValueError(
                f"{score!r} is not a proportion of rows in these counts, so it has no Wilson "
                'interval. Use method="dirichlet" or "multinomial".'
            )
    one_class = named is not None and is_of_one_class(counts, named, labels)
    tables = resampling.one_vs_rest(counts) if one_class else resampling.full_matrix(counts)
    if method == "auto":
        method = "dirichlet" if tables.cells.shape[-1] == 2 else "multinomial"
    if counts.total == 0:
        return Interval(*np.full([2, *point.shape], np.nan))
    values = resampling.resample(tables, function, point.shape, method, draws, seed)
    return Interval(*resampling.percentile_interval(point, values, level))


def _check(counts: Counts, level: float, method: str, draws: int, seed: int) -> Counts:
    if not 0.0 < as_float(level) < 1.0:
        raise ValueError(f"level must be between 0 and 1, got {short_repr(level)}.")
    if method not in get_args(Method):
        raise ValueError(f"method must be one of {', '.join(get_args(Method))}, got {method!r}.")
    if not is_integer(draws) or draws < _MIN_DRAWS:
        raise ValueError(
            f"draws must be an integer, at least {_MIN_DRAWS}, got {short_repr(draws)}."
        )
    if draws > MAX_DRAWS:
        raise ValueError(f"draws must be at most {MAX_DRAWS}, got {short_repr(draws)}.")
    check_seed(seed)
    counts = counts.numpy()
    if counts.true_positive.ndim != 1:
        raise ValueError(
            f"The counts have leading axes {counts.true_positive.shape[:-1]}, e.g. of groups or "
            "thresholds. Select one index with counts.at(index), or sum groups with "
            "counts.overall()."
        )
    if counts.is_weighted:
        raise ValueError(
            "The counts are sums of weights, so the number of rows is unknown. Count without "
            "sample_weight."
        )
    raise_if_invalid(counts)
    return counts


def _find_named(score: Any) -> NamedScore | None:
    """Return the score of a name or of a function of `dist_f1.scores`, or `None`."""
    if callable(score):
        function, given = score, {}
        if isinstance(score, functools.partial) and not score.args:
            function, given = score.func, score.keywords
        given = {k: v for k, v in given.items() if _DEFAULTS.get(k, ...) != v}
        if function in (scores.f1, scores.f_beta) and "beta" not in given:
            name: str | None = "f1"
        else:
            name = next((n for n, row in SCORES.items() if row.function is function), None)
        if name is None or not set(given) <= {"average"}:
            return None
        has_average = name == "f1" or SCORES[name].ratio is not None
        suffix = f"_{given.get('average') or 'per_class'}" if has_average else ""
        return score_names.parse(f"{name}{suffix}")
    named = score_names.parse(score)
    if named.group_reduction is not None:
        raise ValueError(
            f"{score!r} needs groups of rows, but an interval is of one group. Use the score "
            f"without _{named.group_reduction}, and counts.at(group)."
        )
    return named
