"""`scope`: the variable scope of a call, and checks that a session can run what is made in it."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Sequence

import tensorflow as tf

from dist_f1.compat.v1.arguments import Options, TensorLike
from dist_f1.replicas import contexts

# The name here of each argument of the metrics, and a pattern of errors that mention it.
_ARGUMENTS = {
    "y_true": ("labels", r"\by_true\b"),
    "y_pred": ("predictions", r"\by_pred\b"),
    "sample_weight": ("weights", r"\bsample_weight\b"),
    "labels": ("averaged_labels", r"\blabels(=| holds| must)|Omit labels"),
}


@contextlib.contextmanager
def scope(function: str, tensors: Sequence[TensorLike | None], options: Options) -> Iterator[None]:
    """Enter the variable scope of a call; errors in it also name the arguments as here.

    Raises:
        RuntimeError: No graph is being built for a session.
        ValueError: The ops could not run in this context.
    """
    _check_context(function)
    try:
        with tf.compat.v1.variable_scope(options.get("name"), function, tensors):
            yield
    except ValueError as error:
        names = [
            f"{name} is {name_here}"
            for name, (name_here, pattern) in _ARGUMENTS.items()
            if re.search(pattern, str(error))
        ]
        if not names:
            raise
        raise ValueError(f"{error} (In dist_f1.compat.v1, {', '.join(names)}.)") from error


def _check_context(function: str) -> None:
    """Raise where no session could run the ops of a call.

    Raises:
        RuntimeError: No graph is being built, or that of a `tf.function`.
        ValueError: On TPU cores; in the scope of a strategy, but not in a replica; or with several
            replicas in a branch or a loop.
    """
    name = f"dist_f1.compat.v1.{function}"
    if not contexts.in_session_graph() or contexts.in_function():
        raise RuntimeError(
            f"{name} adds ops to the graph of a session, but TensorFlow is executing eagerly or "
            "tracing a tf.function. Call it in the model_fn of an Estimator or in "
            "`with tf.Graph().as_default():`. Elsewhere use a metric, e.g. dist_f1.F1Score."
        )
    strategy = tf.distribute.get_strategy()
    if contexts.is_tpu(strategy):
        raise ValueError(
            f"{name} does not run on TPU cores. Pass the tensors to the host (eval_metrics of "
            "TPUEstimatorSpec), or use a metric, e.g. dist_f1.F1Score."
        )
    if not tf.distribute.has_strategy():
        return
    if tf.distribute.in_cross_replica_context():
        raise ValueError(
            f"{name} was called in the scope of a strategy, but not in a replica. Call it in the "
            "function that is passed to strategy.run, or in a model_fn."
        )
    graph = tf.compat.v1.get_default_graph()
    if strategy.num_replicas_in_sync > 1 and graph.building_function:
        raise ValueError(
            f"{name} was called in a branch or a loop, where replicas cannot be summed. Call it "
            "outside, and pass weights of 0 for rows that should not count."
        )
