"""Corrections for tf-keras (Keras 2), which changes the value of a metric inside a step.

tf-keras wraps `result` of every metric object, to call it in cross-replica context where it reads
the variables of all replicas. Its `fit` and `evaluate` sum the values that the replicas return,
unless all return the same object. With several workers they always sum, although the value is
already global.
"""

import sys
from collections.abc import Callable
from typing import Any

import tensorflow as tf

from dist_f1.replicas import all_reduce, contexts

IS_LEGACY = not hasattr(tf.keras, "ops")


def bypasses_wrapper(sync: str) -> bool:
    """Whether `result` must be called in the replica, without the wrapper.

    With `sync="epoch"` nothing may be read from other replicas. With several workers each replica
    needs its own value, to correct it for the sum over workers. A single replica can be read inside
    a branch or a compiled function, where the wrapper fails. On a TPU the wrapper would run on the
    core too, and would read the counts of that core only.
    """
    if not IS_LEGACY or not contexts.in_replica():
        return False
    strategy = tf.distribute.get_strategy()
    single = strategy.num_replicas_in_sync == 1
    return (
        sync == "epoch" or single or contexts.is_tpu(strategy) or contexts.num_workers(strategy) > 1
    )


def undo_sum(value: Any) -> Any:
    """Divide a value by the number of replicas if `fit` or `evaluate` will sum it over them.

    The sum is then the value (or, where replicas differ, their mean).
    """
    replicas = tf.distribute.get_strategy().num_replicas_in_sync
    if replicas == 1 or not _is_summed_by_model():
        return value
    return tf.nest.map_structure(lambda x: x / tf.cast(replicas, x.dtype), value)


def choose_result(metric: Any) -> Callable[[], Any]:
    """Return `result` with the wrapper of tf-keras or without, whichever is exact."""
    wrapped = metric.result

    def result() -> Any:
        if bypasses_wrapper(metric.sync):
            return undo_sum(type(metric).result(metric))
        with all_reduce.explain_control_flow():
            return wrapped()

    return result


def _is_summed_by_model() -> bool:
    """Whether the caller is a step of `Model.fit` or `Model.evaluate` that sums results.

    Only the call stack shows it: a metric has no reference to its model, and a custom loop must
    get the value unchanged.
    """
    frame = sys._getframe(1)
    while frame is not None:
        module = frame.f_globals.get("__name__", "")
        if frame.f_code.co_name == "run_step" and module.endswith("engine.training"):
            model = frame.f_locals.get("model")
            method = getattr(model, "distribute_reduction_method", "auto")
            # On a TPU, "auto" takes the value of the first core.
            on_tpu = contexts.is_tpu(tf.distribute.get_strategy())
            return method == "sum" or (method == "auto" and not on_tpu)
        frame = frame.f_back  # type: ignore[assignment]
    return False
