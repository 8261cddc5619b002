"""Replacements of functions of the TensorFlow trainer of Keras 3."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

import tensorflow as tf
from tensorflow.python.distribute.values import PerReplicaSpec


def build_from_first_replica(original: Callable[..., None]) -> Callable[..., None]:
    """Build a model from the shapes of the first replica.

    Keras reads the first batch in each `fit` and `evaluate`, and reduces it over the replicas. That
    fails for the collectives of several workers, and for replicas with different numbers of rows.
    Its iterator is deleted while it fetches more batches, which crashes TensorFlow now and then,
    and those batches are lost if they come from a generator.
    """

    @functools.wraps(original)
    def _maybe_symbolic_build(self: Any, iterator: Any = None, data_batch: Any = None) -> None:
        if self._distribute_strategy is not None and iterator is not None:
            data_batch = known_shapes(iterator)
            if data_batch is None:
                # The iterator is one of several that yield batches.
                batches = next(item[-1] for item in iterator)
                data_batch = first_replica(next(batches))
                # Deletes it when the last epoch is over, and so is the fetching.
                iterator._first_batches = batches
            iterator = None
        original(self, iterator=iterator, data_batch=data_batch)

    return _maybe_symbolic_build


def known_shapes(iterator: Any) -> Any:
    """Return `tf.TensorSpec`s of the first replica's batches, in the structure of a batch.

    Returns:
        `None` if a size other than the number of rows is unknown, or values are not dense.
    """
    dataset = getattr(iterator, "_distributed_dataset", None)
    if dataset is None:
        return None
    specs = tf.nest.map_structure(
        lambda spec: spec._component_specs[0] if isinstance(spec, PerReplicaSpec) else spec,
        dataset.element_spec,
    )
    is_known = all(
        isinstance(spec, tf.TensorSpec)
        and spec.shape.rank is not None
        and spec.shape[1:].is_fully_defined()
        for spec in tf.nest.flatten(specs)
    )
    return specs if is_known else None


def first_replica(batch: Any) -> Any:
    """Return the values of the first replica of this worker, in the same structure."""

    def first(value: Any) -> Any:
        is_distributed = isinstance(value, tf.distribute.DistributedValues)
        return value.values[0] if is_distributed else value

    return tf.nest.map_structure(first, batch)


def reduce_whole_values(original: Callable[..., Any]) -> Callable[..., Any]:
    """Average the results of several workers as they are, without an axis of rows.

    Keras reduces the mean of results along their first axis, which scalars do not have.
    """

    @functools.wraps(original)
    def reduce_per_replica(values: Any, strategy: tf.distribute.Strategy, reduction: str) -> Any:
        is_multi_worker = isinstance(strategy, tf.distribute.MultiWorkerMirroredStrategy)
        if reduction not in ("auto", "mean") or not is_multi_worker:
            return original(values, strategy, reduction)
        return tf.nest.map_structure(
            lambda value: strategy.reduce("MEAN", value, axis=None), values
        )

    return reduce_per_replica


def run_steps_one_by_one(original: Callable[..., Any]) -> Callable[..., Any]:
    """Call the function of one step several times, for `steps_per_execution` > 1.

    Keras makes a loop in the graph, where collectives of several replicas fail.
    """

    @functools.wraps(original)
    def _make_function(self: Any, step_function: Callable[..., Any]) -> Callable[[Any], Any]:
        function = original(self, step_function)
        if self.distribute_strategy.num_replicas_in_sync == 1 or self.steps_per_execution == 1:
            return function

        def run(iterator: Iterator[Any]) -> Any:
            steps, self.steps_per_execution = self.steps_per_execution, 1
            outputs = None
            try:
                for _ in range(steps):
                    outputs = function(iterator)
            except (StopIteration, tf.errors.OutOfRangeError):
                # The next call raises again, and ends the epoch.
                if outputs is None:
                    raise
            finally:
                self.steps_per_execution = steps
            return outputs

        return run

    return _make_function
