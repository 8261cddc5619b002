"""Run steps that were traced for a TPU on the CPU, with one copy for each replica."""

import contextlib
import functools
import weakref
from collections.abc import Callable, Iterator
from typing import Any

import tensorflow as tf
from tensorflow.python.eager.polymorphic_function import concrete_function
from tensorflow.python.framework import func_graph

from dist_f1.inspection.called_functions import FunctionLibrary
from dist_f1.testing import lockstep
from dist_f1.testing.computations import METADATA_OPS

# The emulation of each concrete function, or `None` if it has no TPU computation.
_emulations: weakref.WeakKeyDictionary = weakref.WeakKeyDictionary()


@contextlib.contextmanager
def emulated_tpu() -> Iterator[None]:
    """Run steps that were traced under `tpu_strategy` on the CPU.

    Works for everything that calls `strategy.run`: a `tf.function`, `strategy.run` itself, and
    Keras's `fit` and `evaluate`. Takes the graph that was traced for the TPU and runs each op of
    its computation once for each replica. Computes collectives (`CrossReplicaSum`, `AllToAll`,
    `CollectivePermute`) from the values of all replicas.

    The emulation shows whether a step counts correctly, for all replicas and over many steps. It
    does not show speed, memory, or the arithmetic of a TPU, where float64 has about 48 bits and a
    product of float32 matrices rounds its factors to bfloat16. Random ops with a seed draw the same
    numbers on all replicas.

    Raises:
        NotImplementedError: A called step uses variables of another strategy than `tpu_strategy`,
            or an op other than a call, `tf.cond` or `tf.while_loop` contains a collective.

    Example:
        >>> from dist_f1.testing import tpu_strategy
        >>> strategy = tpu_strategy(8)
        >>> with emulated_tpu():
        ...     values = strategy.run(tf.function(lambda: tf.constant(1)))
        >>> len(strategy.experimental_local_results(values))
        8
    """
    function_class: Any = concrete_function.ConcreteFunction
    original = function_class._call_flat

    def call(self: Any, tensor_inputs: Any, captured_inputs: Any) -> Any:
        emulation = _emulation_of(self) if tf.executing_eagerly() else None
        if emulation is None:
            return original(self, tensor_inputs, captured_inputs)
        outputs = emulation(*tensor_inputs, *captured_inputs)
        return self.function_type.pack_output(outputs)

    function_class._call_flat = call
    try:
        yield
    finally:
        function_class._call_flat = original


def _emulation_of(function: Any) -> Callable[..., Any] | None:
    if function not in _emulations:
        _emulations[function] = _emulate(function.graph)
    return _emulations[function]


def _emulate(graph: func_graph.FuncGraph) -> Callable[..., Any] | None:
    library, ops = FunctionLibrary(graph.as_graph_def(), graph), graph.get_operations()
    if not any(op.type in METADATA_OPS or library.calls_any(op, METADATA_OPS) for op in ops):
        return None
    # TensorFlow counts retracing by code object, so one closure for all graphs would warn.
    return tf.function(functools.partial(lockstep.trace, graph), autograph=False)
