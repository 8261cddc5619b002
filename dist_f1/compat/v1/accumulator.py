"""`GraphAccumulator`: the counts of all batches, in a local variable of the graph being built."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from dist_f1.batch import inputs
from dist_f1.compat.v1.arguments import ResolvedOptions, TensorLike
from dist_f1.counting import CountSpec
from dist_f1.counts import Counts, causes
from dist_f1.counts.layout import Layout
from dist_f1.replicas import reduction

# From the global counts to a nest of tensors.
Derivation = Callable[[Counts], Any]


class GraphAccumulator:
    """Add up counts on each replica, and derive values from their sum over all replicas.

    Like `Accumulator`, but for the graph of a session. There, only control dependencies order ops:
    the counts are read before the update. `collections` are those of values, and of updates.
    """

    def __init__(
        self,
        vector: tf.Tensor,
        layout: Layout,
        collections: tuple[Sequence[str] | None, Sequence[str] | None],
    ) -> None:
        self._layout = layout
        self._collections = collections
        self._state = reduction.local_zeros(layout.size, vector, "counts")
        self._before = self._state.read_value()
        # Otherwise a global value could mix replicas before and after their updates.
        with tf.control_dependencies([self._before]):
            self._update = self._state.assign_add(vector, read_value=False)

    def value(self, derive: Derivation) -> Any:
        """Apply `derive` once to the global counts before the update."""

        def derived(total: tf.Tensor) -> Any:
            return self._collect(self._derive(derive, total, "value"), 0)

        return reduction.derive_once(derived, self._before)

    def update(self, derive: Derivation) -> Any:
        """Apply `derive` to the counts after the update; with several replicas, only update."""
        if tf.distribute.get_replica_context().num_replicas_in_sync > 1:
            return self.operation()
        with tf.control_dependencies([self._update]):
            after = self._state.read_value()
        return self._collect(self._derive(derive, after, "update_op"), 1)

    def operation(self) -> tf.Operation:
        """Return the update as an operation without a value."""
        return self._collect(tf.group(self._update, name="update_op"), 1)

    def _derive(self, derive: Derivation, vector: tf.Tensor, name: str) -> Any:
        value = derive(self._layout.unpack(vector))
        return tf.nest.map_structure(lambda tensor: tf.identity(tensor, name=name), value)

    def _collect(self, values: Any, kind: int) -> Any:
        for value in tf.nest.flatten(values) if self._collections[kind] else ():
            tf.compat.v1.add_to_collections(self._collections[kind], value)
        return values


# Strategies apply AutoGraph, which would need seconds to convert this, and would change nothing.
@tf.autograph.experimental.do_not_convert
def accumulate(
    labels: TensorLike,
    predictions: TensorLike,
    weights: TensorLike | None,
    options: ResolvedOptions,
    *,
    check: Callable[[int, bool], None],
    confusion: bool = False,
    betas: tuple[float, ...] | None = None,
    by: TensorLike | None = None,
) -> GraphAccumulator:
    """Count a batch, and add it to the previous ones.

    The arguments are those of the public functions, and of `CountSpec`. `check` gets C, and whether
    rows may have several classes; it raises if such decisions do not have the score.

    Raises:
        ValueError: Inputs do not match.
    """
    rule, metric = options.rule, options.metric
    rows = inputs.flatten(
        labels,
        predictions,
        weights,
        options.mask,
        by,
        rule=rule,
        num_classes=metric["num_classes"],
    )
    check(rows.num_classes, rule.is_multilabel(rows.num_classes))
    spec = CountSpec(rule, metric["ignore_class"], confusion, betas, metric["num_groups"])
    layout = spec.layout_of(rows)
    return GraphAccumulator(spec.count(rows, layout), layout, options.collections)


def _describe_causes(counts: Counts) -> tf.Tensor:
    """Describe the causes of invalid rows in a string, when it is fetched."""
    numbers = tf.cast(counts.invalid_by_cause, tf.int64)
    texts = causes.texts(counts.num_classes)[: numbers.shape[0]]
    parts = tf.strings.join([tf.strings.as_string(numbers), tf.constant(texts)], separator=" have ")
    return tf.strings.reduce_join(tf.boolean_mask(parts, numbers > 0), separator="; ")


def assert_valid(counts: Counts) -> Counts:
    """Make fetching the counts raise if rows could not be counted."""
    overall = counts.overall() if len(counts.total.shape) else counts
    number: list[Any] = [tf.cast(overall.invalid, tf.int64)]
    if not counts.is_weighted:
        number += ["of", overall.invalid + overall.total]
    assertion = tf.debugging.Assert(
        tf.equal(overall.invalid, tf.cast(0, overall.invalid.dtype)),
        [
            *number,
            "rows were not counted:",
            _describe_causes(overall),
            "Fix the data, or exclude these rows with ignore_class= or a mask. The other rows are "
            "counted: fetch confusion_counts for them.",
        ],
    )
    with tf.control_dependencies([assertion]):
        return tf.nest.map_structure(tf.identity, counts)
