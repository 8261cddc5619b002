"""Steps that are traced once, whatever the numbers of rows they are called with."""

import numpy as np
import tensorflow as tf
from helpers import per_replica


def traced_once(step, strategy, specs):
    """`step` compiled for one value of each spec on each replica."""
    return tf.function(step, input_signature=[on_each_replica(strategy, spec) for spec in specs])


def on_each_replica(strategy, spec):
    """The spec of a value of each replica, where each may have rows of its own number."""
    replicas = strategy.num_replicas_in_sync
    if replicas == 1:
        return spec
    empty = np.zeros([size or 0 for size in spec.shape], spec.dtype.as_numpy_dtype)
    return type(tf.type_spec_from_value(per_replica(strategy, [empty] * replicas)))(
        *[spec] * replicas
    )
