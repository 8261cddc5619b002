"""What one core of a TPU is given to run, taken out of a traced step."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import tensorflow as tf

from dist_f1.inspection import graphs
from dist_f1.testing import computations
from dist_f1.testing.computations import Library
from dist_f1.testing.variables import Values, value_spec


class Computation(NamedTuple):
    """The graph that has a TPU computation among its ops, and where its inputs come from.

    `outside`: what is known of the inputs of the graph: tensors that were captured, or `None`.
    """

    graph: Any
    library: Library
    outside: list[Any]

    def captured(self) -> dict[Any, Any]:
        """The tensors that were captured, by what stands for them in the graph."""
        pairs = zip(self.graph.inputs, self.outside, strict=True)
        return {x.ref(): value for x, value in pairs if value is not None}

    def ops(self) -> list[Any]:
        """The ops of the computation itself, without those of functions that it calls."""
        ops = self.graph.get_operations()
        return [op for op in ops if computations.is_inside(op)]

    def all_ops(self) -> Iterator[Any]:
        """Those of functions that it calls, too."""
        names: list[str] = []
        for op in self.ops():
            yield op
            names += self.library.called(op)
        seen: set[str] = set()
        while names:
            name = names.pop()
            if name not in seen:
                seen.add(name)
                for op in self.library.body(name).get_operations():
                    yield op
                    names += self.library.called(op)


def find(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Computation:
    """The TPU computation of a `tf.function`, or of what it calls.

    Raises:
        TypeError: `function` has no graph.
        ValueError: there is no TPU computation in it, or more than one.
    """
    graph = graphs.graph_of(function, *args, **kwargs)
    captured = {inside.ref(): outside for outside, inside in graph.captures}
    found = list(_search(graph, Library(graph), [captured.get(x.ref()) for x in graph.inputs]))
    if len(found) != 1:
        raise ValueError(
            f"{len(found)} TPU computations were found, expected one. Pass a tf.function that "
            "calls strategy.run once, traced under dist_f1.testing.tpu_strategy()."
        )
    return found[0]


def _search(graph: Any, library: Library, outside: Sequence[Any]) -> Iterator[Computation]:
    known = {x.ref(): value for x, value in zip(graph.inputs, outside, strict=True)}
    # Two in one graph are both yielded, and refused.
    for op in graph.get_operations():
        if op.type == computations.METADATA:
            yield Computation(graph, library, list(outside))
    for op in graph.get_operations():
        if not library.calls_any(op, frozenset({computations.METADATA})):
            continue
        for name in library.called(op):
            body = library.body(name)
            # A branch is given all inputs but the first, which chooses it.
            inputs = list(op.inputs)[len(op.inputs) - len(body.inputs) :]
            yield from _search(body, library, [known.get(x.ref()) for x in inputs])


class Program:
    """One replica's program, and what it is called with.

    Attributes:
        specs: `tf.TensorSpec`s of its arguments, which are what the replica is given in each call.
            Variables are those of the first replica.
    """

    def __init__(self, computation: Computation) -> None:
        """Takes the computation; `replica_program` finds it."""
        self._computation = computation
        self._ops = computation.graph.get_operations()
        captured = computation.captured()
        replicated = [op for op in self._ops if op.type == computations.REPLICATED_INPUT]
        given = {op.outputs[0].ref(): _constant(op.inputs[0], captured) for op in replicated}
        # What is the same in each call, by what stands for it in the graph.
        mine = {x: value for x, value in given.items() if value is not None}
        self._fixed = {**captured, **mine}
        # Each once, of the first replica alone.
        handles = {id(x): x for x in mine.values() if x.dtype == tf.resource}
        self._handles = list(handles.values())
        varying = [op.outputs[0] for op in replicated if given[op.outputs[0].ref()] is None]
        self._varying = [*varying, *self._arguments()]
        self.specs = [tf.TensorSpec(x.shape, x.dtype) for x in self._varying]

    def _arguments(self) -> list[tf.Tensor]:
        """The arguments of the step that all replicas are given as they are."""
        found: dict[Any, tf.Tensor] = {}
        seen = set(self._fixed)
        ahead = [x for op in self._computation.ops() for x in op.inputs]
        while ahead:
            x = ahead.pop()
            if x.ref() in seen or computations.is_inside(x.op):
                continue
            seen.add(x.ref())
            if x.op.type in computations.PLACEHOLDERS:
                found[x.ref()] = x
            elif x.op.type != computations.REPLICATED_INPUT:
                ahead += x.op.inputs
        return [x for x in self._computation.graph.inputs if x.ref() in found]

    def lower(self, stage: str = "hlo", platform: str = "CPU") -> Any:
        """What XLA makes of the program, all of its arguments being unknown.

        Args:
            stage: `"hlo"`, `"hlo_serialized"`, `"optimized_hlo"`, ...; see
                `tf.function.experimental_get_compiler_ir`.
            platform: `"CPU"`, where replicas have no way to tell each other anything, so that each
                goes on with what it has itself; or `"TPU"`, which needs a TensorFlow that is built
                for TPUs, but no TPU. There, what variables hold is given and returned, too.

        Raises:
            ValueError: XLA cannot compile the program; or a shape is not known.
        """
        on_tpu = platform == "TPU"
        # Variables need a device.
        handles = self._handles if on_tpu else []

        def program(*arguments: tf.Tensor) -> list[tf.Tensor]:
            number = len(self.specs)
            held = Values(handles, arguments[number:])
            return self._trace(arguments[:number], held, on_tpu) + held.all()

        compiled = tf.function(program, jit_compile=True, autograph=False)
        specs = [*self.specs, *map(value_spec, handles)]
        generate = compiled.experimental_get_compiler_ir(*specs)
        if "platform_name" in inspect.signature(generate).parameters:
            return generate(stage=stage, platform_name=platform)
        # TensorFlow 2.15 knows devices only.
        return generate(stage=stage, device_name=f"/device:{platform}:0")

    def _trace(self, arguments: Sequence[tf.Tensor], held: Values, on_tpu: bool) -> list[tf.Tensor]:
        """Makes the ops of a replica, and those of the host that these need, which are constants.

        `held`: what its variables hold on a TPU.
        """
        library = self._computation.library
        tf.graph_util.import_graph_def(library.plain_functions(), name="")
        mine = {x.ref(): value for x, value in zip(self._varying, arguments, strict=True)}
        values = {**self._fixed, **mine}

        def value_of(tensor: tf.Tensor) -> tf.Tensor:
            if tensor.ref() not in values:
                make(tensor.op)
            return values[tensor.ref()]

        def make(op: Any) -> None:
            if not on_tpu and op.type in computations.CROSS_REPLICA:
                outputs = [value_of(op.inputs[0])]
            else:
                inputs = [value_of(x) for x in op.inputs]
                if on_tpu and any(x.dtype == tf.resource for x in op.inputs):
                    outputs = held.apply(op, inputs[0], inputs[1:])
                else:
                    outputs = computations.again(op, inputs)
            values.update((x.ref(), value) for x, value in zip(op.outputs, outputs, strict=True))

        for op in self._computation.ops():
            if not computations.is_bookkeeping(op):
                make(op)
        results = [op.inputs[0] for op in self._ops if op.type == computations.REPLICATED_OUTPUT]
        return [value_of(x) for x in results]


def _constant(source: tf.Tensor, captured: dict[Any, Any]) -> Any:
    """What the first replica is given, if it is the same in each call."""
    if source.ref() in captured:
        return captured[source.ref()]
    value = tf.get_static_value(source)
    return None if value is None else tf.constant(value, source.dtype)


def replica_program(function: Callable[..., Any], *args: Any, **kwargs: Any) -> Program:
    """The program of one replica of a step that was traced under `tpu_strategy`.

    Args:
        function: a `tf.function` that calls `strategy.run`, or a concrete one.
        *args: what it is called with, or `tf.TensorSpec`s.
        **kwargs: likewise.

    Raises:
        TypeError: `function` has no graph.
        ValueError: there is no TPU computation in it, or more than one.

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
