"""From the replicas' own vectors to their sum, and what a strategy's variables allow for it.

A state is a vector on every replica; each adds to its own without telling the others. How it is
kept depends on the strategy that is in scope when it is made:

- Mirrored, MultiWorkerMirrored, TPU: one `ON_READ` variable with a component on each replica;
- CentralStorage, ParameterServer: a tuple of variables, one for each replica, since the strategy
  shares every variable of its own among them;
- otherwise: one variable.
"""

from __future__ import annotations

import threading
from typing import Any

import tensorflow as tf

from dist_f1 import all_reduce, contexts

# How long a read outside of a step waits for the other workers, in seconds, before it raises
# `tf.errors.DeadlineExceededError`. A worker that never reads would make the others wait forever.
TIMEOUT_SECONDS = 600.0

_IN_STEP, _OUTSIDE = 0, 1


def per_replica_zeros(size: int, dtype: tf.DType, name: str) -> Any:
    """A state of zeros for the current strategy.

    It may be called anywhere, also while a function is traced and inside `strategy.run`: the
    variables are created outside of the graph, once for all replicas.
    """
    with tf.init_scope():
        strategy = tf.distribute.get_strategy()
        if contexts.keeps_variables_centrally(strategy):
            return _one_for_each(strategy, size, dtype, name)
        return tf.Variable(
            tf.zeros([size], dtype),
            trainable=False,
            synchronization=tf.VariableSynchronization.ON_READ,
            aggregation=tf.VariableAggregation.SUM,
            name=name,
        )


def add(state: Any, value: tf.Tensor) -> None:
    """Adds to this replica's own vector and sends nothing.

    Outside of `strategy.run` there is no own vector: the value, which is then the same on each
    worker, is added to the first one of all, so that it counts once.
    """
    if _in_replica(state):
        _own(state).assign_add(value)
    elif _holds_first(state):
        components(state)[0].assign_add(value)


def read_locally(state: Any) -> tf.Tensor:
    """This replica's own vector; outside of `strategy.run` the sum over replicas."""
    return _own(state).read_value() if _in_replica(state) else read_sum(state)


def read_sum(state: Any) -> tf.Tensor:
    """The sum over all replicas, the same on each of them, as one collective.

    With several workers, each has to make the call, all of them at the same point: inside of the
    same step, or outside of it.

    Raises:
        tf.errors.InvalidArgumentError: some workers read inside of a step and others outside.
        tf.errors.DeadlineExceededError: outside of a step, another worker did not read within
            `TIMEOUT_SECONDS`.
    """
    if not _is_distributed(state):
        return state.read_value()
    if _in_replica(state):
        return _read_in_replica(state, _IN_STEP)
    strategy = strategy_of(state)
    if contexts.num_workers(strategy) > 1:
        return _read_with_other_workers(strategy, state)
    foreign = tf.distribute.has_strategy() and strategy is not tf.distribute.get_strategy()
    if isinstance(state, tuple) or foreign:
        # TensorFlow reduces only its own variables, and none in the scope of another strategy.
        values = [component.read_value() for component in components(state)]
        return tf.add_n(values) if len(values) > 1 else values[0]
    # A cross-replica read of an ON_READ variable sums its components.
    return tf.convert_to_tensor(state)


def set_sum(state: Any, value: tf.Tensor) -> None:
    """Sets the sum over replicas: the first vector of all becomes `value`, the others zero."""
    for index, component in enumerate(components(state)):
        first = index == 0 and _holds_first(state)
        component.assign(value if first else tf.zeros_like(value))


def clear(state: Any) -> None:
    """Zeros: on this replica inside of `strategy.run`, on all of them outside."""
    own = (_own(state),) if _in_replica(state) else components(state)
    for component in own:
        component.assign(tf.zeros_like(component))


def strategy_of(state: Any) -> tf.distribute.Strategy:
    """The strategy that the state belongs to, or the current one if it belongs to none."""
    return getattr(state, "distribute_strategy", None) or tf.distribute.get_strategy()


def dtype(state: Any) -> tf.DType:
    """The dtype of the vector."""
    return components(state)[0].dtype


def components(state: Any) -> tuple[tf.Variable, ...]:
    """The vectors of this worker's replicas, without any reduction."""
    if isinstance(state, tuple):
        return state
    if not _is_distributed(state):
        return (state,)
    return state.distribute_strategy.experimental_local_results(state)


def _read_with_other_workers(strategy: tf.distribute.Strategy, state: Any) -> tf.Tensor:
    try:
        values = strategy.run(lambda: _read_in_replica(state, _OUTSIDE))
    except tf.errors.DeadlineExceededError as error:
        message = (
            f"Another worker did not read this metric within {TIMEOUT_SECONDS:g} s. Outside of a "
            "step, a read needs all workers: call result(), counts() or report() on each of them, "
            "not on the chief alone, and save checkpoints on each. A longer wait is set with "
            "dist_f1.reduction.TIMEOUT_SECONDS."
        )
        raise tf.errors.DeadlineExceededError(error.node_def, error.op, message) from error
    return strategy.experimental_local_results(values)[0]


def _read_in_replica(state: Any, where: int) -> tf.Tensor:
    context = tf.distribute.get_replica_context()
    own = _own(state).read_value()
    if contexts.num_workers(context.strategy) == 1:
        return all_reduce.all_reduce_sum(own)
    # Workers pair their collectives by order alone. Where one has run fewer steps than another,
    # its read after the last step would meet the other's read inside of a step; the stamp tells.
    options = None
    if where == _OUTSIDE:
        options = tf.distribute.experimental.CommunicationOptions(timeout_seconds=TIMEOUT_SECONDS)
    stamped = tf.concat([own, tf.constant([where], own.dtype)], axis=0)
    total = all_reduce.sum_vector(stamped, options)
    expected = tf.constant(where * context.num_replicas_in_sync, own.dtype)
    agree = tf.debugging.Assert(
        tf.equal(total[-1], expected),
        [
            "The workers did not read a metric at the same point: some inside of a step, others "
            "after it. Every worker must run the same number of steps and read the same metrics "
            'in the same order; with sync="epoch" nothing is sent inside of a step.'
        ],
    )
    with tf.control_dependencies([agree] if agree is not None else []):
        return tf.identity(total[:-1])


def _one_for_each(
    strategy: tf.distribute.Strategy, size: int, dtype: tf.DType, name: str
) -> tuple[tf.Variable, ...]:
    if isinstance(strategy, tf.distribute.experimental.CentralStorageStrategy):
        devices = strategy.extended.worker_devices
    else:
        # Workers come and go; what they share is kept by a parameter server.
        server = tf.Variable(0, trainable=False, name=f"{name}_device").device
        devices = [server] * strategy.num_replicas_in_sync
    made: list[tf.Variable] = []

    def make() -> None:
        for index, device in enumerate(devices):
            with tf.device(device):
                zeros = tf.zeros([size], dtype)
                made.append(tf.Variable(zeros, trainable=False, name=f"{name}_{index}"))

    # A strategy replaces the variables of the thread that entered its scope; a new thread has
    # entered none.
    thread = threading.Thread(target=make)
    thread.start()
    thread.join()
    return tuple(made)


def _own(state: Any) -> tf.Variable:
    """This replica's vector, inside of `strategy.run`."""
    if not isinstance(state, tuple):
        return state
    replica = tf.distribute.get_replica_context().replica_id_in_sync_group
    return state[tf.get_static_value(replica) or 0]


def _is_distributed(state: Any) -> bool:
    return isinstance(state, tuple | tf.distribute.DistributedValues)


def _holds_first(state: Any) -> bool:
    """Whether the first replica of all is on this worker."""
    if isinstance(state, tuple) or not _is_distributed(state):
        return True
    return contexts.is_chief(state.distribute_strategy)


def _in_replica(state: Any) -> bool:
    if not contexts.in_replica():
        return False
    context = tf.distribute.get_replica_context()
    shared = context.num_replicas_in_sync > 1 or contexts.keeps_variables_centrally(
        context.strategy
    )
    if shared and not _is_distributed(state):
        raise ValueError(
            "This metric made its state outside of the strategy, so its replicas would share one "
            "set of counts. Create the metric, and update it for the first time, inside "
            "strategy.scope() or strategy.run()."
        )
    return True
