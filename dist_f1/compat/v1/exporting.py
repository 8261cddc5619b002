"""Exporters that compare evaluations by one of our scores."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from dist_f1 import score_names

Compare = Callable[[Mapping[str, Any], Mapping[str, Any]], bool]


def compare_by(name: str, lower_is_better: bool | None = None) -> Compare:
    """A `compare_fn` for `tf.estimator.BestExporter`, which by itself compares the loss.

    Args:
        name: the entry of what `evaluate` returns.
        lower_is_better: `None` knows it for the names in `dist_f1.score_names` (`hamming_loss`
            and gaps are better the lower they are); for all others more is better.

    Returns:
        A function of `best_eval_result` and `current_eval_result`: whether the current one is
        better. A score that is NaN is never better, and any number is better than NaN.

    Raises:
        ValueError: when it compares, if the current evaluation has no such entry.

    Example:
        >>> compare = compare_by("f1_macro")
        >>> compare({"f1_macro": 0.8}, {"f1_macro": 0.9})
        True
    """
    if lower_is_better is None:
        lower_is_better = _is_loss(name)

    def compare(
        best_eval_result: Mapping[str, Any] | None, current_eval_result: Mapping[str, Any]
    ) -> bool:
        if name not in current_eval_result:
            raise ValueError(
                f"The evaluation has no {name!r}, which is to be compared; it has "
                f"{', '.join(sorted(current_eval_result))}."
            )
        current = float(current_eval_result[name])
        # The best one may be of a job that did not have this score yet.
        best = float((best_eval_result or {}).get(name, math.nan))
        if math.isnan(current) or math.isnan(best):
            return math.isnan(best) and not math.isnan(current)
        return current < best if lower_is_better else current > best

    return compare


def _is_loss(name: str) -> bool:
    try:
        return score_names.parse(name).lower_is_better
    except ValueError:
        return False
