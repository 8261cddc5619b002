"""`Stream`: the counts of batch after batch, in a local variable of the graph being built."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from dist_f1 import counting
from dist_f1.batch import groups, inputs
from dist_f1.compat.v1.arguments import Asked
from dist_f1.counts import Counts
from dist_f1.counts.layout import Layout
from dist_f1.counts.validity import why_invalid
from dist_f1.replicas import reduction

Derived = Callable[[Counts], Any]


class Stream:
    """Adds up `Counts` on each replica and derives from their sum over all replicas.

    Like `Accumulator`, but for the graph of a session, where the order of operations is none but
    what control dependencies say: the counts are read before they are added to.

    Args:
        counts: of a batch, one set on each replica.
        layout: of the counts.
        collections: that values, and that updates are added to.
    """

    def __init__(self, counts: Counts, layout: Layout, collections: tuple[Any, Any]) -> None:
        self._layout = layout
        self._collections = collections
        vector = layout.pack(counts)
        self._state = reduction.local_zeros(layout.size, vector, "counts")
        self._before = self._state.read_value()
        # A value of several replicas would be of no point in time if some had added by then.
        with tf.control_dependencies([self._before]):
            self._update = self._state.assign_add(vector, read_value=False)

    def value(self, derive: Derived) -> Any:
        """What `derive` makes of the counts of all replicas before the update, once for all."""

        def derived(total: tf.Tensor) -> Any:
            return _collected(self._named(derive, total, "value"), self._collections[0])

        return reduction.derive_once(derived, self._before)

    def update(self, derive: Derived) -> Any:
        """The same of the counts after the update; with several replicas the operation alone."""
        if tf.distribute.get_replica_context().num_replicas_in_sync > 1:
            return self.operation()
        with tf.control_dependencies([self._update]):
            after = self._state.read_value()
        return _collected(self._named(derive, after, "update_op"), self._collections[1])

    def operation(self) -> tf.Operation:
        """The update, which has no value."""
        return _collected(tf.group(self._update, name="update_op"), self._collections[1])

    def _named(self, derive: Derived, vector: tf.Tensor, name: str) -> Any:
        value = derive(self._layout.unpack(vector))
        return tf.nest.map_structure(lambda tensor: tf.identity(tensor, name=name), value)


def count_stream(
    labels: Any,
    predictions: Any,
    weights: Any,
    asked: Asked,
    *,
    check: Callable[[int, bool], None],
    confusion: bool = False,
    betas: tuple[float, ...] = (),
    by: Any = None,
) -> Stream:
    """Counts a batch, and adds it to those before.

    Args:
        labels: class ids `[...]` or `[..., 1]`, or 0/1 targets `[..., C]`.
        predictions: scores `[..., C]`, or class ids.
        weights: numbers, one per row or per leading axes, or `None`.
        asked: the options.
        check: raises if decisions of C classes, one or several for each row, have no such score.
        confusion: whether to count the `[C, C]` matrix where it says more.
        betas: beyond 1, the betas whose F is averaged over rows.
        by: group ids.

    Raises:
        ValueError: inputs that do not fit each other.
    """
    rule, full = asked.rule, asked.full
    rows = inputs.flatten(
        labels,
        predictions,
        weights,
        asked.mask,
        by,
        rule=rule,
        num_classes=full["num_classes"],
    )
    check(rows.num_classes, counting.is_multilabel(rule, rows.num_classes))
    counts = counting.count(
        rows,
        rule,
        ignore_class=full["ignore_class"],
        confusion=confusion,
        betas=betas,
        groups=groups.group_rows(rows.by, full["num_groups"]),
    )
    layout = counting.layout_for(rule, rows.num_classes, confusion, betas, full["num_groups"] or 0)
    return Stream(counts, layout, (asked.metrics_collections, asked.updates_collections))


def _collected(made: Any, collections: Any) -> Any:
    for one in tf.nest.flatten(made) if collections else ():
        tf.compat.v1.add_to_collections(collections, one)
    return made


def checked(counts: Counts) -> Counts:
    """The same counts, which raise when they are fetched if rows could not be counted."""
    overall = counts.overall() if len(counts.total.shape) else counts
    why = why_invalid(counts.num_classes, by_groups=overall is not counts)
    number: list[Any] = [tf.cast(overall.invalid, tf.int64)]
    if not counts.is_weighted:
        number += ["of", overall.invalid + overall.total]
    rest = "The rest is counted: confusion_counts tells it, with their number in invalid."
    all_counted = tf.debugging.Assert(
        tf.equal(overall.invalid, tf.cast(0, overall.invalid.dtype)),
        [*number, f"rows {why} {rest}"],
    )
    with tf.control_dependencies([all_counted]):
        return tf.nest.map_structure(tf.identity, counts)
