"""Sums of per-replica count vectors under any strategy.

The state is one vector on each replica, to which the replica adds without communication. Its kind
depends on the strategy in scope when it is created:

- Mirrored, TPU: one `ON_READ` variable with a component on each replica.
- MultiWorkerMirrored, CentralStorage, ParameterServer: `PerReplicaVariables`, one variable for each
  replica, created outside of the strategy. The strategy itself would share one variable among the
  replicas, or make all workers wait for each other at the creation.
- Otherwise: one variable. In a session graph, each replica has its own local variable too.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import NamedTuple, TypeAlias, TypeVar

import tensorflow as tf

from dist_f1.replicas import all_reduce, contexts

T = TypeVar("T")
State: TypeAlias = "tf.Variable | PerReplicaVariables"
Derive: TypeAlias = Callable[[State, Callable[[tf.Tensor], T]], T]

_IN_STEP, _OUTSIDE = 0, 1


class PerReplicaVariables(NamedTuple):
    """One variable for each replica of this worker.

    Fields:
        strategy: The strategy of the replicas.
        variables: Count vectors.
        resets: Scalars, the number of resets of each vector; only with several workers.
    """

    strategy: tf.distribute.Strategy
    variables: tuple[tf.Variable, ...]
    resets: tuple[tf.Variable, ...] = ()


def per_replica_zeros(size: int, dtype: tf.DType, name: str) -> State:
    """Create a state of zeros for the current strategy, without communication.

    The call may be anywhere, also in a traced function and inside `strategy.run`: the variables are
    created outside of the graph, once for all replicas.
    """
    with tf.init_scope():
        strategy = tf.distribute.get_strategy()
        if contexts.keeps_variables_centrally(strategy) or contexts.num_workers(strategy) > 1:
            return _per_replica_variables(strategy, size, dtype, name)
        return tf.Variable(
            tf.zeros([size], dtype),
            trainable=False,
            synchronization=tf.VariableSynchronization.ON_READ,
            aggregation=tf.VariableAggregation.SUM,
            name=name,
        )


def local_zeros(size: int, like: tf.Tensor, name: str) -> tf.Variable:
    """Create zeros in the current graph, as a local variable that a session initializes.

    Under a strategy, each replica makes the call and gets its own vector, which it reads and
    updates by the methods of the variable. The dtype and the device are those of `like`.

    Raises:
        ValueError: The replicas cannot have separate vectors, or some replicas count with weights
            and others without.
    """
    strategy = tf.distribute.get_strategy()
    if contexts.keeps_variables_centrally(strategy) and strategy.num_replicas_in_sync > 1:
        raise ValueError(
            f"Under {type(strategy).__name__}, replicas share their variables. In a session graph, "
            "count under MirroredStrategy, OneDeviceStrategy, or without a strategy."
        )
    keys = tf.compat.v1.GraphKeys
    # A device function could place it on a parameter server, where all workers would share it.
    pins_device = like.device and not tf.distribute.has_strategy()
    with tf.device(like.device) if pins_device else contextlib.nullcontext():
        # A resource is read atomically; reference variables may change during a read.
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
            "Some replicas count with weights and others without. Pass weights on all replicas, "
            "e.g. 1 for each row."
        )
    return state


def add(state: State, value: tf.Tensor) -> None:
    """Add to this replica's vector, without communication.

    Outside of `strategy.run`, every worker has the same value. It is added to the vector of
    replica 0, so that it counts once.
    """
    if _in_replica(state):
        _own(state).assign_add(value)
    elif _has_replica_0(state):
        components(state)[0].assign_add(value)


def read_locally(state: State) -> tf.Tensor:
    """Return this replica's vector; outside of `strategy.run`, the sum over replicas."""
    return _own(state).read_value() if _in_replica(state) else read_sum(state)


def read_sum(state: State) -> tf.Tensor:
    """Return the sum over all replicas, on each of them, with one collective.

    With several workers, each worker must make the call at the same point of the program: in the
    same step, or outside of it.

    Raises:
        tf.errors.InvalidArgumentError: Workers are at different points of the program.
        tf.errors.DeadlineExceededError: Outside of a step, another worker did not read within
            `dist_f1.all_reduce.TIMEOUT_SECONDS`.
    """
    if not _is_distributed(state):
        return components(state)[0].read_value()
    if _in_replica(state):
        return _read_in_replica(state, _IN_STEP)
    strategy = strategy_of(state)
    if contexts.num_workers(strategy) > 1:
        with all_reduce.explain_timeout():
            values = strategy.run(lambda: _read_in_replica(state, _OUTSIDE))
        return strategy.experimental_local_results(values)[0]
    is_foreign = tf.distribute.has_strategy() and strategy is not tf.distribute.get_strategy()
    if isinstance(state, PerReplicaVariables) or is_foreign:
        # TensorFlow only sums its own variables, and none in the scope of another strategy.
        values = [component.read_value() for component in components(state)]
        return tf.add_n(values) if len(values) > 1 else values[0]
    # A cross-replica read of an ON_READ variable sums its components.
    return tf.convert_to_tensor(state)


def derive(state: State, function: Callable[[tf.Tensor], T]) -> T:
    """Apply a function to `read_sum`; only once in a step whose replicas share memory."""
    is_step = not tf.executing_eagerly() and _is_distributed(state) and _in_replica(state)
    if is_step and contexts.sums_on_one_device(strategy_of(state)):
        # If all replicas returned the same tensor, `strategy.run` would return one value.
        return tf.nest.map_structure(tf.identity, derive_once(function, _own(state).read_value()))
    return function(read_sum(state))


def derive_once(function: Callable[[tf.Tensor], T], own: tf.Tensor) -> T:
    """Apply a function to the sum of the replicas' own vectors once, not on each replica.

    All replicas then have the same tensors, which can be fetched in a session graph.
    """
    context = tf.distribute.get_replica_context()
    with all_reduce.explain_control_flow():
        return context.merge_call(lambda _, x: function(all_reduce.all_reduce_sum(x)), (own,))


def set_sum(state: State, value: tf.Tensor) -> None:
    """Set the sum over replicas: the vector of replica 0 becomes `value`, all others 0."""
    for index, component in enumerate(components(state)):
        is_replica_0 = index == 0 and _has_replica_0(state)
        component.assign(value if is_replica_0 else tf.zeros_like(value))


def clear(state: State) -> None:
    """Set this replica's vector to 0; outside of `strategy.run`, the vectors of all replicas."""
    in_replica = _in_replica(state)
    for component in (_own(state),) if in_replica else components(state):
        component.assign(tf.zeros_like(component))
    if isinstance(state, PerReplicaVariables) and state.resets:
        for resets in (state.resets[_local_replica(state)],) if in_replica else state.resets:
            resets.assign_add(1)


def strategy_of(state: State | None) -> tf.distribute.Strategy:
    """Return the strategy of the state; the current strategy if the state has none."""
    if isinstance(state, PerReplicaVariables):
        return state.strategy
    return getattr(state, "distribute_strategy", None) or tf.distribute.get_strategy()


def dtype(state: State) -> tf.DType:
    """Return the dtype of the vector."""
    return components(state)[0].dtype


def components(state: State) -> tuple[tf.Variable, ...]:
    """Return the vectors of this worker's replicas."""
    if isinstance(state, PerReplicaVariables):
        return state.variables
    if not _is_distributed(state):
        return (state,)
    return state.distribute_strategy.experimental_local_results(state)


def _read_in_replica(state: State, place: int) -> tf.Tensor:
    context = tf.distribute.get_replica_context()
    own = _own(state).read_value()
    if contexts.num_workers(context.strategy) == 1:
        return all_reduce.all_reduce_sum(own)
    # Workers match collectives by order, not by content. If one has run fewer steps than another,
    # its next read is matched with a read of other rows. The tag detects this: it encodes the reset
    # count and the call site.
    resets = state.resets[_local_replica(state)].read_value()
    tag = tf.cast(2 * resets + place, own.dtype)
    options = all_reduce.timeout_options() if place == _OUTSIDE else None
    total = all_reduce.sum_vector(tf.concat([own, [tag]], axis=0), options)
    check = tf.debugging.Assert(
        tf.equal(total[-1], tag * context.num_replicas_in_sync),
        [
            "The workers did not read a metric at the same point: some inside of a step and others "
            "after it, or before a reset and others after it. Every worker must run the same "
            "number of steps and read the same metrics in the same order; with "
            'sync="epoch" nothing is sent inside of a step.'
        ],
    )
    with tf.control_dependencies([check] if check is not None else []):
        return tf.identity(total[:-1])


def _per_replica_variables(
    strategy: tf.distribute.Strategy, size: int, dtype: tf.DType, name: str
) -> PerReplicaVariables:
    devices = strategy.extended.worker_devices
    if not isinstance(strategy, contexts.WITH_OWN_DEVICES):
        # Workers may stop; a parameter server keeps what they share.
        server = tf.Variable(0, trainable=False, name=f"{name}_device").device
        devices = [server] * strategy.num_replicas_in_sync
    multi_worker = contexts.num_workers(strategy) > 1

    def create() -> PerReplicaVariables:
        variables, resets = [], []
        for index, device in enumerate(devices):
            with tf.device(device):
                zeros = tf.zeros([size], dtype)
                variables.append(tf.Variable(zeros, trainable=False, name=f"{name}_{index}"))
                if multi_worker:
                    zero = tf.zeros([], tf.int64)
                    resets.append(tf.Variable(zero, trainable=False, name=f"{name}_resets"))
        return PerReplicaVariables(strategy, tuple(variables), tuple(resets))

    # In its scope, the strategy would create distributed variables.
    return contexts.call_eagerly(create)


def _own(state: State) -> tf.Variable:
    """Return this replica's vector, inside `strategy.run`."""
    if isinstance(state, PerReplicaVariables):
        return state.variables[_local_replica(state)]
    return state


def _local_replica(state: PerReplicaVariables) -> int:
    """Return the index of this replica on its worker. All workers have as many replicas."""
    replica = tf.distribute.get_replica_context().replica_id_in_sync_group
    return (tf.get_static_value(replica) or 0) % len(state.variables)


def _is_distributed(state: State) -> bool:
    return isinstance(state, PerReplicaVariables | tf.distribute.DistributedValues)


def _has_replica_0(state: State) -> bool:
    return not _is_distributed(state) or contexts.is_chief(strategy_of(state))


def _in_replica(state: State) -> bool:
    """Whether the caller is inside `strategy.run` of the state's strategy.

    Raises:
        ValueError: The caller is inside `strategy.run` of another strategy.
    """
    if not contexts.in_replica():
        return False
    context = tf.distribute.get_replica_context()
    strategy = context.strategy
    is_shared = context.num_replicas_in_sync > 1 or contexts.keeps_variables_centrally(strategy)
    if is_shared and not _is_distributed(state):
        raise ValueError(
            "This metric made its state outside of the strategy, so its replicas would share one "
            "set of counts. Create the metric, and update it for the first time, inside "
            "strategy.scope() or strategy.run()."
        )
    owner = strategy_of(state)
    if _is_distributed(state) and owner is not strategy:
        raise ValueError(
            f"This metric counts under one {type(owner).__name__}, and was used in a replica of "
            f"another strategy, a {type(strategy).__name__}. Make one metric for each strategy."
        )
    return True
