"""F1 for `tf.estimator` and TensorFlow 1 graphs, as `(value, update_op)` pairs.

    f1 = dist_f1.compat.v1.f1_score(labels, probabilities, average="macro")
    return tf.estimator.EstimatorSpec(mode, loss=loss, eval_metric_ops={"f1": f1})

The functions follow `tf.compat.v1.metrics`: `update_op` counts a batch, `value` is the score of all
batches so far, and both are ops in the graph of a session. Counts are int64 (float64 with weights)
in one local variable. The counts of all replicas are summed before a score is derived.

- `value` may be fetched at any time. If it is fetched in the same `session.run` as `update_op`, it
  is the score before that update. Fetching it raises `tf.errors.InvalidArgumentError` if rows could
  not be counted.
- `update_op` is a tensor, the score after the update. With several replicas it is an operation
  without a value, because the score of one replica is not the score of the data.
- `tf.compat.v1.local_variables_initializer()` resets all counts to zero.

`batch_for_replicas` batches the data of an evaluation so that every replica has a batch in the last
step; otherwise an `Estimator` may lose rows. `compare_by` makes a `BestExporter` compare
evaluations by a score.
"""

from dist_f1.compat.v1.batching import batch_for_replicas as batch_for_replicas
from dist_f1.compat.v1.evaluation import eval_metric_ops as eval_metric_ops
from dist_f1.compat.v1.exporting import compare_by as compare_by
from dist_f1.compat.v1.pairs import confusion_counts as confusion_counts
from dist_f1.compat.v1.pairs import f1_score as f1_score
from dist_f1.compat.v1.pairs import f_beta as f_beta
from dist_f1.compat.v1.pairs import precision as precision
from dist_f1.compat.v1.pairs import recall as recall
