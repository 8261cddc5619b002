"""Averages of several ratios with the operations of one."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from dist_f1.counts import Counts
from dist_f1.counts import arrays as xp
from dist_f1.counts.lazy_tensorflow import Array
from dist_f1.scores import linear
from dist_f1.scores.averaging import select_classes
from dist_f1.scores.linear import Ratio
from dist_f1.scores.score_names import NamedScore

# Scores over all rows that are averages of a ratio.
_AS_AVERAGE = {
    "accuracy": ("micro", linear.RECALL),
    "balanced_accuracy": ("balanced", linear.RECALL),
}
_MEANS = ("macro", "balanced", "weighted")
_CORRELATION = "matthews_corrcoef"


def batched(
    named: Sequence[NamedScore],
    counts: Counts,
    zero_division: float,
    labels: Sequence[int] | None,
) -> list[NamedScore]:
    """Return the scores that `evaluate` can derive together, if there are several."""
    if counts.is_weighted or counts.num_classes == 1 or math.isnan(zero_division):
        return []

    def fits(score: NamedScore) -> bool:
        if score.base in _AS_AVERAGE or score.base == _CORRELATION:
            return labels is None and not counts.is_multilabel
        return score.average in ("macro", "micro", "weighted")

    found = [score for score in named if score.group_reduction is None and fits(score)]
    return found if len(found) > 1 else []


def evaluate(
    named: Sequence[NamedScore],
    counts: Counts,
    zero_division: float,
    labels: Sequence[int] | None,
) -> Array:
    """Derive the scores in their order, float64 `[S]`, of counts without leading axes.

    Numerators and denominators are linear in the counts, so that one matrix product gives all of
    them. Accuracy is the micro average of recall, and balanced accuracy is the mean of recall over
    the classes that occur; without rows both are NaN.
    """
    if labels is not None:
        counts = select_classes(counts, labels)
    keys = [_average_and_ratio(score) for score in named]
    ratios = list(dict.fromkeys(ratio for _, ratio in keys if ratio is not None))
    table = _table(counts, any(part.total for ratio in ratios for part in ratio[:2]))
    numerators, denominators = (
        xp.matmul(matrix[:, : table.shape[0]], table) for matrix in linear.matrices(ratios)
    )

    averages = {average for average, _ in keys}
    order: list[tuple[str, Ratio | None]] = []
    found: list[Array] = []
    if averages & set(_MEANS):
        values = xp.divide(numerators, denominators, zero_division)
        every_class = labels is not None or counts.is_multilabel
        found.append(xp.reshape(_means(values, table, every_class, zero_division), [-1]))
        order += [(average, ratio) for ratio in ratios for average in _MEANS]
    if "micro" in averages:
        sums = xp.sum_last(numerators), xp.sum_last(denominators)
        found.append(xp.divide(*sums, zero_division))
        order += [("micro", ratio) for ratio in ratios]
    if _CORRELATION in averages:
        found.append(xp.stack([_correlation(table)]))
        order.append((_CORRELATION, None))
    taken = xp.take_last(xp.concat_last(found), [order.index(key) for key in keys])
    over_rows = np.asarray([score.base in _AS_AVERAGE for score in named])
    if not over_rows.any():
        return taken
    return xp.where(over_rows & xp.is_zero(counts.total), math.nan, taken)


def _average_and_ratio(score: NamedScore) -> tuple[str, Ratio | None]:
    if score.score.ratio is not None:
        return str(score.average), score.score.ratio
    return _AS_AVERAGE.get(score.base, (_CORRELATION, None))


def _table(counts: Counts, with_total: bool) -> Array:
    """Stack the counts that ratios use: float64 `[3, C]`, or `[4, C]` with the total."""
    rows: list[Any] = [counts.true_positive, counts.predicted, counts.actual]
    if with_total:
        rows.append(counts.actual * 0 + counts.entries)
    return xp.to_float(xp.stack(rows, axis=0))


def _means(values: Array, table: Array, every_class: bool, empty: float) -> Array:
    """Average ratios `[S, C]` over classes: `[S, 3]`, in the order of `_MEANS`."""
    # The weight of a class: 1 if it occurs or is predicted, 1 if it occurs, its support.
    rows = np.asarray([[0, 1, 1, 0], [0, 0, 1, 0], [0, 0, 1, 0]], np.float64)
    counted = xp.matmul(rows[:, : table.shape[0]], table)
    is_mask = np.asarray([[True], [True], [False]])
    weights = xp.where(is_mask, xp.divide(counted, counted, 0.0), counted)
    if every_class:
        weights = xp.where(np.asarray([[True], [False], [False]]), 1.0, weights)
    total = xp.sum_last(weights)
    means = xp.divide(xp.inner(values, weights), total, empty)
    if not every_class:
        return means
    # Without support the weighted mean is the plain one.
    return xp.where(xp.is_zero(total), means[:, :1], means)


def _correlation(table: Array) -> Array:
    """Derive Matthews' correlation from sums over classes; see `scores.matthews_corrcoef`."""
    table = table if table.shape[0] == 3 else table[:3]
    sums = xp.expand_last(xp.sum_last(table))
    products = xp.reshape(xp.inner(sums, sums) - xp.inner(table, table), [-1])
    correct, predicted, actual = xp.unstack(xp.reshape(sums, [-1]))
    *_, of_predicted, of_both, _, _, of_actual = xp.unstack(products)
    covariance = of_both - predicted * (actual - correct)
    return xp.divide(covariance, xp.sqrt(of_predicted * of_actual), 0.0)
