"""`DecisionRule`: how the predictions of a model become classes."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from dist_f1.counts import misplaced
from dist_f1.counts.limits import as_float, check_positive
from dist_f1.counts.short_text import short_repr

if TYPE_CHECKING:
    import tensorflow as tf

    from dist_f1.kernels import DecisionKind


@dataclasses.dataclass(frozen=True)
class DecisionRule:
    """Decide the classes of a row from its predictions.

    Args:
        threshold: `None` for argmax. A number `0 < t <= 1` decides each class separately: the
            class is predicted if its probability is greater than `t`. A sequence has one
            threshold per class.
        top_k: Number of classes to predict: those with the highest values; with `threshold`, those
            of them that are above it.
        from_logits: Whether predictions are logits. `threshold` remains a probability.

    Ties go to the lowest class id, as in `tf.argmax`.

    Raises:
        ValueError: A threshold outside `(0, 1]`, or a `top_k` below 1.
    """

    threshold: float | tuple[float, ...] | None = None
    top_k: int | None = None
    from_logits: bool = False

    def __post_init__(self) -> None:
        if self.top_k is not None:
            object.__setattr__(self, "top_k", check_positive("top_k", self.top_k))
        if self.threshold is not None:
            object.__setattr__(self, "threshold", _parse_threshold(self.threshold))

    @property
    def is_argmax(self) -> bool:
        """Whether the class with the highest value is predicted, one for each row."""
        return self.threshold is None and self.top_k is None

    @property
    def kind(self) -> DecisionKind:
        """The kind of decision, for `kernels.choose`."""
        if self.threshold is not None and self.top_k is None:
            return "threshold"
        return "argmax" if self.is_argmax else "other"

    @property
    def text(self) -> str:
        """A text for files and messages. Rules with the same text count the same.

        Example:
            >>> DecisionRule(threshold=0.5, from_logits=True).text
            'threshold=0.5, from_logits=True'
        """
        if self.is_argmax:
            return "argmax"
        parts = [] if self.top_k is None else [f"top_k={self.top_k}"]
        if self.threshold is not None:
            values = self.threshold if isinstance(self.threshold, tuple) else (self.threshold,)
            parts.append(f"threshold={values[0] if len(set(values)) == 1 else list(values)}")
            # The order of logits is that of probabilities.
            parts += ["from_logits=True"] if self.from_logits else []
        return ", ".join(parts)

    def is_multilabel(self, num_classes: int | None) -> bool:
        """Whether a row may have any number of predicted classes instead of exactly one."""
        return self.top_k is not None or (self.threshold is not None and num_classes != 1)

    def decides_entries(self, num_classes: int | None) -> bool:
        """Whether each class of a row is decided separately, so that one can be left out."""
        return self.kind == "threshold" and num_classes != 1

    def check_classes(self, num_classes: int) -> None:
        """Raise `ValueError` if the rule does not fit the number of classes."""
        if self.top_k is not None and self.top_k > num_classes:
            raise ValueError(f"top_k={self.top_k} is more than the {num_classes} classes.")
        if isinstance(self.threshold, tuple) and len(self.threshold) != num_classes:
            raise ValueError(
                f"threshold has {len(self.threshold)} values for {num_classes} classes. Pass one "
                "value per class."
            )


def comparison_threshold(
    threshold: float | tuple[float, ...], from_logits: bool, dtype: tf.DType
) -> np.ndarray:
    """Return the constant to compare predictions of `dtype` with, in the same dtype.

    For logits it is `log(t / (1 - t))`. The sigmoid is increasing, so comparing logits decides the
    same without a sigmoid of every logit. For float16 and bfloat16 the decision is that of
    predictions cast to float32. The constant is then `t'`, the largest narrow number that is not
    above `t`: for a narrow prediction `p`, `p > t` and `p > t'` are equivalent.
    """
    narrow = dtype.as_numpy_dtype
    wide = np.float64 if narrow == np.float64 else np.float32
    value: Any = np.asarray(threshold, wide)
    if from_logits:
        with np.errstate(divide="ignore"):
            exact = np.asarray(threshold, np.float64)
            value = (np.log(exact) - np.log1p(-exact)).astype(wide)
    rounded = value.astype(narrow)
    if narrow == wide:
        return rounded
    below = np.nextafter(rounded, np.asarray(-np.inf, narrow))
    return np.where(rounded.astype(wide) > value, below, rounded).astype(narrow)


def _parse_threshold(threshold: Any) -> float | tuple[float, ...]:
    if isinstance(threshold, np.ndarray):
        threshold = threshold.tolist()
    values = threshold if isinstance(threshold, Sequence) else [threshold]
    if len(values) == 0:
        raise ValueError("threshold is an empty sequence. Pass a number, or one per class.")
    for value in values:
        if not 0.0 < as_float(value) <= 1.0:
            raise ValueError(
                "threshold must be a number with 0 < threshold <= 1, got "
                f"{short_repr(threshold)}. It is a probability; for logits pass from_logits=True "
                "(0.5 is then a logit of 0)."
                f"{misplaced.remedy(threshold)}"
            )
    if values is threshold:
        return tuple(float(value) for value in values)
    return float(threshold)
