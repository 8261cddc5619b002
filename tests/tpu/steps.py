"""A step of a custom loop: an update on each replica, and what is read after it."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from typing import Any

import numpy as np
import tensorflow as tf
from helpers import per_replica, tpu

from dist_f1.replicas import reduction
from tpu.cases import CASES, Case


class Step:
    """A step with a metric of its own.

    Args:
        case: the metric and its rows.
        strategy: on whose replicas it runs.
        sync: of the metric.
        reads: `"result"` or, of the counts as they are kept, `"counts"`.
    """

    def __init__(
        self,
        case: Case,
        strategy: tf.distribute.Strategy,
        sync: str = "step",
        reads: str = "result",
    ) -> None:
        self.case, self.strategy = case, strategy
        with strategy.scope():
            self.metric = case.make(sync=sync)

        def replica(columns: Mapping[str, Any]) -> Any:
            self.metric.update_state(**columns)
            if reads == "result":
                return self.metric.result()
            return tf.nest.flatten(self.metric.accumulator.read())

        @tf.function(autograph=False)
        def step(columns: Mapping[str, Any]) -> Any:
            return strategy.run(replica, (columns,))

        self.function, self.replica = step, replica

    def traced(self) -> Any:
        """The concrete function."""
        columns = self.case.columns(self.strategy.num_replicas_in_sync)
        return self.function.get_concrete_function(placed(self.strategy, columns))

    def __call__(self, columns: Mapping[str, np.ndarray]) -> list[Any]:
        """What each replica reads; `columns` as `Case.columns` makes them."""
        read = self.function(placed(self.strategy, columns))
        return each_replica(self.strategy, read)

    def start_at(self, vectors: np.ndarray) -> None:
        """Gives each replica counts to go on from."""
        for component, vector in zip(self.components(), vectors, strict=True):
            component.assign(vector)

    def components(self) -> tuple[tf.Variable, ...]:
        """The vectors of the replicas."""
        return reduction.components(self.metric.accumulator._state)


def placed(strategy: tf.distribute.Strategy, columns: Mapping[str, np.ndarray]) -> dict[str, Any]:
    """To each replica its part."""
    return {name: per_replica(strategy, column) for name, column in columns.items()}


def each_replica(strategy: tf.distribute.Strategy, nest: Any) -> list[Any]:
    """A nest of NumPy values for each replica."""
    local = [strategy.experimental_local_results(x) for x in tf.nest.flatten(nest)]
    return [
        tf.nest.pack_sequence_as(nest, [x.numpy() for x in values])
        for values in zip(*local, strict=True)
    ]


@functools.cache
def step_of(name: str, replicas: int, sync: str = "step", reads: str = "result") -> Step:
    """The step of a case under a `TPUStrategy`, traced once."""
    return Step(CASES[name], tpu(replicas), sync, reads)
