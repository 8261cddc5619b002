"""`scope`: where in a graph a pair is made, and whether it can be made there."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from typing import Any

import tensorflow as tf

from dist_f1.compat.v1.arguments import Options
from dist_f1.replicas import contexts

# What each argument of the metrics is called, and what an error that speaks of it looks like.
_OUR_NAMES = {
    "y_true": ("labels", r"\by_true\b"),
    "y_pred": ("predictions", r"\by_pred\b"),
    "sample_weight": ("weights", r"\bsample_weight\b"),
    "labels": ("averaged_labels", r"\blabels(=| holds| must)"),
}


@contextlib.contextmanager
def scope(function: str, given: list[Any], options: Options) -> Iterator[None]:
    """The variable scope of a call, in which errors say what the arguments are called here.

    Args:
        function: the one that is called.
        given: its tensors.
        options: its `name`, if there is one.

    Raises:
        RuntimeError: no graph is being built for a session.
        ValueError: what is called could not run in this place of the graph.
    """
    _check_place(function)
    try:
        with tf.compat.v1.variable_scope(options.get("name"), function, given):
            yield
    except ValueError as error:
        theirs = [name for name, (_, found) in _OUR_NAMES.items() if re.search(found, str(error))]
        if not theirs:
            raise
        names = ", ".join(f"{name} is {_OUR_NAMES[name][0]}" for name in theirs)
        raise ValueError(f"{error} (In dist_f1.compat.v1, {names}.)") from error


def _check_place(function: str) -> None:
    """Raises where no session could run what is about to be made.

    Raises:
        RuntimeError: no graph is being built, or that of a `tf.function`.
        ValueError: on TPU cores; in the scope of a strategy, but not on its replicas; on several
            replicas, in a branch or a loop.
    """
    called = f"dist_f1.compat.v1.{function}"
    if not contexts.in_session_graph() or contexts.in_function():
        raise RuntimeError(
            f"{called} adds to the graph of a session, and none is being built: TensorFlow "
            "executes eagerly, or builds a tf.function. Call it in the model_fn of an Estimator or "
            "in `with tf.Graph().as_default():`. Elsewhere use the metrics, dist_f1.F1Score."
        )
    if contexts.is_tpu(tf.distribute.get_strategy()):
        raise ValueError(
            f"{called} does not run on TPU cores. Give the tensors to the host (eval_metrics of "
            "TPUEstimatorSpec), or use the metrics, dist_f1.F1Score."
        )
    if not tf.distribute.has_strategy():
        return
    if tf.distribute.in_cross_replica_context():
        raise ValueError(
            f"{called} was called in the scope of a strategy, but not on its replicas. Call it in "
            "the function that is given to strategy.run, or in a model_fn."
        )
    graph = tf.compat.v1.get_default_graph()
    if tf.distribute.get_strategy().num_replicas_in_sync > 1 and graph.building_function:
        raise ValueError(
            f"{called} was called in a branch or a loop, where the replicas cannot be added up. "
            "Call it outside, and pass weights of 0 where nothing is to be counted."
        )
