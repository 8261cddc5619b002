"""Functions of a batch that are traced once for all numbers of rows, replicas and steps."""

import functools
from collections.abc import Callable, Hashable
from typing import Any

import tensorflow as tf

from dist_f1.batch.inputs import Rows
from dist_f1.replicas import contexts

# Number of traces that are kept.
_MAX_TRACES = 256


def call_traced(
    function: Callable[..., Any], rows: Rows, *options: Hashable, compiled: bool = False
) -> Any:
    """Call `function(rows, *options)`, which is traced only for the first batch of its kind.

    Args:
        function: A function at the top level of a module. Its result must depend on nothing but
            its arguments.
        rows: The batch.
        *options: Further arguments. The function is traced for each combination.
        compiled: Whether XLA compiles the function, once for each shape.
    """
    tensors = {name: x for name, x in rows._asdict().items() if tf.is_tensor(x)}
    specs = [tf.TensorSpec([None, *x.shape[1:]], x.dtype) for x in tensors.values()]
    signature = tuple(zip(tensors, specs, strict=True))
    return trace(function, options, rows.num_classes, signature, compiled)(*tensors.values())


@functools.lru_cache(maxsize=_MAX_TRACES)
def trace(
    function: Callable[..., Any],
    options: tuple[Hashable, ...],
    num_classes: int,
    signature: tuple[tuple[str, tf.TensorSpec], ...],
    compiled: bool,
) -> Callable[..., Any]:
    """Trace `function` as a function of the tensors of a batch, which the signature names."""
    missing = dict.fromkeys(Rows._fields)

    def of_tensors(*tensors: tf.Tensor) -> Any:
        given = {name: x for (name, _), x in zip(signature, tensors, strict=True)}
        rows = Rows(**{**missing, "num_classes": num_classes, **given})
        return function(rows, *options)

    traceable = tf.function(of_tensors, jit_compile=compiled or None, autograph=False)
    specs = [spec for _, spec in signature]
    # The trace must not depend on the strategy or the graph of the first caller.
    return contexts.call_eagerly(lambda: traceable.get_concrete_function(*specs))


def not_inlined(function: Callable[[], tf.Tensor]) -> Callable[[], tf.Tensor]:
    """Return a function that TensorFlow does not inline: a branch that is rarely taken.

    Inlined, its operations would delay each step, although they are not executed.
    """
    if tf.executing_eagerly():
        return function
    options = {"_noinline": True}
    return tf.function(function, autograph=False, experimental_attributes=options)
