"""From predictions to the predicted classes of each row.

    rule = DecisionRule(threshold=0.5, from_logits=True)
    predicted = decide(y_score, rule)     # predictions [N, C]

Argmax and top-k give the ids of the predicted classes, a threshold gives a yes or no for every
class. Nothing here depends on the targets.
"""

import tensorflow as tf

from dist_f1.batch.decision_rule import DecisionRule, comparison_threshold
from dist_f1.batch.row_classes import RowClasses
from dist_f1.kernels import Kernels, argmax, choose


def decide(y_score: tf.Tensor, rule: DecisionRule, kernels: Kernels | None = None) -> RowClasses:
    """Apply the rule to floating-point predictions `[N, C]`, or `[..., C]` with N rows in total.

    By default `kernels.choose` selects the kernels. Rows with a NaN prediction are not valid.
    """
    kernels = kernels or choose(y_score, decision=rule.kind)
    classes = y_score.shape.as_list()[-1]
    if rule.is_argmax:
        ids, valid = argmax.best(y_score, kernels)
        return RowClasses(_flatten_rows(ids), valid=_flatten_rows(valid))
    if rule.threshold is not None:
        limit = comparison_threshold(rule.threshold, rule.from_logits, y_score.dtype)
        valid = tf.equal(y_score, y_score)
        return RowClasses(
            multi_hot=_flatten_rows(y_score > limit, classes), valid=_flatten_rows(valid, classes)
        )
    valid = argmax.are_numbers(y_score)
    ids = tf.cast(tf.math.top_k(y_score, k=rule.top_k).indices, kernels.index)
    return RowClasses(_flatten_rows(ids, rule.top_k), valid=_flatten_rows(valid))


def _flatten_rows(tensor: tf.Tensor, *last: int | None) -> tf.Tensor:
    """Reshape to N rows, followed by the axis `last` if given."""
    return tensor if tensor.shape.rank == 1 + len(last) else tf.reshape(tensor, [-1, *last])
