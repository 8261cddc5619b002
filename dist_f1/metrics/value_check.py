"""A warning if predictions look like logits without `from_logits=True`, or the other way round.

It costs a step nothing: eagerly only the first batch is looked at, and in a graph only the types of
the operations that made the predictions.
"""

from __future__ import annotations

import warnings

import tensorflow as tf

from dist_f1.batch.decision_rule import DecisionRule

# With fewer predictions, logits may lie between 0 and 1 by chance.
_MIN_PROBABILITIES = 32
_FORWARDING = frozenset({"Cast", "ExpandDims", "Identity", "Reshape", "Squeeze", "StridedSlice"})
_PROBABILITIES = frozenset({"Sigmoid", "Softmax"})
_PRODUCTS = frozenset({"BatchMatMulV2", "Conv2D", "Einsum", "MatMul"})
_SUMS = frozenset({"AddV2", "BiasAdd"})


class ValueCheck:
    """Warn once if a threshold of probabilities is compared with values of another kind.

    Args:
        name: Name of the metric.
        rule: Its decision rule.
    """

    def __init__(self, name: str, rule: DecisionRule) -> None:
        self._name = name
        self._from_logits = rule.from_logits
        self._is_done = rule.threshold is None

    def look_at(self, y_pred: tf.Tensor) -> None:
        """Look at predictions until their kind is known, eagerly only at the first ones."""
        if self._is_done or not y_pred.dtype.is_floating:
            return
        is_eager = tf.executing_eagerly()
        kind = _kind_of_values(y_pred) if is_eager else _kind_of_operation(y_pred)
        self._is_done = is_eager or kind is not None
        if kind == "logits" and not self._from_logits:
            warnings.warn(
                f"{self._name} has thresholds of probabilities, but the predictions look like "
                "logits. Pass from_logits=True to the metric, or predictions after the sigmoid or "
                "softmax.",
                stacklevel=4,
            )
        if kind == "probabilities" and self._from_logits:
            warnings.warn(
                f"{self._name} has from_logits=True, but the predictions look like probabilities. "
                "Leave out from_logits, or pass the values before the sigmoid or softmax.",
                stacklevel=4,
            )


def _kind_of_values(y_pred: tf.Tensor) -> str | None:
    is_outside = (y_pred < 0.0) | (y_pred > 1.0)
    if bool(tf.reduce_any(is_outside)):
        return "logits"
    is_number = tf.reduce_all(tf.equal(y_pred, y_pred))
    enough = int(tf.size(y_pred)) >= _MIN_PROBABILITIES
    return "probabilities" if enough and bool(is_number) else None


def _kind_of_operation(y_pred: tf.Tensor) -> str | None:
    op = _source(y_pred)
    if op.type in _PROBABILITIES:
        return "probabilities"
    operands = [_source(x) for x in op.inputs] if op.type in _SUMS else [op]
    return "logits" if any(x.type in _PRODUCTS for x in operands) else None


def _source(tensor: tf.Tensor) -> tf.Operation:
    while tensor.op.type in _FORWARDING:
        tensor = tensor.op.inputs[0]
    return tensor.op
