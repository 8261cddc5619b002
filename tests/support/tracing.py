"""Steps that are traced once for any number of rows."""

import functools

import numpy as np
import tensorflow as tf
from helpers import per_replica

# AutoGraph would convert dist_f1 in every process, which takes seconds.
graph_function = functools.partial(tf.function, autograph=False)


def traced_once(step, strategy, specs):
    """Compile `step` for one value of each spec per replica."""
    return graph_function(step, input_signature=[on_each_replica(strategy, spec) for spec in specs])


def on_each_replica(strategy, spec):
    """Return the spec of per-replica values with any number of rows each."""
    replicas = strategy.num_replicas_in_sync
    if replicas == 1:
        return spec
    empty = np.zeros([size or 0 for size in spec.shape], spec.dtype.as_numpy_dtype)
    return type(tf.type_spec_from_value(per_replica(strategy, [empty] * replicas)))(
        *[spec] * replicas
    )
