"""Where we are called: in which context, under which strategy, inside which graph."""

from __future__ import annotations

import concurrent.futures
from collections.abc import Callable
from typing import TypeVar

import tensorflow as tf
from tensorflow.python.ops import control_flow_util

T = TypeVar("T")

# Strategies of TensorFlow 1, which are classes of their own.
_V1 = tf.compat.v1.distribute.experimental


def in_replica() -> bool:
    """Whether we are inside of `strategy.run`."""
    return tf.distribute.has_strategy() and not tf.distribute.in_cross_replica_context()


@tf.autograph.experimental.do_not_convert
def eagerly(function: Callable[[], T]) -> T:
    """Calls `function` where no graph is being built and no strategy is in scope.

    Both belong to the thread that entered them, and a new thread has entered none.
    """
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        return pool.submit(function).result()


def in_session_graph() -> bool:
    """Whether what is made now will be run by a session, as in TensorFlow 1."""
    return not tf.compat.v1.executing_eagerly_outside_functions()


def is_tpu(strategy: tf.distribute.Strategy) -> bool:
    """Whether replicas are TPU cores."""
    return isinstance(
        strategy,
        tf.distribute.TPUStrategy | tf.distribute.experimental.TPUStrategy | _V1.TPUStrategy,
    )


# Strategies whose replicas are on devices of this very process.
WITH_OWN_DEVICES = (
    tf.distribute.experimental.CentralStorageStrategy,
    tf.distribute.MultiWorkerMirroredStrategy,
)


def keeps_variables_centrally(strategy: tf.distribute.Strategy) -> bool:
    """Whether replicas share every variable, and none can have a component of its own."""
    return isinstance(
        strategy,
        tf.distribute.experimental.CentralStorageStrategy
        | tf.distribute.ParameterServerStrategy
        | tf.distribute.experimental.ParameterServerStrategy
        | _V1.CentralStorageStrategy
        | _V1.ParameterServerStrategy,
    )


def device_type(like: tf.Tensor) -> str:
    """`"TPU"`, `"GPU"` or `"CPU"`: where what is made of a tensor here will be, as far as known."""
    if tf.distribute.has_strategy() and is_tpu(tf.distribute.get_strategy()):
        return "TPU"
    # What is made here tells the device that is in scope. A constant costs nothing in a graph.
    made = like if tf.executing_eagerly() else tf.constant(0)
    named = tf.DeviceSpec.from_string(made.device or "").device_type
    if named in ("CPU", "GPU", "TPU"):
        return named
    return "GPU" if named is None and tf.config.list_logical_devices("GPU") else "CPU"


def is_compiled() -> bool:
    """Whether XLA compiles what is traced here (`jit_compile=True`)."""
    return control_flow_util.GraphOrParentsInXlaContext(tf.compat.v1.get_default_graph())


def may_compile() -> bool:
    """Whether a part of what is traced here can be handed to XLA, once for all its calls."""
    return (
        not tf.executing_eagerly()
        and not in_session_graph()
        and not keeps_variables_centrally(tf.distribute.get_strategy())
    )


def num_workers(strategy: tf.distribute.Strategy) -> int:
    """Processes that run this program side by side and meet in collectives."""
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
    """Whether this process holds the first of all replicas."""
    if num_workers(strategy) == 1:
        return True
    resolver = strategy.cluster_resolver
    job = "chief" if "chief" in resolver.cluster_spec().jobs else "worker"
    return (resolver.task_type, resolver.task_id) == (job, 0)


def worker_index(strategy: tf.distribute.Strategy) -> int:
    """The number of this process among those that work side by side."""
    if num_workers(strategy) == 1:
        return 0
    resolver = strategy.cluster_resolver
    behind_chief = "chief" in resolver.cluster_spec().jobs and resolver.task_type == "worker"
    return resolver.task_id + behind_chief


def in_function() -> bool:
    """Whether the graph being built is that of a function, and not of a branch or a loop."""
    graph = tf.compat.v1.get_default_graph()
    while graph.building_function:
        if not getattr(graph, "is_control_flow_graph", False):
            return True
        graph = graph.outer_graph
    return False


def is_called_from_control_flow() -> bool:
    """Whether the function being traced is called from a `tf.cond` or a `while_loop`.

    A loop or branch inside of that function does not count.
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
