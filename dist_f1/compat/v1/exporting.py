"""Exporters that compare evaluations by one of our scores."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

# The losses of Estimators, and the entries of `eval_metric_ops` of that kind.
_LOWER_IS_BETTER = re.compile(r"(^|[/_])loss(_group_\d+)?$|_gap$")

Compare = Callable[[Mapping[str, Any], Mapping[str, Any]], bool]


def compare_by(name: str, lower_is_better: bool | None = None) -> Compare:
    """A `compare_fn` for `tf.estimator.BestExporter`, which by itself compares the loss.

    Args:
        name: the entry of what `evaluate` returns.
        lower_is_better: by default so of losses and gaps (`loss`, `average_loss`, entries of
            `hamming_loss`, `f1_macro_gap`), whatever the prefix; of all others more is better.

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
        lower_is_better = _LOWER_IS_BETTER.search(name) is not None

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
