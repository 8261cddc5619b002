"""Whether the functions of Keras have their faults, by calling them with stand-ins."""

from __future__ import annotations

import inspect
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest import mock

import numpy as np
from tensorflow.python.distribute import values


class _ReducedError(Exception):
    """A stand-in was asked to reduce a batch."""


def builds_from_a_reduced_batch(module: ModuleType) -> bool:
    """Whether a symbolic build reduces the first batch over the replicas."""
    # Tensors would initialize TensorFlow, too early for a strategy that is made later.
    batch = values.PerReplica((np.zeros([2, 1]), np.zeros([1, 1])))

    class Epochs(list[Any]):
        """A list that takes attributes."""

    class Strategy:
        def scope(self) -> Any:
            return mock.MagicMock()

        def reduce(self, *args: Any, **kwargs: Any) -> None:
            raise _ReducedError

        def experimental_local_results(self, value: Any) -> Any:
            return value.values

    strategy = Strategy()
    stand_in = SimpleNamespace(
        _distribute_strategy=strategy,
        distribute_strategy=strategy,
        _symbolic_build=lambda **_: None,
    )
    iterator = Epochs([(0, 0, iter([(batch,)]))])
    try:
        module.TensorFlowTrainer._maybe_symbolic_build(stand_in, iterator=iterator)
    except _ReducedError:
        return True
    return False


def reduces_scalars_along_an_axis(module: ModuleType) -> bool:
    """Whether the results of several workers are averaged along an axis."""
    axes = []

    class Strategy:
        def reduce(self, operation: str, value: Any, axis: Any = None) -> Any:
            axes.append(axis)
            return value

    with mock.patch.object(module, "_collective_all_reduce_multi_worker", return_value=True):
        module.reduce_per_replica(np.float32(0.0), Strategy(), "mean")
    return axes != [None]


def runs_steps_in_a_graph_loop(module: ModuleType) -> bool:
    """Whether several steps of one execution are a loop in the graph."""
    return "while_loop" in inspect.getsource(module.TensorFlowTrainer._make_function)
