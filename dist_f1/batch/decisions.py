"""From scores to the predicted classes of each row.

    rule = DecisionRule(threshold=0.5, from_logits=True)
    predicted = decide(scores, rule)     # scores [N, C]

Argmax and top-k give the ids of the predicted classes, a threshold gives a yes or no for every
class. Nothing here depends on the targets.
"""

import tensorflow as tf

from dist_f1.batch.decision_rule import DecisionRule, comparison_threshold
from dist_f1.batch.row_classes import RowClasses
from dist_f1.kernels import Kernels, argmax, choose


def decide(scores: tf.Tensor, rule: DecisionRule, kernels: Kernels | None = None) -> RowClasses:
    """Apply the rule to floating-point scores `[N, C]`, or `[..., C]` with N rows in total.

    By default `kernels.choose` selects the kernels. Rows with a NaN score are not valid.
    """
    kernels = kernels or choose(scores, decision=rule.kind)
    classes = scores.shape.as_list()[-1]
    if rule.is_argmax:
        ids, valid = argmax.best(scores, kernels)
        return RowClasses(_flatten_rows(ids), valid=_flatten_rows(valid))
    if rule.threshold is not None:
        limit = comparison_threshold(rule.threshold, rule.from_logits, scores.dtype)
        valid = tf.equal(scores, scores)
        return RowClasses(
            multi_hot=_flatten_rows(scores > limit, classes), valid=_flatten_rows(valid, classes)
        )
    valid = argmax.are_numbers(scores)
    ids = tf.cast(tf.math.top_k(scores, k=rule.top_k).indices, kernels.index)
    return RowClasses(_flatten_rows(ids, rule.top_k), valid=_flatten_rows(valid))


def _flatten_rows(tensor: tf.Tensor, *last: int | None) -> tf.Tensor:
    """Reshape to N rows, followed by the axis `last` if given."""
    return tensor if tensor.shape.rank == 1 + len(last) else tf.reshape(tensor, [-1, *last])
