"""Variables of a program as values that go in and come out, for where there is no device."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf


class Values:
    """What the variables of one replica hold, while its program is traced."""

    def __init__(self, handles: Sequence[Any], values: Sequence[tf.Tensor]) -> None:
        self._held = {id(handle): value for handle, value in zip(handles, values, strict=True)}

    def apply(self, op: Any, handle: Any, others: Sequence[tf.Tensor]) -> list[tf.Tensor]:
        """Does what an op does with a variable; returns its outputs.

        Raises:
            NotImplementedError: it is not known here what the op does.
        """
        if op.type == "ReadVariableOp":
            return [self._held[id(handle)]]
        if op.type not in _UPDATES:
            raise NotImplementedError(
                f"{op.type} ({op.name}) takes a variable. Without a device, programs can read and "
                "assign variables, outside of loops, branches and calls."
            )
        self._held[id(handle)] = _UPDATES[op.type](self._held[id(handle)], *others)
        return []

    def all(self) -> list[tf.Tensor]:
        """What they hold now."""
        return list(self._held.values())


_UPDATES: dict[str, Callable[..., tf.Tensor]] = {
    "AssignAddVariableOp": lambda held, value: held + value,
    "AssignSubVariableOp": lambda held, value: held - value,
    "AssignVariableOp": lambda held, value: value,
}


def value_spec(handle: Any) -> tf.TensorSpec:
    """Shape and dtype of the variable that a handle is of."""
    (data,) = handle._handle_data.shape_and_type
    return tf.TensorSpec(data.shape, tf.as_dtype(data.dtype))
