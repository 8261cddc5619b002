"""Exporters that compare evaluations by a score."""

import math
import re
from collections.abc import Callable, Mapping
from typing import Any

# The losses of Estimators, and entries of `eval_metric_ops` that are losses or gaps.
_LOWER_IS_BETTER = re.compile(r"(^|[/_])loss(_group_\d+)?$|_gap$")

Compare = Callable[[Mapping[str, Any], Mapping[str, Any]], bool]


def compare_by(name: str, lower_is_better: bool | None = None) -> Compare:
    """Make a `compare_fn` for `tf.estimator.BestExporter`, which by default compares the loss.

    Args:
        name: Entry in the result of `evaluate`.
        lower_is_better: Whether lower values are better. By default only for losses and gaps
            (`loss`, `average_loss`, entries of `hamming_loss`, `f1_macro_gap`), with any prefix.

    Returns:
        A function of `best_eval_result` and `current_eval_result`: whether the current one is
        better. NaN is never better, and any number is better than NaN.

    Raises:
        ValueError: Raised by the function if the current evaluation has no such entry.

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
                f"The evaluation has no {name!r}. Compare by one of "
                f"{', '.join(sorted(current_eval_result))}, or add the score to eval_metric_ops."
            )
        current = float(current_eval_result[name])
        # The best evaluation may be from an earlier job without this score.
        best = float((best_eval_result or {}).get(name, math.nan))
        if math.isnan(current) or math.isnan(best):
            return math.isnan(best) and not math.isnan(current)
        return current < best if lower_is_better else current > best

    return compare
