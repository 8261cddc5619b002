"""`Accumulator`: counts over time, on each replica separately."""

import contextlib
import dataclasses
import threading
from collections.abc import Callable
from typing import Any, TypeVar

import tensorflow as tf

from dist_f1.counts import Counts, files
from dist_f1.counts.layout import Layout
from dist_f1.replicas import contexts, reduction, restorable
from dist_f1.replicas.asynchronous_copy import AsynchronousCopy

T = TypeVar("T")


class Accumulator(tf.train.experimental.PythonState):
    """Add up `Counts` on each replica, and read their sum over all replicas.

    Adding sends nothing. A global read is one all-reduce of one vector, for any number of scores.
    `build` fixes the layout and the dtype, and creates the state.

    An accumulator can be part of a `tf.train.Checkpoint`, which holds the sum over replicas as
    `Counts.save` writes it. Under any strategy, replica 0 gets the restored sum. With several
    workers, each worker must save and restore, as for any distributed variable.

    Args:
        name: Variable name.
        expected: Layout, if it is known beforehand. The counts can then be read before `build`, and
            restoring another layout raises at once.
        weighted: Whether counts are float64 instead of int64. `None` lets the first `build` decide.
        layout_fn: Function from the number of classes to the layout, so that restoring another
            layout raises even if `expected` is not given.
        decision: The decision that is counted, as `DecisionRule.text`; empty if it is unknown.
            Restoring counts of another decision raises.

    Example:
        >>> import tempfile
        >>> import dist_f1
        >>> metric = dist_f1.F1Score("macro", num_classes=2)
        >>> _ = metric.update_state([0, 1, 1], [[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])
        >>> path = tf.train.Checkpoint(f1=metric.accumulator).save(tempfile.mkdtemp() + "/f1")
        >>> metric.reset_state()
        >>> status = tf.train.Checkpoint(f1=metric.accumulator).restore(path)
        >>> int(metric.counts().total)
        3
    """

    def __init__(
        self,
        name: str = "counts",
        expected: Layout | None = None,
        weighted: bool | None = None,
        layout_fn: Callable[[int], Layout] | None = None,
        decision: str = "",
    ) -> None:
        self._name = name
        self._expected = expected
        self._layout_fn = layout_fn
        self._weighted = weighted
        self._decision = decision
        self._lock = threading.RLock()
        self._layout: Layout | None = None
        self._state: reduction.State | None = None
        # Counts restored before the state exists; the first update decides the state's strategy.
        self._deferred_restore: Counts | None = None
        self._home = tf.distribute.get_strategy() if tf.distribute.has_strategy() else None

    @property
    def layout(self) -> Layout | None:
        """Layout of the state; the expected layout before `build`, or `None`."""
        return self._layout or self._expected

    @property
    def home(self) -> tf.distribute.Strategy | None:
        """The strategy in whose scope the accumulator was made, or `None`."""
        return self._home

    @property
    def is_empty(self) -> bool:
        """Whether nothing was counted. Always `False` with several workers: others may count."""
        is_untouched = self._state is None and self._deferred_restore is None
        return is_untouched and contexts.num_workers(self.strategy) == 1

    @property
    def is_weighted(self) -> bool | None:
        """Whether the counts are float64, or `None` before `build`."""
        if self._deferred_restore is not None:
            return self._deferred_restore.is_weighted
        return None if self._state is None else reduction.dtype(self._state) == tf.float64

    @property
    def strategy(self) -> tf.distribute.Strategy:
        """The strategy of the state; before `build`, the strategy that it will have."""
        if self._state is None and self._home is not None:
            return self._home
        return reduction.strategy_of(self._state)

    def fitting(self, layout: Layout) -> Layout:
        """Return the layout in which to count a batch of this layout, or of more details.

        Raises:
            ValueError: The state has another layout.
        """
        mine = self._layout
        if mine is None or mine.covers(layout):
            return mine or layout
        if layout.num_classes == mine.num_classes and (layout.entries or mine.entries):
            raise ValueError(
                "A batch has masks or weights of single entries, but this metric has counted "
                f"{mine}. Pass masks or weights of entries from the first update on (1 for each "
                "entry that counts), and always of the same kind."
            )
        raise ValueError(
            f"This metric has counted {mine}, and got a batch of {layout}. Use one metric per "
            "number of classes."
        )

    def build(self, layout: Layout, weighted: bool) -> None:
        """Create the state, or check that the existing state fits.

        Threads may make the first update at the same time, so only one of them creates the state.

        Raises:
            ValueError: The state has another layout, or is unweighted and `weighted` is set.
        """
        with self._lock:
            self._build(self.fitting(layout), weighted)

    def _build(self, layout: Layout, weighted: bool) -> None:
        if weighted and self._state is not None and not self.is_weighted:
            raise ValueError(
                "sample_weight was passed to a metric with unweighted int64 counts, which cannot "
                "hold weights. Pass weighted=True to the metric's constructor."
            )
        if self._state is None:
            dtype = tf.float64 if weighted or self.is_weighted else tf.int64
            is_outside = not tf.distribute.has_strategy()
            with self._home.scope() if is_outside and self._home else contextlib.nullcontext():
                self._state = reduction.per_replica_zeros(layout.size, dtype, self._name)
            self._layout = layout
            if self._deferred_restore is not None:
                restored, self._deferred_restore = self._deferred_restore, None
                with tf.init_scope():
                    self.assign(restored)

    def add(self, counts: Counts) -> None:
        """Add to this replica's counts, after `build`."""
        self.add_vector(self._ensure_built()[1].pack(counts))

    def add_vector(self, vector: tf.Tensor) -> None:
        """Add counts that are packed by the layout: `[size]`."""
        state, _ = self._ensure_built()
        reduction.add(state, tf.cast(vector, reduction.dtype(state)))

    def read(self) -> Counts:
        """Return the counts of all replicas, with one collective."""
        return self.derive(lambda counts: counts)

    def derive(self, function: Callable[[Counts], T]) -> T:
        """Apply a function to what `read` returns, once for replicas that share their memory."""
        return self._read(reduction.derive, function)

    def read_locally(self) -> Counts:
        """Return this replica's counts; outside of `strategy.run`, the counts of all replicas."""
        return self._read(lambda state, unpack: unpack(reduction.read_locally(state)), lambda x: x)

    def zeros(self) -> Counts:
        """Return counts of nothing, without reading the state.

        Raises:
            ValueError: The layout is not known yet.
        """
        if self.layout is None:
            raise _not_updated()
        dtype = tf.float64 if self.is_weighted or self._weighted else tf.int64
        return self.layout.unpack(tf.zeros([self.layout.size], dtype))

    def assign(self, counts: Counts) -> None:
        """Replace the counts of all replicas."""
        state, layout = self._ensure_built()
        reduction.set_sum(state, tf.cast(layout.pack(counts), reduction.dtype(state)))

    def ensure_built(self) -> None:
        """Create the state now if the caller is being traced.

        Raises:
            ValueError: The layout is not known yet.
        """
        if self._state is None and not tf.executing_eagerly():
            self._ensure_built()

    def reset(self) -> None:
        """Set all counts to zero, and keep the layout."""
        self.ensure_built()
        if self._state is not None:
            reduction.clear(self._state)
        elif self._deferred_restore is not None:
            self._deferred_restore = self._deferred_restore.map(lambda x: x * 0)

    def serialize(self) -> bytes:
        """Return the counts of all replicas for a checkpoint; empty if nothing was counted."""
        if self.layout is None:
            return b""
        with tf.init_scope():
            # TensorFlow writes a SavedModel in a separate graph.
            is_eager = tf.executing_eagerly()
            counts = self.read() if is_eager else contexts.call_eagerly(self.read)
            return files.dumps(counts.numpy()._asdict(), self.layout.thresholds, self._decision)

    def deserialize(self, value: bytes) -> None:
        """Restore the counts of a checkpoint.

        Raises:
            ValueError: The counts have another layout, come from another decision, or are weighted
                and this metric is not; or they cannot be counts.
        """
        if not value:
            self.reset()
            if self._state is None:
                self._layout = self._deferred_restore = None
            return
        stored = files.loads_checkpoint(value, "The checkpoint of the counts")
        counts = Counts(**stored.fields)
        layout = Layout.from_counts(counts, stored.thresholds)
        mine = self._check_restorable(counts, layout, stored.decision)
        if mine is not None and mine.samples == () and layout.samples:
            # This metric needs no sums over rows.
            layout = dataclasses.replace(layout, samples=())
            counts = counts._replace(samples={})
        if self._state is not None:
            with tf.init_scope():
                self.assign(counts)
        else:
            self._layout = layout
            self._deferred_restore = counts

    def _copy_trackable_to_cpu(self, object_map: dict[Any, Any]) -> None:
        """Copy the counts for an asynchronous checkpoint. TensorFlow traces this method once.

        Raises:
            ValueError: The layout is not known yet.
        """
        if self.layout is None:
            raise ValueError(
                "An asynchronous checkpoint was requested before the first update of a metric, "
                "whose layout is unknown. Pass num_classes=, or update the metric first."
            )
        state, layout = self._ensure_built()
        if self not in object_map:
            size, dtype = layout.size, reduction.dtype(state)
            vector = contexts.call_eagerly(
                lambda: tf.Variable(tf.zeros([size], dtype), trainable=False)
            )
            object_map[self] = AsynchronousCopy(layout, self._decision, vector)
        object_map[self].vector.assign(reduction.read_sum(state))

    def _check_restorable(self, counts: Counts, layout: Layout, decision: str) -> Layout | None:
        """Return the layout of this accumulator, if it is known."""
        mine = self._expected if self._state is None else self._layout
        if mine is None and self._layout_fn is not None:
            mine = self._layout_fn(layout.num_classes)
        if self._state is None and mine is not None and layout.entries and layout.covers(mine):
            # The first update would have decided whether single entries are counted.
            mine = layout
        restorable.check_layout(counts, layout, mine)
        restorable.check_decision(decision, self._decision)
        is_unweighted = self._weighted is False if self._state is None else not self.is_weighted
        restorable.check_weights(counts.is_weighted, not is_unweighted)
        return mine

    def _read(self, derive: reduction.Derive[T], function: Callable[[Counts], T]) -> T:
        contexts.refuse_session("read")
        if self._state is None and contexts.num_workers(self.strategy) == 1:
            if tf.executing_eagerly() and not contexts.in_replica():
                restored = self._deferred_restore
                return function(restored.map(tf.convert_to_tensor) if restored else self.zeros())
            if self._deferred_restore is None:
                raise _not_updated()
        # With several workers, read even without own counts: the other workers wait for this one.
        state, layout = self._ensure_built()
        return derive(state, lambda vector: function(layout.unpack(vector)))

    def _ensure_built(self) -> tuple[reduction.State, Layout]:
        if self.layout is None:
            raise _not_updated()
        self.build(self.layout, bool(self._weighted))
        return self._state, self.layout


def _not_updated() -> ValueError:
    return ValueError(
        "This metric was read before its first update. Call update_state first, or pass "
        "num_classes= and read it eagerly."
    )
