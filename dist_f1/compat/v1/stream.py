"""`Stream`: the counts of batch after batch, in a local variable of the graph being built."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from dist_f1 import contexts, reduction
from dist_f1.counts import Counts
from dist_f1.layout import Layout
from dist_f1.report import why_invalid

Derived = Callable[[Counts], Any]


class Stream:
    """Adds up `Counts` on each replica and derives from their sum over all replicas.

    Like `Accumulator`, but for the graph of a session, where the order of operations is none but
    what control dependencies say: the counts are read before they are added to.

    Args:
        counts: of a batch, one set on each replica.
        layout: of the counts.
    """

    def __init__(self, counts: Counts, layout: Layout) -> None:
        self._layout = layout
        vector = layout.pack(counts)
        self._state = reduction.local_zeros(layout.size, vector.dtype, "counts")
        self._before = reduction.read_locally(self._state)
        # A value of several replicas would be of no point in time if some had added by then.
        with tf.control_dependencies([self._before]):
            self._update = reduction.add(self._state, vector)

    def value(self, derive: Derived, collections: Any = None) -> Any:
        """What `derive` makes of the counts of all replicas before the update, once for all."""

        def derived(total: tf.Tensor) -> Any:
            return _collected(self._named(derive, total, "value"), collections)

        return reduction.derive_once(derived, self._before)

    def update(self, derive: Derived, collections: Any = None) -> Any:
        """The same of the counts after the update; with several replicas the operation alone."""
        if tf.distribute.get_replica_context().num_replicas_in_sync > 1:
            return self.operation(collections)
        with tf.control_dependencies([self._update]):
            after = reduction.read_locally(self._state)
        return _collected(self._named(derive, after, "update_op"), collections)

    def operation(self, collections: Any = None) -> tf.Operation:
        """The update, which has no value."""
        return _collected(tf.group(self._update, name="update_op"), collections)

    def _named(self, derive: Derived, vector: tf.Tensor, name: str) -> Any:
        value = derive(self._layout.unpack(vector))
        return tf.nest.map_structure(lambda tensor: tf.identity(tensor, name=name), value)


def _collected(made: Any, collections: Any) -> Any:
    for one in tf.nest.flatten(made) if collections else ():
        tf.compat.v1.add_to_collections(collections, one)
    return made


def check_place(function: str) -> None:
    """Raises where no session could run what is about to be made.

    Raises:
        RuntimeError: no graph is being built, or that of a `tf.function`.
        ValueError: within the scope of a strategy, but on none of its replicas; on TPU cores.
    """
    if tf.compat.v1.executing_eagerly_outside_functions():
        raise RuntimeError(
            f"dist_f1.compat.v1.{function} adds to the graph of a session, and none is being "
            "built: TensorFlow executes eagerly. Call it in the model_fn of an Estimator, or in "
            "`with tf.Graph().as_default():`. Everywhere else use the metrics, dist_f1.F1Score."
        )
    if contexts.is_tpu(tf.distribute.get_strategy()):
        raise ValueError(
            f"dist_f1.compat.v1.{function} does not run on TPU cores. Give the tensors to the host "
            "(eval_metrics of TPUEstimatorSpec), or use the metrics, dist_f1.F1Score."
        )
    if tf.distribute.has_strategy() and tf.distribute.in_cross_replica_context():
        raise ValueError(
            f"dist_f1.compat.v1.{function} was called in the scope of a strategy, but not on its "
            "replicas. Call it in the function that is given to strategy.run, or in a model_fn."
        )


def checked(counts: Counts) -> Counts:
    """The same counts, which raise when they are fetched if rows could not be counted."""
    overall = counts.overall() if len(counts.total.shape) else counts
    by_groups = overall is not counts
    all_counted = tf.debugging.Assert(
        tf.equal(overall.invalid, 0),
        [
            overall.invalid,
            "of",
            overall.invalid + overall.total,
            f"rows {why_invalid(counts.num_classes, by_groups)} The rest is counted:"
            " confusion_counts tells it, with their number in invalid.",
        ],
    )
    with tf.control_dependencies([all_counted]):
        return tf.nest.map_structure(tf.identity, counts)
