"""The common arguments of all pairs; some have other names than in the metrics."""

from __future__ import annotations

import dataclasses
import operator
from collections.abc import Sequence
from typing import Any, TypeAlias, TypedDict

import tensorflow as tf
from typing_extensions import Unpack

from dist_f1.batch import inputs
from dist_f1.batch.decision_rule import DecisionRule
from dist_f1.counts.short_text import short_repr
from dist_f1.metrics.argument_hints import check_known
from dist_f1.metrics.options import DEFAULTS, MetricOptions, resolve, rule_of
from dist_f1.scores.averaging import Average, check_averaging, check_binary

TensorLike: TypeAlias = "tf.types.experimental.TensorLike"


class Options(TypedDict, total=False):
    """Keywords of every function in `dist_f1.compat.v1`.

    threshold: `None` (argmax), or a number `0 < t <= 1` that decides each class separately.
        `predictions` of shape `[B]` or `[B, 1]` are then binary. Boolean `predictions` need none.
    top_k: Number of classes to predict, the highest first; with `threshold`, those above it.
    ignore_class: Label of the rows to leave out.
    averaged_labels: Classes that enter the averages; all by default. All classes are counted. (The
        metrics call this argument `labels`, which here are the true classes.)
    from_logits: Whether `predictions` are logits. `threshold` remains a probability.
    zero_division: Value of a score that is 0 / 0: 0, 1 or NaN.
    mask: Booleans, shaped like `weights`. Rows with False are left out.
    dtype: Dtype of the values; float32 by default, as in `tf.compat.v1.metrics`. Scores are
        computed in float64.
    metrics_collections: Graph collections to which values are added.
    updates_collections: Graph collections to which updates are added.
    name: Name of the variable scope; by default that of the function.
    """

    threshold: float | Sequence[float] | None
    top_k: int | None
    ignore_class: int | None
    averaged_labels: Sequence[int] | None
    from_logits: bool
    zero_division: float
    mask: TensorLike | None
    dtype: tf.DType | str | None
    metrics_collections: Sequence[str] | None
    updates_collections: Sequence[str] | None
    name: str | None


# Arguments of metrics that have other names here.
_HINTS = dict.fromkeys(("sample_weight", "class_weight", "label_weights"), "Pass weights=.") | {
    "y_true": "Pass labels=.",
    "y_pred": "Pass predictions=.",
    "class_id": "For the score of one class, pass averaged_labels=[class_id], or average=None.",
    "target_class_ids": "Pass averaged_labels=.",
    "pos_label": 'For the positive class of two, pass average="binary"; else averaged_labels=.',
    "thresholds": "Pass threshold=.",
}


@dataclasses.dataclass(frozen=True)
class ResolvedOptions:
    """The options of one call, checked, with defaults filled in.

    Args:
        rule: How predictions become decisions.
        average: How classes are averaged.
        metric: The options that metrics have too, under the names they have there.
        mask: Booleans, one per row or per leading axes, or `None`.
        dtype: Dtype of the values.
        collections: Graph collections of values, and of updates.
    """

    rule: DecisionRule
    average: Average | None
    metric: MetricOptions
    mask: TensorLike | None
    dtype: tf.DType
    collections: tuple[Sequence[str] | None, Sequence[str] | None]

    def cast(self, value: tf.Tensor) -> tf.Tensor:
        """Cast a score to the requested dtype."""
        return tf.cast(value, self.dtype)

    def averaging(self) -> dict[str, Any]:
        """Return the common arguments of the score functions."""
        return {
            "average": self.average,
            "zero_division": self.metric["zero_division"],
            "labels": self.metric["labels"],
        }

    def check_average(self, num_classes: int, is_multilabel: bool) -> None:
        """Raise `ValueError` if such decisions do not have the average."""
        check_averaging(**self.averaging(), num_classes=num_classes)
        check_binary(self.average, num_classes, is_multilabel)


def resolve_options(
    predictions: TensorLike,
    num_classes: int | None,
    average: Average | None = None,
    metric_options: MetricOptions | None = None,
    **options: Unpack[Options],
) -> ResolvedOptions:
    """Check the options of a call, and fill in defaults.

    Args:
        predictions: Predictions of the batch. Booleans are decisions already.
        num_classes: C, or `None`.
        average: How classes are averaged.
        metric_options: Options of the metrics that only some functions take.
        **options: See `Options`.

    Raises:
        TypeError: An unknown option, or a `num_classes` that is not an integer.
        ValueError: A value out of range, or options that exclude each other.
    """
    check_known(options, Options.__annotations__, Options.__annotations__, _HINTS)
    classes = _as_integer(num_classes)
    threshold = options.get("threshold")
    if threshold is None and options.get("top_k") is None and _are_flags(predictions, classes):
        # Booleans are cast to 0 and 1, which any threshold separates.
        threshold = 0.5
    given = {name: value for name, value in options.items() if name in DEFAULTS}
    given |= {"num_classes": classes, "labels": options.get("averaged_labels")}
    metric = resolve({**given, **(metric_options or {})}, average, threshold)
    dtype = tf.as_dtype(options.get("dtype") or tf.float32)
    if not dtype.is_floating:
        raise ValueError(f"dtype is {dtype.name}; pass a floating-point type.")
    return ResolvedOptions(
        rule_of(threshold, metric),
        average,
        metric,
        options.get("mask"),
        dtype,
        (options.get("metrics_collections"), options.get("updates_collections")),
    )


def _as_integer(num_classes: Any) -> int | None:
    try:
        return None if num_classes is None else operator.index(num_classes)
    except TypeError as error:
        raise TypeError(
            f"num_classes must be a positive integer, got "
            f"{short_repr(num_classes)}. It is the third "
            "argument, and weights is the fifth; pass weights=."
        ) from error


def _are_flags(predictions: TensorLike, num_classes: int | None) -> bool:
    """Whether predictions are booleans for each class, or for the only one."""
    predictions = inputs.as_tensor(predictions, "y_pred")
    if not predictions.dtype.is_bool:
        return False
    has_class_axis = predictions.shape.rank > 1 and predictions.shape[-1] == num_classes
    return num_classes in (None, 1) or has_class_axis
