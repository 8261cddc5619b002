"""Extract the program of one TPU core from a traced step."""

import inspect
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import tensorflow as tf
from tensorflow.python.framework import func_graph

from dist_f1.inspection import graphs
from dist_f1.inspection.called_functions import FunctionLibrary
from dist_f1.testing import computations
from dist_f1.testing.computations import METADATA_OPS
from dist_f1.testing.variables import VariableValues, value_spec

# Values by the `Tensor.ref()` of a tensor that stands for them in a graph.
Values = dict[Any, tf.Tensor]


class Computation(NamedTuple):
    """The graph whose ops include a TPU computation.

    Fields:
        graph: The graph.
        library: The functions that it calls.
        captured: The inputs of the graph that are captured tensors.
    """

    graph: func_graph.FuncGraph
    library: FunctionLibrary
    captured: Values

    def ops(self) -> list[tf.Operation]:
        """Return the ops of the computation, without those of called functions."""
        return [op for op in self.graph.get_operations() if computations.is_replicated(op)]

    def all_ops(self) -> Iterator[tf.Operation]:
        """Yield the ops of the computation and of all functions that it calls."""
        return self.library.walk(self.ops())


def find(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Computation:
    """Find the TPU computation of a `tf.function`, or of a function that it calls.

    Raises:
        TypeError: `function` has no graph.
        ValueError: `function` has no TPU computation, or several.
    """
    graph = graphs.graph_of(function, *args, **kwargs)
    captured = {inner.ref(): outer for outer, inner in graph.captures}
    found = list(_search(graph, FunctionLibrary(graph.as_graph_def(), graph), captured))
    if len(found) != 1:
        raise ValueError(
            f"Found {len(found)} TPU computations, expected one. Pass a tf.function that calls "
            "strategy.run once, traced under dist_f1.testing.tpu_strategy()."
        )
    return found[0]


def _search(
    graph: func_graph.FuncGraph, library: FunctionLibrary, captured: Values
) -> Iterator[Computation]:
    for op in graph.get_operations():
        if op.type in METADATA_OPS:
            yield Computation(graph, library, captured)
        if not library.calls_any(op, METADATA_OPS):
            continue
        for body in library.called_graphs(op):
            # A branch gets all inputs but the first, which selects it.
            inputs = list(op.inputs)[len(op.inputs) - len(body.inputs) :]
            pairs = zip(body.inputs, inputs, strict=True)
            inner = {x.ref(): captured[y.ref()] for x, y in pairs if y.ref() in captured}
            yield from _search(body, library, inner)


class Program:
    """The program of one replica; `replica_program` extracts it from a step.

    Args:
        computation: The TPU computation of the step.

    Attributes:
        specs: `tf.TensorSpec` of each argument, i.e. of each value that the replica gets in a call.
            Variables are not arguments: the program uses those of the first replica.
    """

    def __init__(self, computation: Computation) -> None:
        self._computation = computation
        self._ops = computation.graph.get_operations()
        captured = computation.captured
        replicated = [op for op in self._ops if op.type == computations.REPLICATED_INPUT]
        first = {op.outputs[0].ref(): _constant_value(op.inputs[0], captured) for op in replicated}
        constants = {x: value for x, value in first.items() if value is not None}
        self._constants = {**captured, **constants}
        handles = {id(x): x for x in constants.values() if x.dtype == tf.resource}
        self._handles = list(handles.values())
        varying = [op.outputs[0] for op in replicated if first[op.outputs[0].ref()] is None]
        self._arguments = [*varying, *self._unreplicated_arguments()]
        self.specs = [tf.TensorSpec(x.shape, x.dtype) for x in self._arguments]

    def _unreplicated_arguments(self) -> list[tf.Tensor]:
        """Return the step's arguments that the computation uses without a replicated input."""
        found, seen = set(), set(self._constants)
        ahead = [x for op in self._computation.ops() for x in op.inputs]
        while ahead:
            x = ahead.pop()
            if x.ref() in seen or computations.is_replicated(x.op):
                continue
            seen.add(x.ref())
            if x.op.type in computations.PLACEHOLDER_OPS:
                found.add(x.ref())
            elif x.op.type != computations.REPLICATED_INPUT:
                ahead += x.op.inputs
        return [x for x in self._computation.graph.inputs if x.ref() in found]

    def lower(self, stage: str = "hlo", platform: str = "CPU") -> str | bytes:
        """Compile the program with XLA, with all arguments unknown.

        Args:
            stage: `"hlo"`, `"hlo_serialized"`, `"optimized_hlo"` or another stage of
                `tf.function.experimental_get_compiler_ir`.
            platform: `"CPU"`, where collectives are left out and return the replica's own value, or
                `"TPU"`, which needs a TensorFlow built for TPUs, but no TPU. On `"TPU"` the values
                of variables become further arguments and results.

        Returns:
            The compiler's text, or bytes for a serialized stage.

        Raises:
            ValueError: XLA cannot compile the program, or a shape is unknown.
        """
        on_tpu = platform == "TPU"
        # Variables need a device.
        handles = self._handles if on_tpu else []

        def program(*arguments: tf.Tensor) -> list[tf.Tensor]:
            number = len(self.specs)
            variables = VariableValues(handles, arguments[number:])
            return self._trace(arguments[:number], variables, on_tpu) + variables.all()

        compiled = tf.function(program, jit_compile=True, autograph=False)
        specs = [*self.specs, *map(value_spec, handles)]
        generate = compiled.experimental_get_compiler_ir(*specs)
        if "platform_name" in inspect.signature(generate).parameters:
            return generate(stage=stage, platform_name=platform)
        # TensorFlow 2.15 has no platform names.
        return generate(stage=stage, device_name=f"/device:{platform}:0")

    def _trace(
        self, arguments: Sequence[tf.Tensor], variables: VariableValues, on_tpu: bool
    ) -> list[tf.Tensor]:
        """Copy the replica's ops and the host's constants that they need; return the results."""
        functions = self._computation.library.without(METADATA_OPS)
        tf.graph_util.import_graph_def(functions, name="")
        pairs = zip(self._arguments, arguments, strict=True)
        values = self._constants | {x.ref(): value for x, value in pairs}

        def value_of(tensor: tf.Tensor) -> tf.Tensor:
            if tensor.ref() not in values:
                copy(tensor.op)
            return values[tensor.ref()]

        def copy(op: tf.Operation) -> None:
            if not on_tpu and op.type in computations.COLLECTIVE_OPS:
                outputs = [value_of(op.inputs[0])]
            else:
                inputs = [value_of(x) for x in op.inputs]
                if on_tpu and any(x.dtype == tf.resource for x in op.inputs):
                    outputs = variables.apply(op, inputs[0], inputs[1:])
                else:
                    outputs = computations.clone_op(op, inputs)
            values.update((x.ref(), value) for x, value in zip(op.outputs, outputs, strict=True))

        for op in self._computation.ops():
            if op.type not in computations.BOOKKEEPING_OPS:
                copy(op)
        results = [op.inputs[0] for op in self._ops if op.type == computations.REPLICATED_OUTPUT]
        return [value_of(x) for x in results]


def _constant_value(source: tf.Tensor, captured: Values) -> tf.Tensor | None:
    """Return the value of a tensor if it is the same in each call, else `None`."""
    if source.ref() in captured:
        return captured[source.ref()]
    value = tf.get_static_value(source)
    return None if value is None else tf.constant(value, source.dtype)


def replica_program(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Program:
    """Extract the program of one replica from a step that was traced under `tpu_strategy`.

    Args:
        function: A `tf.function` that calls `strategy.run`, or a concrete function.
        *args: Arguments of `function`, or a `tf.TensorSpec` for each.
        **kwargs: Keyword arguments of `function`, or a `tf.TensorSpec` for each.

    Raises:
        TypeError: `function` has no graph.
        ValueError: `function` has no TPU computation, or several.

    Example:
        >>> from dist_f1.testing import tpu_strategy
        >>> strategy = tpu_strategy(8)
        >>> @tf.function
        ... def step(x):
        ...     return strategy.run(tf.square, (x,))
        >>> program = replica_program(step, tf.TensorSpec([4]))
        >>> "multiply" in program.lower()
        True
    """
    return Program(find(function, *args, **kwargs))
