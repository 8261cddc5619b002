"""From the replicas' own vectors to their sum, and what a strategy's variables allow for it.

A state is a vector on every replica; each adds to its own without telling the others. How it is
kept depends on the strategy that is in scope when it is made:

- Mirrored, TPU: one `ON_READ` variable with a component on each replica;
- MultiWorkerMirrored, CentralStorage, ParameterServer: `Vectors`, a variable for each replica
  that the strategy does not know. It would share a single one among replicas, or have all workers
  wait for each other when it is made;
- otherwise: one variable.

In the graph of a session it is one variable for each replica too, among the local ones.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any, NamedTuple

import tensorflow as tf

from dist_f1.replicas import all_reduce, contexts

_IN_STEP, _OUTSIDE = 0, 1


class Vectors(NamedTuple):
    """A variable for each replica of this worker, and where several work, its number of resets."""

    strategy: tf.distribute.Strategy
    variables: tuple[tf.Variable, ...]
    resets: tuple[tf.Variable, ...] = ()


def per_replica_zeros(size: int, dtype: tf.DType, name: str) -> Any:
    """A state of zeros for the current strategy.

    It may be called anywhere, also while a function is traced and inside `strategy.run`: the
    variables are created outside of the graph, once for all replicas. Nothing is sent.
    """
    with tf.init_scope():
        strategy = tf.distribute.get_strategy()
        if contexts.keeps_variables_centrally(strategy) or contexts.num_workers(strategy) > 1:
            return _vectors(strategy, size, dtype, name)
        return tf.Variable(
            tf.zeros([size], dtype),
            trainable=False,
            synchronization=tf.VariableSynchronization.ON_READ,
            aggregation=tf.VariableAggregation.SUM,
            name=name,
        )


def local_zeros(size: int, like: tf.Tensor, name: str) -> tf.Variable:
    """Zeros in the graph that is being built, for a session to initialise.

    The variable is among the local ones of the graph. On the replicas of a strategy each makes the
    call and gets a vector of its own, which it reads and adds to by the methods of the variable.

    Args:
        size: of the vector.
        like: a vector of the dtype, made where the counting is done.
        name: of the variable.

    Raises:
        ValueError: the replicas of the strategy could not have vectors of their own, or count some
            with weights and some without.
    """
    strategy = tf.distribute.get_strategy()
    if contexts.keeps_variables_centrally(strategy) and strategy.num_replicas_in_sync > 1:
        raise ValueError(
            f"Under {type(strategy).__name__}, replicas share their variables. In the graph of a "
            "session, count under MirroredStrategy, OneDeviceStrategy, or without a strategy."
        )
    keys = tf.compat.v1.GraphKeys
    # Otherwise a device function would put it on a parameter server, for all workers to share.
    here = like.device and not tf.distribute.has_strategy()
    with tf.device(like.device) if here else contextlib.nullcontext():
        # A resource is read as a whole; other variables of TensorFlow 1 may change meanwhile.
        state = tf.compat.v1.Variable(
            lambda: tf.zeros([size], like.dtype),
            trainable=False,
            use_resource=True,
            collections=[keys.LOCAL_VARIABLES, keys.METRIC_VARIABLES],
            synchronization=tf.VariableSynchronization.ON_READ,
            aggregation=tf.VariableAggregation.SUM,
            name=name,
        )
    if state.dtype.base_dtype != like.dtype:
        raise ValueError(
            "Some replicas count with weights and others without. Pass weights on all, of 1 where "
            "there are none."
        )
    return state


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
        tf.errors.InvalidArgumentError: workers are at different points of their programs.
        tf.errors.DeadlineExceededError: outside of a step, another worker did not read within
            `dist_f1.all_reduce.TIMEOUT_SECONDS`.
    """
    if not _is_distributed(state):
        return state.read_value()
    if _in_replica(state):
        return _read_in_replica(state, _IN_STEP)
    strategy = strategy_of(state)
    if contexts.num_workers(strategy) > 1:
        return _read_with_other_workers(strategy, state)
    foreign = tf.distribute.has_strategy() and strategy is not tf.distribute.get_strategy()
    if isinstance(state, Vectors) or foreign:
        # TensorFlow reduces only its own variables, and none in the scope of another strategy.
        values = [component.read_value() for component in components(state)]
        return tf.add_n(values) if len(values) > 1 else values[0]
    # A cross-replica read of an ON_READ variable sums its components.
    return tf.convert_to_tensor(state)


def derive_once(function: Callable[[tf.Tensor], Any], own: tf.Tensor) -> Any:
    """`function` of the sum of what all replicas have read, made once and not on each of them.

    In the graph of a session, all replicas then have the same tensors, which can be fetched.

    Args:
        function: from the sum to a nest of tensors.
        own: what this replica has read.
    """
    context = tf.distribute.get_replica_context()
    return context.merge_call(lambda _, values: function(all_reduce.all_reduce_sum(values)), (own,))


def set_sum(state: Any, value: tf.Tensor) -> None:
    """Sets the sum over replicas: the first vector of all becomes `value`, the others zero."""
    for index, component in enumerate(components(state)):
        first = index == 0 and _holds_first(state)
        component.assign(value if first else tf.zeros_like(value))


def clear(state: Any) -> None:
    """Zeros: on this replica inside of `strategy.run`, on all of them outside."""
    inside = _in_replica(state)
    for component in (_own(state),) if inside else components(state):
        component.assign(tf.zeros_like(component))
    if isinstance(state, Vectors) and state.resets:
        for resets in (state.resets[_local_replica(state)],) if inside else state.resets:
            resets.assign_add(1)


def strategy_of(state: Any) -> tf.distribute.Strategy:
    """The strategy that the state belongs to, or the current one if it belongs to none."""
    if isinstance(state, Vectors):
        return state.strategy
    return getattr(state, "distribute_strategy", None) or tf.distribute.get_strategy()


def dtype(state: Any) -> tf.DType:
    """The dtype of the vector."""
    return components(state)[0].dtype


def components(state: Any) -> tuple[tf.Variable, ...]:
    """The vectors of this worker's replicas, without any reduction."""
    if isinstance(state, Vectors):
        return state.variables
    if not _is_distributed(state):
        return (state,)
    return state.distribute_strategy.experimental_local_results(state)


def _read_with_other_workers(strategy: tf.distribute.Strategy, state: Any) -> tf.Tensor:
    with all_reduce.waiting_for_workers():
        values = strategy.run(lambda: _read_in_replica(state, _OUTSIDE))
    return strategy.experimental_local_results(values)[0]


def _read_in_replica(state: Any, where: int) -> tf.Tensor:
    context = tf.distribute.get_replica_context()
    own = _own(state).read_value()
    if contexts.num_workers(context.strategy) == 1:
        return all_reduce.all_reduce_sum(own)
    # Workers pair their collectives by order alone. Where one has run fewer steps than another,
    # its next read would meet one that is about other rows. The stamp tells: whether the read is
    # inside of a step, and after how many resets.
    resets = state.resets[_local_replica(state)].read_value()
    stamp = tf.cast(2 * resets + where, own.dtype)
    options = all_reduce.with_timeout() if where == _OUTSIDE else None
    total = all_reduce.sum_vector(tf.concat([own, [stamp]], axis=0), options)
    agree = tf.debugging.Assert(
        tf.equal(total[-1], stamp * context.num_replicas_in_sync),
        [
            "The workers did not read a metric at the same point: some inside of a step and others "
            "after it, or before a reset and others after it. Every worker must run the same "
            "number of steps and read the same metrics in the same order; with "
            'sync="epoch" nothing is sent inside of a step.'
        ],
    )
    with tf.control_dependencies([agree] if agree is not None else []):
        return tf.identity(total[:-1])


def _vectors(strategy: tf.distribute.Strategy, size: int, dtype: tf.DType, name: str) -> Vectors:
    devices = strategy.extended.worker_devices
    if not isinstance(strategy, contexts.WITH_OWN_DEVICES):
        # Workers come and go; what they share is kept by a parameter server.
        server = tf.Variable(0, trainable=False, name=f"{name}_device").device
        devices = [server] * strategy.num_replicas_in_sync
    several = contexts.num_workers(strategy) > 1

    def make() -> Vectors:
        variables, resets = [], []
        for index, device in enumerate(devices):
            with tf.device(device):
                zeros = tf.zeros([size], dtype)
                variables.append(tf.Variable(zeros, trainable=False, name=f"{name}_{index}"))
                if several:
                    zero = tf.zeros([], tf.int64)
                    resets.append(tf.Variable(zero, trainable=False, name=f"{name}_resets"))
        return Vectors(strategy, tuple(variables), tuple(resets))

    # In its scope the strategy would make variables of its own.
    return contexts.eagerly(make)


def _own(state: Any) -> tf.Variable:
    """This replica's vector, inside of `strategy.run`."""
    return state.variables[_local_replica(state)] if isinstance(state, Vectors) else state


def _local_replica(state: Vectors) -> int:
    """The number of this replica among those of its worker, each of which has as many."""
    replica = tf.distribute.get_replica_context().replica_id_in_sync_group
    return (tf.get_static_value(replica) or 0) % len(state.variables)


def _is_distributed(state: Any) -> bool:
    return isinstance(state, Vectors | tf.distribute.DistributedValues)


def _holds_first(state: Any) -> bool:
    """Whether the first replica of all is on this worker."""
    return not _is_distributed(state) or contexts.is_chief(strategy_of(state))


def _in_replica(state: Any) -> bool:
    if not contexts.in_replica():
        return False
    context = tf.distribute.get_replica_context()
    strategy = context.strategy
    shared = context.num_replicas_in_sync > 1 or contexts.keeps_variables_centrally(strategy)
    if shared and not _is_distributed(state):
        raise ValueError(
            "This metric made its state outside of the strategy, so its replicas would share one "
            "set of counts. Create the metric, and update it for the first time, inside "
            "strategy.scope() or strategy.run()."
        )
    if isinstance(state, Vectors) and state.strategy is not strategy:
        raise ValueError(
            f"This metric counts under {type(state.strategy).__name__}, and was used in a replica "
            f"of another strategy, {type(strategy).__name__}. Make a metric for each strategy."
        )
    return True
