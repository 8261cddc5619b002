"""What the pairs take, in words of TensorFlow 1 where these differ from those of the metrics."""

from __future__ import annotations

import dataclasses
import operator
from typing import Any, TypedDict

import tensorflow as tf
from typing_extensions import Unpack

from dist_f1.batch import inputs
from dist_f1.batch.decisions import DecisionRule
from dist_f1.metrics.options import MetricOptions, complete, rule_of
from dist_f1.scores.averaging import check_averaging, check_binary


class Options(TypedDict, total=False):
    """Keywords of every function in `dist_f1.compat.v1`.

    threshold: `None` (argmax), or a number `0 < t <= 1`: each class on its own; `predictions` of
        shape `[B]` or `[B, 1]` are then binary. Boolean `predictions` need none.
    top_k: the k best classes are predicted; excludes `threshold`.
    ignore_class: rows with this label are left out.
    averaged_labels: the classes that enter the averages, by default all; all are counted. (It is
        `labels` elsewhere, which here are the true classes.)
    from_logits: `predictions` are logits; `threshold` still speaks of probabilities.
    zero_division: the score where it is 0 / 0: 0, 1 or NaN.
    mask: booleans, shaped like `weights`; rows of False are left out.
    dtype: of the values, by default float32, as in `tf.compat.v1.metrics`. Scores are computed in
        float64.
    metrics_collections: collections of the graph that values are added to.
    updates_collections: collections that updates are added to.
    name: of the variable scope, by default that of the function.
    """

    threshold: Any
    top_k: int | None
    ignore_class: int | None
    averaged_labels: Any
    from_logits: bool
    zero_division: float
    mask: Any
    dtype: Any
    metrics_collections: Any
    updates_collections: Any
    name: str | None


@dataclasses.dataclass(frozen=True)
class Asked:
    """The options of one call, checked and complete."""

    rule: DecisionRule
    average: Any
    full: MetricOptions
    mask: Any
    dtype: tf.DType
    metrics_collections: Any
    updates_collections: Any

    def cast(self, value: Any) -> tf.Tensor:
        """A score in the dtype that was asked for."""
        return tf.cast(value, self.dtype)

    def averaging(self) -> dict[str, Any]:
        """The common arguments of the scores."""
        return {
            "average": self.average,
            "zero_division": self.full["zero_division"],
            "labels": self.full["labels"],
        }

    def check_average(self, num_classes: int, several: bool) -> None:
        """Raises `ValueError` if such decisions do not have the average."""
        check_averaging(self.average, self.full["zero_division"], self.full["labels"], num_classes)
        check_binary(self.average, num_classes, several)


def asked_for(
    predictions: Any,
    num_classes: Any,
    average: Any = None,
    more: MetricOptions | None = None,
    **options: Unpack[Options],
) -> Asked:
    """Checks the options of a call.

    Args:
        predictions: booleans are decided already.
        num_classes: C, or `None`.
        average: how classes are averaged.
        more: options of the metrics that only some functions take.
        **options: see `Options`.

    Raises:
        TypeError: an option that there is not, or a `num_classes` that is no number.
        ValueError: values that no function takes, or that exclude each other.
    """
    unknown = sorted(set(options) - set(Options.__annotations__))
    if unknown:
        known = ", ".join(Options.__annotations__)
        raise TypeError(f"Unknown argument {', '.join(unknown)}; known are {known}.")
    classes = _number_of_classes(num_classes)
    threshold = options.get("threshold")
    if threshold is None and options.get("top_k") is None and _are_members(predictions, classes):
        # Cast to 0 and 1, any threshold finds them as they are.
        threshold = 0.5
    metric_options: MetricOptions = {
        "num_classes": classes,
        "top_k": options.get("top_k"),
        "ignore_class": options.get("ignore_class"),
        "labels": options.get("averaged_labels"),
        "from_logits": options.get("from_logits", False),
        "zero_division": options.get("zero_division", 0.0),
        **(more or {}),
    }
    rule = rule_of(threshold, metric_options)
    full = complete(metric_options, average, rule)
    dtype = tf.as_dtype(options.get("dtype") or tf.float32)
    if not dtype.is_floating:
        raise ValueError(f"dtype must be one of floating point, got {dtype.name}.")
    return Asked(
        rule,
        average,
        full,
        options.get("mask"),
        dtype,
        options.get("metrics_collections"),
        options.get("updates_collections"),
    )


def _number_of_classes(num_classes: Any) -> int | None:
    try:
        return None if num_classes is None else operator.index(num_classes)
    except TypeError as error:
        raise TypeError(
            f"num_classes must be a positive integer, got {num_classes!r}. It is the third "
            "argument here, and weights the fifth: pass weights=."
        ) from error


def _are_members(predictions: Any, num_classes: int | None) -> bool:
    """Whether they are booleans that say of each class, or of the only one, whether it is named."""
    predictions = inputs.as_tensor(predictions, "y_pred")
    if not predictions.dtype.is_bool:
        return False
    several = predictions.shape.rank > 1 and predictions.shape.as_list()[-1] == num_classes
    return num_classes in (None, 1) or several
