"""What tf-keras (Keras 2) does with a metric's value inside of a step, and Keras 3 does not.

tf-keras replaces `result` of every metric object by a wrapper that calls it in cross-replica
context, so that it reads the variables of all replicas. And its `fit` and `evaluate` add up what
the replicas return, if it is not the same object on all of them; with several workers they
always do, although the value is global already.
"""

from __future__ import annotations

import sys
from typing import Any

import tensorflow as tf

from dist_f1.replicas import contexts

IS_LEGACY = not hasattr(tf.keras, "ops")


def bypasses_wrapper(sync: str) -> bool:
    """Whether `result` must be called in the replica itself, and not by way of the wrapper.

    With `sync="epoch"` nothing may be read from other replicas. With several workers the value
    is corrected for the sum over workers, for which each replica needs one of its own. And a
    single replica can be read inside of a branch or a compiled function, where the wrapper fails.
    On a TPU what the wrapper calls still runs on the core, and would read that core's part alone.
    """
    if not IS_LEGACY or not contexts.in_replica():
        return False
    strategy = tf.distribute.get_strategy()
    single = strategy.num_replicas_in_sync == 1
    return (
        sync == "epoch" or single or contexts.is_tpu(strategy) or contexts.num_workers(strategy) > 1
    )


def undo_sum(value: Any) -> Any:
    """`value`, divided by the replicas if `fit` or `evaluate` is going to add it up over them.

    The sum is then the value itself (or, where replicas differ, their mean).
    """
    replicas = tf.distribute.get_strategy().num_replicas_in_sync
    if replicas == 1 or not _is_summed_by_model():
        return value
    return tf.nest.map_structure(lambda x: x / tf.cast(replicas, x.dtype), value)


def _is_summed_by_model() -> bool:
    """Whether we are called by a step of `Model.fit` or `Model.evaluate` that adds results up.

    Nothing but the call itself tells: a model does not introduce itself to its metrics, and a
    custom loop must get the value as it is.
    """
    frame = sys._getframe(1)
    while frame is not None:
        module = frame.f_globals.get("__name__", "")
        if frame.f_code.co_name == "run_step" and module.endswith("engine.training"):
            model = frame.f_locals.get("model")
            method = getattr(model, "distribute_reduction_method", "auto")
            # On TPUs, "auto" takes the value of the first core.
            on_tpu = contexts.is_tpu(tf.distribute.get_strategy())
            return method == "sum" or (method == "auto" and not on_tpu)
        frame = frame.f_back  # type: ignore[assignment]
    return False
