"""From scores to decisions: which classes a model names for each row.

    rule = DecisionRule(threshold=0.5, from_logits=True)
    decision = decide(scores, rule)     # scores [N, C]

A decision holds either the ids of the chosen classes (argmax and top-k) or a yes or no for
every class (threshold). Nothing here reads the targets.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from dist_f1.counts.arrays import is_integer
from dist_f1.kernels import DecisionKind, Kernels, argmax, choose


@dataclasses.dataclass(frozen=True)
class DecisionRule:
    """How scores become decisions.

    Args:
        threshold: `None` for argmax. A number `0 < t <= 1` decides each class on its own:
            yes where the score is greater than `t`. A sequence gives each class its own.
        top_k: the `k` classes with the best scores are chosen. Excludes `threshold`.
        from_logits: the scores are logits. `threshold` still speaks of probabilities.

    Ties go to the lowest index, as in `tf.argmax`.

    Raises:
        ValueError: a threshold outside `(0, 1]`, a `top_k` below 1, or both at once.
    """

    threshold: float | tuple[float, ...] | None = None
    top_k: int | None = None
    from_logits: bool = False

    def __post_init__(self) -> None:
        if self.threshold is not None and self.top_k is not None:
            raise ValueError(
                f"threshold={self.threshold} and top_k={self.top_k} are two different decisions; "
                "pass one of them."
            )
        if self.top_k is not None and (not is_integer(self.top_k) or self.top_k < 1):
            raise ValueError(f"top_k must be a positive integer, got {self.top_k!r}.")
        if self.top_k is not None:
            object.__setattr__(self, "top_k", int(self.top_k))
        if self.threshold is not None:
            object.__setattr__(self, "threshold", _valid_threshold(self.threshold))

    @property
    def is_argmax(self) -> bool:
        """Whether the class with the best score is chosen, one for each row."""
        return self.threshold is None and self.top_k is None

    @property
    def kind(self) -> DecisionKind:
        """What `kernels.choose` should know of it."""
        if self.threshold is not None:
            return "threshold"
        return "argmax" if self.is_argmax else "other"

    def check_classes(self, num_classes: int) -> None:
        """Raises `ValueError` if the rule does not fit that many classes."""
        if self.top_k is not None and self.top_k > num_classes:
            raise ValueError(f"top_k={self.top_k} is more than the {num_classes} classes.")
        if isinstance(self.threshold, tuple) and len(self.threshold) != num_classes:
            raise ValueError(
                f"threshold has {len(self.threshold)} values for {num_classes} classes; pass one "
                "per class."
            )


class Decision(NamedTuple):
    """The classes named for each of N rows; exactly one of `ids` and `chosen` is set.

    `ids`: integers `[N]`, or `[N, k]` for top-k. `chosen`: bool `[N, C]`. `known`: bool `[N]`,
    False in rows with a NaN score, which have no winner, or `[N, C]`, of which a row needs all.
    """

    ids: Any
    chosen: Any
    known: Any


def decide(scores: tf.Tensor, rule: DecisionRule, kernels: Kernels | None = None) -> Decision:
    """Applies `rule` to floating-point scores `[N, C]`, or of any leading shape of N in all.

    Args:
        scores: of each class.
        rule: how they become decisions.
        kernels: how the best of a row is found; by default `kernels.choose` tells.
    """
    kernels = kernels or choose(scores, decision=rule.kind)
    classes = scores.shape.as_list()[-1]
    if rule.is_argmax:
        ids, known = argmax.best(scores, kernels)
        return Decision(_lined_up(ids), None, _lined_up(known))
    if rule.threshold is not None:
        chosen = scores > comparison_threshold(rule.threshold, rule.from_logits, scores.dtype)
        known = tf.equal(scores, scores)
        return Decision(None, _lined_up(chosen, classes), _lined_up(known, classes))
    known = argmax.are_numbers(scores)
    ids = tf.math.top_k(scores, k=rule.top_k).indices
    return Decision(_lined_up(tf.cast(ids, kernels.index), rule.top_k), None, _lined_up(known))


def _lined_up(tensor: tf.Tensor, *last: int | None) -> tf.Tensor:
    """N rows, with the axis `last` behind them if there is one."""
    return tensor if tensor.shape.rank == 1 + len(last) else tf.reshape(tensor, [-1, *last])


def comparison_threshold(
    threshold: float | tuple[float, ...], from_logits: bool, dtype: tf.DType
) -> Any:
    """The constant that scores of `dtype` are compared with, in that very dtype.

    With `from_logits` it is `log(t / (1 - t))`: the sigmoid is increasing, so comparing logits
    decides the same without a sigmoid over the tensor. For float16 and bfloat16 the result is
    what casting every score to float32 would give: `score > t` for a narrow score is
    `score > t'` with `t'` the largest narrow number that is not above `t`.
    """
    wide = np.float64 if dtype == tf.float64 else np.float32
    value: Any = np.asarray(threshold, wide)
    if from_logits:
        with np.errstate(divide="ignore"):
            exact = np.asarray(threshold, np.float64)
            value = (np.log(exact) - np.log1p(-exact)).astype(wide)
    narrow = dtype.as_numpy_dtype
    rounded = value.astype(narrow)
    if narrow == wide:
        return rounded
    below = np.nextafter(rounded, np.asarray(-np.inf, narrow))
    return np.where(rounded.astype(wide) > value, below, rounded).astype(narrow)


def _valid_threshold(threshold: Any) -> float | tuple[float, ...]:
    if isinstance(threshold, np.ndarray):
        threshold = threshold.tolist()
    values = threshold if isinstance(threshold, Sequence) else [threshold]
    if len(values) == 0:
        raise ValueError("threshold is an empty sequence; pass a number, or one per class.")
    for value in values:
        if isinstance(value, str | bool) or not _is_number(value) or not 0.0 < value <= 1.0:
            raise ValueError(
                f"threshold must be a number with 0 < threshold <= 1, got {threshold!r}. It speaks "
                "of probabilities; for raw scores pass from_logits=True (0.5 is then a logit of 0)."
            )
    if values is threshold:
        return tuple(float(value) for value in values)
    return float(threshold)


def _is_number(value: Any) -> bool:
    try:
        return math.isfinite(float(value))
    except (TypeError, ValueError):
        return False
