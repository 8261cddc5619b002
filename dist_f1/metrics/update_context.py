"""Where a metric may be updated, and where Keras only asks for shapes."""

import sys

import tensorflow as tf

from dist_f1.replicas import contexts


def check(strategy: tf.distribute.Strategy) -> None:
    """Raise where an update would be lost, or counted more than once."""
    contexts.refuse_session("updated")
    if is_dry_run(strategy):
        return
    if not contexts.in_replica() and contexts.num_workers(strategy) > 1:
        raise ValueError(
            "update_state was called outside of strategy.run under a strategy with several "
            "workers, where it is unclear whether they pass the same rows or different ones. Call "
            "it inside strategy.run."
        )


def is_dry_run(strategy: tf.distribute.Strategy) -> bool:
    """Whether Keras 3 builds a model of several workers symbolically, outside of `strategy.run`.

    Keras runs a batch of dummies through the model and its metrics then. They must not be counted,
    and nothing may be sent, since other workers may be elsewhere.
    """
    if contexts.in_replica() or contexts.num_workers(strategy) == 1:
        return False
    scope = sys.modules.get("keras.src.backend.common.symbolic_scope")
    return scope is not None and bool(scope.in_symbolic_scope())
