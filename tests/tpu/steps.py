"""A step of a custom loop: an update on each replica, followed by a read."""

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
    """A step with its own metric.

    Args:
        case: The metric and its rows.
        strategy: Strategy whose replicas run the step.
        sync: `sync` of the metric.
        reads: `"result"`, or `"counts"` for the fields of the accumulator.
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
        """Trace the step and return its concrete function."""
        columns = self.case.columns(self.strategy.num_replicas_in_sync)
        return self.function.get_concrete_function(distribute(self.strategy, columns))

    def __call__(self, columns: Mapping[str, np.ndarray]) -> list[Any]:
        """Run the step on columns of `Case.columns`, and return what each replica reads."""
        return replica_values(self.strategy, self.function(distribute(self.strategy, columns)))

    def assign(self, vectors: np.ndarray) -> None:
        """Assign each replica its count vector."""
        for component, vector in zip(self.components(), vectors, strict=True):
            component.assign(vector)

    def components(self) -> tuple[tf.Variable, ...]:
        """Return the count vector of each replica."""
        return reduction.components(self.metric.accumulator._state)


def distribute(
    strategy: tf.distribute.Strategy, columns: Mapping[str, np.ndarray]
) -> dict[str, Any]:
    """Give each replica its slice along the first axis of each column."""
    return {name: per_replica(strategy, column) for name, column in columns.items()}


def replica_values(strategy: tf.distribute.Strategy, nest: Any) -> list[Any]:
    """Convert a nest of per-replica values to one nest of NumPy values for each replica."""
    local = [strategy.experimental_local_results(x) for x in tf.nest.flatten(nest)]
    return [
        tf.nest.pack_sequence_as(nest, [x.numpy() for x in values])
        for values in zip(*local, strict=True)
    ]


@functools.cache
def step_for(name: str, replicas: int, reads: str = "result") -> Step:
    """Return the step of a case under a `TPUStrategy`; it is traced once."""
    return Step(CASES[name], tpu(replicas), reads=reads)
