"""From the replicas' own vectors to their sum: the only room in which anything is sent.

Under a strategy a vector lives in an `ON_READ` variable: every replica owns a component and adds
to it without telling the others. The functions here are what that variable allows in each
context TensorFlow may call us in.
"""

from __future__ import annotations

import tensorflow as tf


def per_replica_zeros(size: int, dtype: tf.DType, name: str) -> tf.Variable:
    """A vector of zeros on every replica of the current strategy.

    It may be called anywhere, also while a function is traced and inside `strategy.run`: the
    variable is created outside of the graph, once for all replicas.
    """
    with tf.init_scope():
        return tf.Variable(
            tf.zeros([size], dtype),
            trainable=False,
            synchronization=tf.VariableSynchronization.ON_READ,
            aggregation=tf.VariableAggregation.SUM,
            name=name,
        )


def add_locally(variable: tf.Variable, value: tf.Tensor) -> None:
    """Adds to this replica's component and sends nothing.

    Outside of `strategy.run` there is no own component; the value is added to the first one, so
    that it counts once.
    """
    if _in_replica(variable):
        variable.assign_add(value)
    else:
        components(variable)[0].assign_add(value)


def read_locally(variable: tf.Variable) -> tf.Tensor:
    """This replica's own component; outside of `strategy.run` the sum over replicas."""
    return variable.read_value() if _in_replica(variable) else read_sum(variable)


def read_sum(variable: tf.Variable) -> tf.Tensor:
    """The sum over all replicas, the same on each of them, as one collective."""
    if not _is_distributed(variable):
        return variable.read_value()
    if not _in_replica(variable):
        # A cross-replica read of an ON_READ variable sums its components.
        return tf.convert_to_tensor(variable)
    context = tf.distribute.get_replica_context()
    if context.num_replicas_in_sync == 1:
        return variable.read_value()
    return context.all_reduce(tf.distribute.ReduceOp.SUM, variable.read_value())


def set_sum(variable: tf.Variable, value: tf.Tensor) -> None:
    """Sets the sum over replicas: the first component holds `value`, the others zero."""
    value = tf.cast(value, variable.dtype)
    first, *others = components(variable)
    first.assign(value)
    for other in others:
        other.assign(tf.zeros_like(value))


def clear(variable: tf.Variable) -> None:
    """Zeros: on this replica inside of `strategy.run`, on all of them outside."""
    own = (variable,) if _in_replica(variable) else components(variable)
    for component in own:
        component.assign(tf.zeros_like(component))


def components(variable: tf.Variable) -> tuple[tf.Variable, ...]:
    """The components on this worker's replicas, without any reduction."""
    if not _is_distributed(variable):
        return (variable,)
    return variable.distribute_strategy.experimental_local_results(variable)


def _is_distributed(variable: tf.Variable) -> bool:
    return isinstance(variable, tf.distribute.DistributedValues)


def _in_replica(variable: tf.Variable) -> bool:
    if not tf.distribute.has_strategy() or tf.distribute.in_cross_replica_context():
        return False
    replicas = tf.distribute.get_replica_context().num_replicas_in_sync
    if replicas > 1 and not _is_distributed(variable):
        raise ValueError(
            "This metric made its state outside of the strategy, so its replicas would share one "
            "set of counts. Create the metric, and update it for the first time, inside "
            "strategy.scope() or strategy.run()."
        )
    return True
