"""Runs steps that were traced for a TPU on the CPU, one copy for each replica."""

from __future__ import annotations

import contextlib
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import tensorflow as tf
from tensorflow.python.eager.polymorphic_function import concrete_function

from dist_f1.testing import computations, lockstep

# What runs in place of a concrete function, or `None` where it has no TPU computation.
_replacements: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()


@contextlib.contextmanager
def emulated_tpu() -> Iterator[None]:
    """Inside of it, what was traced under `tpu_strategy` runs on the CPU.

    Whatever calls `strategy.run` runs: a `tf.function` of one's own, `strategy.run` itself, Keras's
    `fit` and `evaluate`. The graph that was traced for the TPU is taken; each op of its computation
    is run once for each replica, and what they tell each other (`CrossReplicaSum`, `AllToAll`,
    `CollectivePermute`) follows from the values of all.

    It says whether a step counts what it should, for all replicas and over any number of steps. It
    says nothing about speed, memory or the arithmetic of a TPU, where float64 has about 48 bits and
    a product of float32 matrices rounds its factors to bfloat16. Random operations with a seed draw
    the same numbers on all replicas.

    Raises:
        NotImplementedError: in calls, where variables were made under a strategy that is not from
            `tpu_strategy`, or replicas meet in a function that is called in an unusual way.

    Example:
        >>> from dist_f1.testing import tpu_strategy
        >>> strategy = tpu_strategy(8)
        >>> with emulated_tpu():
        ...     values = strategy.run(tf.function(lambda: tf.constant(1)))
        >>> len(strategy.experimental_local_results(values))
        8
    """
    kind: Any = concrete_function.ConcreteFunction
    plain = kind._call_flat

    def call(self: Any, tensor_inputs: Any, captured_inputs: Any) -> Any:
        replacement = _replacement_for(self) if tf.executing_eagerly() else None
        if replacement is None:
            return plain(self, tensor_inputs, captured_inputs)
        outputs = replacement(*tensor_inputs, *captured_inputs)
        return self.function_type.pack_output(outputs)

    kind._call_flat = call
    try:
        yield
    finally:
        kind._call_flat = plain


def _replacement_for(function: Any) -> Callable[..., Any] | None:
    if function not in _replacements:
        graph = function.graph
        holds = computations.holds_computation(graph)
        _replacements[function] = _emulated(graph) if holds else None
    return _replacements[function]


def _emulated(graph: Any) -> Callable[..., Any]:
    def emulated(*arguments: tf.Tensor) -> list[tf.Tensor]:
        return lockstep.trace(graph, arguments)

    return tf.function(emulated, autograph=False)
