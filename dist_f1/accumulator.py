"""`Accumulator`: counts over time, on every replica for itself."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from dist_f1 import reduction
from dist_f1.counts import Counts
from dist_f1.layout import Layout


class Accumulator:
    """Adds up `Counts` on each replica and reads their sum over all replicas.

    Adding sends nothing. Reading is one all-reduce of one vector, whatever is derived from it.
    `build` decides the layout and the dtype, once, and creates the variable.
    """

    def __init__(self, name: str = "counts") -> None:
        self._name = name
        self._layout: Layout | None = None
        self._state: tf.Variable | None = None

    @property
    def layout(self) -> Layout | None:
        """What is stored, or `None` before `build`."""
        return self._layout

    @property
    def is_weighted(self) -> bool | None:
        """Whether the counts are float64, or `None` before `build`."""
        return None if self._state is None else reduction.dtype(self._state) == tf.float64

    def build(self, layout: Layout, weighted: bool) -> None:
        """Creates the state, or checks that it is the one asked for.

        Raises:
            ValueError: the state has another layout, or is unweighted while weights came.
        """
        if self._state is None:
            dtype = tf.float64 if weighted else tf.int64
            self._state = reduction.per_replica_zeros(layout.size, dtype, self._name)
            self._layout = layout
        elif layout != self._layout:
            raise ValueError(
                f"The counts so far are of {self._layout}, these are of {layout}. Use a metric of "
                "its own for each number of classes, or reset by making a new one."
            )
        elif weighted and not self.is_weighted:
            raise ValueError(
                "sample_weight came to a metric that has counted without weights, in int64, which "
                "cannot hold them. Pass weighted=True when the metric is made."
            )

    def add(self, counts: Counts) -> None:
        """Adds to this replica's counts, after `build`."""
        state, layout = self._built()
        reduction.add(state, tf.cast(layout.pack(counts), reduction.dtype(state)))

    def read(self) -> Counts:
        """The counts of all replicas: one collective."""
        state, layout = self._built()
        return layout.unpack(reduction.read_sum(state))

    def read_locally(self) -> Counts:
        """This replica's own counts; the counts of all outside of `strategy.run`."""
        state, layout = self._built()
        return layout.unpack(reduction.read_locally(state))

    def assign(self, counts: Counts) -> None:
        """Replaces the counts of all replicas by these."""
        state, layout = self._built()
        reduction.set_sum(state, tf.cast(layout.pack(counts), reduction.dtype(state)))

    def reset(self) -> None:
        """Sets all counts to zero; the layout stays."""
        if self._state is not None:
            reduction.clear(self._state)

    def _built(self) -> tuple[Any, Layout]:
        if self._state is None or self._layout is None:
            raise ValueError("Nothing was counted yet, so the number of classes is not known.")
        return self._state, self._layout
