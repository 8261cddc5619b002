"""`Accumulator`: counts over time, on every replica for itself."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from dist_f1 import contexts, counts_io, reduction
from dist_f1.counts import Counts
from dist_f1.layout import Layout


class Accumulator(tf.train.experimental.PythonState):
    """Adds up `Counts` on each replica and reads their sum over all replicas.

    Adding sends nothing. Reading is one all-reduce of one vector, whatever is derived from it.
    `build` decides the layout and the dtype, once, and creates the state.

    It can be part of a `tf.train.Checkpoint`. What is saved is the sum over replicas, as
    `Counts.save` writes it; restored, under any strategy, it belongs to the first replica. Where
    several workers run, each has to save and restore, as for any distributed variable.

    Args:
        name: of the variables.
        num_classes: the number of classes that a checkpoint must have; `None` takes any.

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

    def __init__(self, name: str = "counts", num_classes: int | None = None) -> None:
        self._name = name
        self._num_classes = num_classes
        self._layout: Layout | None = None
        self._state: Any = None
        # What a checkpoint held before there was a state: which strategy the state belongs to is
        # only known at the first update.
        self._restored: Counts | None = None

    @property
    def layout(self) -> Layout | None:
        """What is stored, or `None` before `build`."""
        return self._layout

    @property
    def is_weighted(self) -> bool | None:
        """Whether the counts are float64, or `None` before `build`."""
        if self._restored is not None:
            return self._restored.is_weighted
        return None if self._state is None else reduction.dtype(self._state) == tf.float64

    @property
    def strategy(self) -> tf.distribute.Strategy:
        """The strategy that the state belongs to, or the current one."""
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
        if weighted and self.is_weighted is False:
            raise ValueError(
                "sample_weight came to a metric that has counted without weights, in int64, which "
                "cannot hold them. Pass weighted=True when the metric is made."
            )
        if self._state is None:
            dtype = tf.float64 if weighted or self.is_weighted else tf.int64
            self._state = reduction.per_replica_zeros(layout.size, dtype, self._name)
            self._layout = layout
            if self._restored is not None:
                restored, self._restored = self._restored, None
                with tf.init_scope():
                    self.assign(restored)

    def add(self, counts: Counts) -> None:
        """Adds to this replica's counts, after `build`."""
        state, layout = self._built()
        reduction.add(state, tf.cast(layout.pack(counts), reduction.dtype(state)))

    def read(self) -> Counts:
        """The counts of all replicas: one collective."""
        return self._read(reduction.read_sum)

    def read_locally(self) -> Counts:
        """This replica's own counts; the counts of all outside of `strategy.run`."""
        return self._read(reduction.read_locally)

    def assign(self, counts: Counts) -> None:
        """Replaces the counts of all replicas by these."""
        state, layout = self._built()
        reduction.set_sum(state, tf.cast(layout.pack(counts), reduction.dtype(state)))

    def reset(self) -> None:
        """Sets all counts to zero; the layout stays."""
        if self._state is not None:
            reduction.clear(self._state)
        elif self._restored is not None:
            self._restored = tf.nest.map_structure(lambda x: x * 0, self._restored)

    def serialize(self) -> bytes:
        """The counts of all replicas, for a checkpoint; nothing if nothing was counted yet."""
        if self._layout is None:
            return b""
        return counts_io.dumps(self.read())

    def deserialize(self, value: bytes) -> None:
        """Takes over the counts of a checkpoint.

        Raises:
            ValueError: they are of another layout, or weighted while these are not.
        """
        if not value:
            self.reset()
            if self._state is None:
                self._layout = self._restored = None
            return
        counts = counts_io.loads(value, "The checkpoint of the counts")
        self._check_restorable(counts)
        if self._state is not None:
            self.assign(counts)
        else:
            self._layout = Layout.of(counts)
            self._restored = counts

    def _check_restorable(self, counts: Counts) -> None:
        layout = Layout.of(counts)
        mine = None if self._state is None else self._layout
        if mine not in (None, layout) or self._num_classes not in (None, layout.num_classes):
            raise ValueError(
                f"The checkpoint holds counts of {layout}, but this metric counts "
                f"{mine or f'{self._num_classes} classes'}. Restore it into a metric with the same "
                "num_classes and decision as the one that was saved."
            )
        if counts.is_weighted and self._state is not None and not self.is_weighted:
            raise ValueError(
                "The checkpoint holds weighted counts, but this metric has counted without "
                "weights, in int64, which cannot hold them. Pass weighted=True when it is made."
            )

    def _read(self, read: Callable[[Any], tf.Tensor]) -> Counts:
        if self._restored is not None and tf.executing_eagerly() and not contexts.in_replica():
            return tf.nest.map_structure(tf.convert_to_tensor, self._restored)
        state, layout = self._built()
        return layout.unpack(read(state))

    def _built(self) -> tuple[Any, Layout]:
        if self._layout is None:
            raise ValueError("Nothing was counted yet, so the number of classes is not known.")
        if self._state is None:
            self.build(self._layout, weighted=False)
        return self._state, self._layout
