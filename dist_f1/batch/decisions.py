"""From predictions to the predicted classes of each row.

    rule = DecisionRule(threshold=0.5, from_logits=True)
    predicted = decide(y_score, rule)     # predictions [N, C]

Argmax and top-k give the ids of the predicted classes, a threshold alone gives a yes or no for
every class. Nothing here depends on the targets.
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
    limit = None
    if rule.threshold is not None:
        limit = comparison_threshold(rule.threshold, rule.from_logits, y_score.dtype)
    if limit is not None and rule.top_k is None:
        valid = tf.equal(y_score, y_score)
        return RowClasses(
            multi_hot=_flatten_rows(y_score > limit, classes), valid=_flatten_rows(valid, classes)
        )
    valid = argmax.are_numbers(y_score)
    top = tf.math.top_k(y_score, k=rule.top_k)
    above = None
    if limit is not None:
        limits = tf.gather(limit, top.indices) if limit.ndim else limit
        above = _flatten_rows(top.values > limits, rule.top_k)
    ids = _flatten_rows(tf.cast(top.indices, kernels.index), rule.top_k)
    return RowClasses(ids, valid=_flatten_rows(valid), where=above)


def _flatten_rows(tensor: tf.Tensor, *last: int | None) -> tf.Tensor:
    """Reshape to N rows, followed by the axis `last` if given."""
    return tensor if tensor.shape.rank == 1 + len(last) else tf.reshape(tensor, [-1, *last])
