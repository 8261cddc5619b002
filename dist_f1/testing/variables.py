"""Replace the variables of a program by inputs and outputs, where there is no device for them."""

from collections.abc import Callable, Sequence

import tensorflow as tf


class VariableValues:
    """Current values of a replica's variables while its program is traced.

    Args:
        handles: Resource handles of the variables.
        values: Their initial values.
    """

    def __init__(self, handles: Sequence[tf.Tensor], values: Sequence[tf.Tensor]) -> None:
        self._values = {id(handle): value for handle, value in zip(handles, values, strict=True)}

    def apply(
        self, op: tf.Operation, handle: tf.Tensor, others: Sequence[tf.Tensor]
    ) -> list[tf.Tensor]:
        """Apply an op to a variable and return the op's outputs.

        Args:
            op: A read or an assignment.
            handle: Handle of the variable.
            others: Other inputs of the op.

        Raises:
            NotImplementedError: The op is not supported.
        """
        if op.type == "ReadVariableOp":
            return [self._values[id(handle)]]
        if op.type not in _UPDATES:
            raise NotImplementedError(
                f"{op.type} ({op.name}) uses a variable, which is not supported when lowering for "
                "a TPU. Only read and assign variables, outside loops, branches and calls."
            )
        self._values[id(handle)] = _UPDATES[op.type](self._values[id(handle)], *others)
        return []

    def all(self) -> list[tf.Tensor]:
        """Return the current values."""
        return list(self._values.values())


_UPDATES: dict[str, Callable[..., tf.Tensor]] = {
    "AssignAddVariableOp": lambda current, value: current + value,
    "AssignSubVariableOp": lambda current, value: current - value,
    "AssignVariableOp": lambda current, value: value,
}


def value_spec(handle: tf.Tensor) -> tf.TensorSpec:
    """Return the shape and dtype of the variable of a handle."""
    (data,) = handle._handle_data.shape_and_type
    return tf.TensorSpec(data.shape, tf.as_dtype(data.dtype))
