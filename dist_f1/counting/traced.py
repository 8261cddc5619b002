"""Functions of a batch that are traced once for all numbers of rows, replicas and steps."""

import functools
from collections.abc import Callable, Hashable
from typing import Any

import tensorflow as tf

from dist_f1.batch.inputs import Rows
from dist_f1.replicas import contexts

# Functions that are kept.
_FUNCTIONS = 256


def traced(
    function: Callable[..., Any], rows: Rows, *options: Hashable, compiled: bool = False
) -> Any:
    """Return `function(rows, *options)`, traced only for the first batch of its kind.

    Args:
        function: A function at the top level of a module, which shows in its options what it
            depends on.
        rows: The batch.
        *options: Further arguments. The function is traced for each combination.
        compiled: Whether XLA compiles the function, once for each shape.
    """
    tensors = {name: x for name, x in rows._asdict().items() if tf.is_tensor(x)}
    specs = [tf.TensorSpec([None, *x.shape[1:]], x.dtype) for x in tensors.values()]
    signature = tuple(zip(tensors, specs, strict=True))
    return trace(function, options, rows.num_classes, signature, compiled)(*tensors.values())


@functools.lru_cache(maxsize=_FUNCTIONS)
def trace(
    function: Callable[..., Any],
    options: tuple[Hashable, ...],
    num_classes: int,
    signature: tuple[tuple[str, tf.TensorSpec], ...],
    compiled: bool,
) -> Callable[..., Any]:
    """Return a function of the tensors of a batch, named by the signature."""
    missing = dict.fromkeys(Rows._fields)

    def of_tensors(*tensors: tf.Tensor) -> Any:
        given = {name: x for (name, _), x in zip(signature, tensors, strict=True)}
        rows = Rows(**{**missing, "num_classes": num_classes, **given})
        return function(rows, *options)

    traceable = tf.function(of_tensors, jit_compile=compiled or None, autograph=False)
    specs = [spec for _, spec in signature]
    # The trace must not depend on the strategy or the graph of the first caller.
    return contexts.call_eagerly(lambda: traceable.get_concrete_function(*specs))


def kept_apart(function: Callable[[], tf.Tensor]) -> Callable[[], tf.Tensor]:
    """Return a branch of a condition that is rarely taken, as a function of its own.

    TensorFlow would inline its operations, and they would delay each step, although they are not
    executed.
    """
    options = {"_noinline": True}
    return tf.function(function, autograph=False, experimental_attributes=options)
