"""`Accumulator`: counts over time, on every replica for itself."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Container
from typing import Any

import tensorflow as tf

from dist_f1.counts import Counts, files
from dist_f1.counts.layout import Layout
from dist_f1.replicas import contexts, reduction


class Accumulator(tf.train.experimental.PythonState):
    """Adds up `Counts` on each replica and reads their sum over all replicas.

    Adding sends nothing. Reading is one all-reduce of one vector, whatever is derived from it.
    `build` decides the layout and the dtype, once, and creates the state.

    It can be part of a `tf.train.Checkpoint`. What is saved is the sum over replicas, as
    `Counts.save` writes it; restored, under any strategy, it belongs to the first replica. Where
    several workers run, each has to save and restore, as for any distributed variable.

    Args:
        name: of the variables.
        expected: the layout that it will have, if that is known beforehand. It can then be read
            before `build`, and a checkpoint of another layout is refused at once.
        weighted: whether counts are float64 or int64; `None` leaves it to the first `build`.
        layout_fn: tells the layout for a number of classes, so that a checkpoint of another one
            is refused even if `expected` is not known.

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
    ) -> None:
        self._name = name
        self._expected = expected
        self._layout_fn = layout_fn
        self._weighted = weighted
        self._layout: Layout | None = None
        self._state: Any = None
        # What a checkpoint held before there was a state: which strategy the state belongs to is
        # only known at the first update.
        self._deferred_restore: Counts | None = None
        self._home = tf.distribute.get_strategy() if tf.distribute.has_strategy() else None

    @property
    def layout(self) -> Layout | None:
        """What is stored, or will be; `None` if that is not known yet."""
        return self._layout or self._expected

    @property
    def is_empty(self) -> bool:
        """Whether nothing was counted, here or, as far as can be told, by other workers."""
        untouched = self._state is None and self._deferred_restore is None
        return untouched and contexts.num_workers(self.strategy) == 1

    @property
    def is_weighted(self) -> bool | None:
        """Whether the counts are float64, or `None` before `build`."""
        if self._deferred_restore is not None:
            return self._deferred_restore.is_weighted
        return None if self._state is None else reduction.dtype(self._state) == tf.float64

    @property
    def strategy(self) -> tf.distribute.Strategy:
        """The strategy that the state belongs to, or will."""
        if self._state is None and self._home is not None:
            return self._home
        return reduction.strategy_of(self._state)

    def build(self, layout: Layout, weighted: bool) -> None:
        """Creates the state, or checks that it is the one asked for.

        Raises:
            ValueError: the state has another layout, or is unweighted while weights came.
        """
        if self._layout is not None and layout != self._layout:
            raise ValueError(
                f"The counts so far are of {self._layout}, these are of {layout}. Use a metric of "
                "its own for each number of classes, or reset by making a new one."
            )
        if weighted and self._state is not None and not self.is_weighted:
            raise ValueError(
                "sample_weight came to a metric that has counted without weights, in int64, which "
                "cannot hold them. Pass weighted=True when the metric is made."
            )
        if self._state is None:
            dtype = tf.float64 if weighted or self.is_weighted else tf.int64
            outside = not tf.distribute.has_strategy()
            with self._home.scope() if outside and self._home else contextlib.nullcontext():
                self._state = reduction.per_replica_zeros(layout.size, dtype, self._name)
            self._layout = layout
            if self._deferred_restore is not None:
                restored, self._deferred_restore = self._deferred_restore, None
                with tf.init_scope():
                    self.assign(restored)

    def add(self, counts: Counts) -> None:
        """Adds to this replica's counts, after `build`."""
        self.add_vector(self._built()[1].pack(counts))

    def add_vector(self, vector: tf.Tensor) -> None:
        """Likewise, as the layout packs them."""
        state, _ = self._built()
        reduction.add(state, tf.cast(vector, reduction.dtype(state)))

    def read(self, unused: Container[str] = ()) -> Counts:
        """The counts of all replicas: one collective. For `unused` see `Layout.unpack`."""
        return self._read(reduction.read_sum, unused)

    def read_locally(self, unused: Container[str] = ()) -> Counts:
        """This replica's own counts; the counts of all outside of `strategy.run`."""
        return self._read(reduction.read_locally, unused)

    def assign(self, counts: Counts) -> None:
        """Replaces the counts of all replicas by these."""
        state, layout = self._built()
        reduction.set_sum(state, tf.cast(layout.pack(counts), reduction.dtype(state)))

    def ensure_built(self) -> None:
        """Creates the state, if what is done next is being traced and would depend on it.

        Raises:
            ValueError: the layout is not known yet.
        """
        if self._state is None and not tf.executing_eagerly():
            self._built()

    def reset(self) -> None:
        """Sets all counts to zero; the layout stays."""
        self.ensure_built()
        if self._state is not None:
            reduction.clear(self._state)
        elif self._deferred_restore is not None:
            self._deferred_restore = self._deferred_restore.map(lambda x: x * 0)

    def serialize(self) -> bytes:
        """The counts of all replicas, for a checkpoint; nothing if nothing was counted yet."""
        if self.layout is None:
            return b""
        with tf.init_scope():
            # A SavedModel is written while a graph of its own is the default one.
            counts = self.read() if tf.executing_eagerly() else contexts.eagerly(self.read)
            return files.dumps(counts.numpy()._asdict(), self.layout.thresholds)

    def deserialize(self, value: bytes) -> None:
        """Takes over the counts of a checkpoint.

        Raises:
            ValueError: they are of another layout, or weighted while these are not.
        """
        if not value:
            self.reset()
            if self._state is None:
                self._layout = self._deferred_restore = None
            return
        fields, thresholds = files.loads_with_thresholds(value, "The checkpoint of the counts")
        counts = Counts(**fields)
        layout = Layout.from_counts(counts, thresholds)
        self._check_restorable(counts, layout)
        if self._state is not None:
            with tf.init_scope():
                self.assign(counts)
        else:
            self._layout = layout
            self._deferred_restore = counts

    def _copy_trackable_to_cpu(self, object_map: Any) -> None:
        """Copies the counts now, for a checkpoint that TensorFlow writes in the background.

        Raises:
            ValueError: the layout is not known yet. TensorFlow traces the copying once.
        """
        if self.layout is None:
            raise ValueError(
                "An asynchronous checkpoint was asked for before the first update of a metric, so "
                "that it is not known what to copy. Pass num_classes=, or update the metric first."
            )
        state, layout = self._built()
        if self not in object_map:
            size, dtype = layout.size, reduction.dtype(state)
            copy = contexts.eagerly(lambda: tf.Variable(tf.zeros([size], dtype), trainable=False))
            object_map[self] = _Copy(layout, copy)
        object_map[self].vector.assign(reduction.read_sum(state))

    def _check_restorable(self, counts: Counts, layout: Layout) -> None:
        mine = self._expected if self._state is None else self._layout
        if mine is None and self._layout_fn is not None:
            mine = self._layout_fn(layout.num_classes)
        if mine not in (None, layout):
            raise ValueError(
                f"The checkpoint holds counts of {layout}, but this metric counts {mine}. Restore "
                "it into a metric with the same num_classes and decision as the one that was saved."
            )
        counts_rows = self._weighted is False if self._state is None else not self.is_weighted
        if counts.is_weighted and counts_rows:
            raise ValueError(
                "The checkpoint holds weighted counts, but this metric counts without weights, in "
                "int64, which cannot hold them. Pass weighted=True when it is made."
            )

    def _read(self, read: Callable[[Any], tf.Tensor], unused: Container[str]) -> Counts:
        if self._state is None and contexts.num_workers(self.strategy) == 1:
            if tf.executing_eagerly() and not contexts.in_replica():
                return self._read_without_state()
            if self._deferred_restore is None:
                raise _nothing_counted()
        # Where other workers may have counted something, they wait for this one.
        state, layout = self._built()
        return layout.unpack(read(state), unused)

    def _read_without_state(self) -> Counts:
        if self._deferred_restore is not None:
            return self._deferred_restore.map(tf.convert_to_tensor)
        if self._expected is None:
            raise _nothing_counted()
        dtype = tf.float64 if self._weighted else tf.int64
        return self._expected.unpack(tf.zeros([self._expected.size], dtype))

    def _built(self) -> tuple[Any, Layout]:
        if self.layout is None:
            raise _nothing_counted()
        self.build(self.layout, bool(self._weighted))
        return self._state, self.layout


def _nothing_counted() -> ValueError:
    return ValueError(
        "This metric was read before its first update. Call update_state first, or pass "
        "num_classes= and read it eagerly."
    )


class _Copy(tf.train.experimental.PythonState):
    """What an accumulator held at some time."""

    def __init__(self, layout: Layout, vector: tf.Variable) -> None:
        self._layout = layout
        self.vector = vector

    def serialize(self) -> bytes:
        """As an accumulator is saved."""
        counts = self._layout.unpack(self.vector.read_value())
        return files.dumps(counts.numpy()._asdict(), self._layout.thresholds)

    def deserialize(self, value: bytes) -> None:
        """It is only written."""
        raise NotImplementedError
