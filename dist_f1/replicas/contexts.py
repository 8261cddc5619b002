"""The context of a call: replica or cross-replica, strategy, graph, device."""

import concurrent.futures
from collections.abc import Callable
from typing import TypeVar

import tensorflow as tf
from tensorflow.python.ops import control_flow_util

T = TypeVar("T")

# TensorFlow 1 has separate classes of strategies.
_V1 = tf.compat.v1.distribute.experimental


def in_replica() -> bool:
    """Whether the caller is inside `strategy.run`."""
    return tf.distribute.has_strategy() and not tf.distribute.in_cross_replica_context()


@tf.autograph.experimental.do_not_convert
def call_eagerly(function: Callable[[], T]) -> T:
    """Call a function outside of any graph and of any strategy scope.

    Graphs and scopes are thread-local, so a new thread has none.
    """
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        return pool.submit(function).result()


def in_session_graph() -> bool:
    """Whether the current graph is one of TensorFlow 1, to be run by a session."""
    return not tf.compat.v1.executing_eagerly_outside_functions()


def refuse_session(action: str) -> None:
    """Raise `RuntimeError` in the graph of a session, which would not run the ops of a metric.

    Args:
        action: Participle of the action, e.g. `"updated"`.
    """
    if not in_session_graph():
        return
    pair = "a (value, update_op) pair, e.g. dist_f1.compat.v1.f1_score"
    # Only the default of a new thread shows whether execution is eager elsewhere in the process.
    with concurrent.futures.ThreadPoolExecutor(1) as thread:
        is_disabled = not thread.submit(tf.executing_eagerly).result()
    if is_disabled:
        raise RuntimeError(
            f"A metric was {action} while eager execution is disabled, so it would only add ops to "
            "the graph of a session. Remove tf.compat.v1.disable_eager_execution() or "
            f"disable_v2_behavior(), or use {pair}."
        )
    raise RuntimeError(
        f"A metric was {action} in the graph of a session (e.g. of tf.estimator), which would not "
        f"run its ops. In a model_fn, use {pair}. For model_to_estimator, compile the model "
        "without metrics of dist_f1, and add such pairs with tf.estimator.add_metrics."
    )


def is_tpu(strategy: tf.distribute.Strategy) -> bool:
    """Whether replicas are TPU cores."""
    return isinstance(
        strategy,
        tf.distribute.TPUStrategy | tf.distribute.experimental.TPUStrategy | _V1.TPUStrategy,
    )


# Strategies whose replicas are on devices of this process.
WITH_OWN_DEVICES = (
    tf.distribute.experimental.CentralStorageStrategy,
    tf.distribute.MultiWorkerMirroredStrategy,
)


def keeps_variables_centrally(strategy: tf.distribute.Strategy) -> bool:
    """Whether replicas share every variable, so that no variable has one component per replica."""
    return isinstance(
        strategy,
        tf.distribute.experimental.CentralStorageStrategy
        | tf.distribute.ParameterServerStrategy
        | tf.distribute.experimental.ParameterServerStrategy
        | _V1.CentralStorageStrategy
        | _V1.ParameterServerStrategy,
    )


def sums_on_one_device(strategy: tf.distribute.Strategy) -> bool:
    """Whether several replicas share memory, where a collective costs more than it saves.

    The threads of a collective wait for each other; a sum on one of the devices waits once.
    """
    devices = strategy.extended.worker_devices
    kinds = {tf.DeviceSpec.from_string(device).device_type for device in devices}
    is_shared = kinds == {"CPU"} and num_workers(strategy) == 1 and not is_tpu(strategy)
    return is_shared and strategy.num_replicas_in_sync > 1


def device_type(like: tf.Tensor) -> str:
    """Return `"TPU"`, `"GPU"` or `"CPU"`, the device of ops on this tensor, as far as known."""
    if tf.distribute.has_strategy() and is_tpu(tf.distribute.get_strategy()):
        return "TPU"
    # A dummy constant shows the device in scope, and costs nothing in a graph.
    placed = like if tf.executing_eagerly() else tf.constant(0)
    kind = tf.DeviceSpec.from_string(placed.device or "").device_type
    if kind in ("CPU", "GPU", "TPU"):
        return kind
    return "GPU" if kind is None and tf.config.list_logical_devices("GPU") else "CPU"


def is_compiled() -> bool:
    """Whether the current graph is traced for XLA (`jit_compile=True`)."""
    return control_flow_util.GraphOrParentsInXlaContext(tf.compat.v1.get_default_graph())


def may_compile() -> bool:
    """Whether a part of the current graph can be compiled by XLA, once for all calls."""
    return (
        not tf.executing_eagerly()
        and not in_session_graph()
        and not keeps_variables_centrally(tf.distribute.get_strategy())
    )


def num_workers(strategy: tf.distribute.Strategy) -> int:
    """Return the number of processes that run this program and share collectives."""
    if not isinstance(
        strategy, tf.distribute.MultiWorkerMirroredStrategy | _V1.MultiWorkerMirroredStrategy
    ):
        return 1
    resolver = strategy.cluster_resolver
    if resolver.task_type == "evaluator":
        return 1
    jobs = resolver.cluster_spec().as_dict()
    return max(1, sum(len(jobs.get(job, ())) for job in ("chief", "worker")))


def is_chief(strategy: tf.distribute.Strategy) -> bool:
    """Whether this process has replica 0."""
    if num_workers(strategy) == 1:
        return True
    resolver = strategy.cluster_resolver
    job = "chief" if "chief" in resolver.cluster_spec().jobs else "worker"
    return (resolver.task_type, resolver.task_id) == (job, 0)


def worker_index(strategy: tf.distribute.Strategy) -> int:
    """Return the index of this process among the workers; the chief is worker 0."""
    if num_workers(strategy) == 1:
        return 0
    resolver = strategy.cluster_resolver
    is_after_chief = "chief" in resolver.cluster_spec().jobs and resolver.task_type == "worker"
    return resolver.task_id + is_after_chief


def in_function() -> bool:
    """Whether the current graph is that of a function, not only of a branch or a loop."""
    graph = tf.compat.v1.get_default_graph()
    while graph.building_function:
        if not getattr(graph, "is_control_flow_graph", False):
            return True
        graph = graph.outer_graph
    return False


def is_called_from_control_flow() -> bool:
    """Whether the function being traced is called from a `tf.cond` or a `tf.while_loop`.

    Branches and loops inside the function do not count.
    """
    graph = tf.compat.v1.get_default_graph()
    in_function = False
    while graph is not None:
        if not getattr(graph, "is_control_flow_graph", False):
            in_function = True
        elif in_function:
            return True
        graph = getattr(graph, "outer_graph", None)
    return False
