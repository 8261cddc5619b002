"""`choose`: the kernels that count a batch of scores."""

import contextlib
import dataclasses
import os
import threading
from collections.abc import Iterator
from typing import Any, Literal, get_args

import tensorflow as tf

from dist_f1.replicas import contexts

Argmax = Literal["rows", "blocks", "lanes", "keys"]
DecisionKind = Literal["argmax", "threshold", "labels", "other"]
Histogram = Literal["bincount", "segment_sum", "matmul"]

# With fewer predictions, the call of compiled code costs more than the compiled code saves.
MIN_COMPILED = 2**17
# Counting a label takes about as long as reading this number of predictions.
_LABEL_WIDTH = 8
# From this number of classes, two passes over a row in blocks cost less than argmax and a NaN test.
_MIN_BLOCKED = 256


@dataclasses.dataclass(frozen=True)
class Kernels:
    """How one batch is decided and counted.

    Args:
        device: Device that the kernels are meant for: `"CPU"`, `"GPU"` or `"TPU"`. The counts are
            correct on any device.
        argmax: Search for the best class. `"rows"`: `tf.argmax`, and a separate NaN test.
            `"blocks"`: maxima of blocks of classes, then argmax in the best block. `"lanes"`:
            slices of classes, compared elementwise; bool matrices are summed by slices too.
            `"keys"`: maximum of integer sort keys of prediction and class. The last two use
            `"rows"` for float64.
        histogram: Histogram of ids. `"bincount"`: one for all counts. `"segment_sum"`: one unsorted
            segment sum for each. `"matmul"`: a product of one-hot matrices, or a segment sum if
            the product is too large.
        compiled: Whether XLA compiles the counting, once for each shape.
        is_small: Whether the batch is known to be small, although its number of rows is not known.
    """

    device: str = "CPU"
    argmax: Argmax = "rows"
    histogram: Histogram = "bincount"
    compiled: bool = False
    is_small: bool = False

    def __post_init__(self) -> None:
        for name, value, valid in (
            ("device", self.device, ("CPU", "GPU", "TPU")),
            ("argmax", self.argmax, get_args(Argmax)),
            ("histogram", self.histogram, get_args(Histogram)),
        ):
            if value not in valid:
                raise ValueError(f"{name} must be one of {', '.join(valid)}, got {value!r}.")
        for name, flag in (("compiled", self.compiled), ("is_small", self.is_small)):
            if not isinstance(flag, bool):
                raise ValueError(f"{name} must be True or False, got {flag!r}.")

    @property
    def index(self) -> tf.DType:
        """The dtype of class ids. TensorFlow computes int32 on the host, also under a GPU."""
        return tf.int32 if self.compiled or self.device == "TPU" else tf.int64


_ANY = None
# By device, whether the step is compiled, whether the batch is worth compiling, and whether there
# are `_MIN_BLOCKED` classes or more. Exactly one row matches.
TABLE: dict[tuple[Any, ...], Kernels] = {
    ("TPU", _ANY, _ANY, _ANY): Kernels("TPU", "keys", "matmul"),
    ("GPU", True, _ANY, _ANY): Kernels("GPU", "rows", "segment_sum"),
    ("GPU", False, _ANY, _ANY): Kernels("GPU", "rows", "bincount"),
    ("CPU", True, _ANY, _ANY): Kernels("CPU", "lanes", "segment_sum"),
    ("CPU", False, True, _ANY): Kernels("CPU", "lanes", "segment_sum", compiled=True),
    ("CPU", False, False, True): Kernels("CPU", "blocks", "bincount"),
    ("CPU", False, False, False): Kernels("CPU", "rows", "bincount"),
}

# Overridden fields, the latest last. Process-wide: replicas are traced in separate threads. The
# tuple is replaced as a whole, so each thread sees a complete override or none of it.
_overrides: tuple[dict[str, Any], ...] = ()
_overrides_lock = threading.Lock()


def choose(
    y_score: tf.Tensor, *, decision: DecisionKind = "argmax", is_large: bool = True
) -> Kernels:
    """Choose the kernels for a batch, from what is known while it is traced.

    Args:
        y_score: Predictions `[..., C]` or labels `[N]`.
        decision: `"argmax"`, the best class of each row; `"threshold"`, a decision for each class;
            `"labels"`, integers without a decision; or `"other"`, which is never compiled on its
            own.
        is_large: Whether a batch with an unknown number of rows is large enough to be compiled.
    """
    rows = number_of_rows(y_score)
    is_small = rows is None and not is_large
    is_large = is_large if rows is None else is_large_batch(y_score)
    situation = (
        device(y_score),
        contexts.is_compiled(),
        is_large and _is_worth_compiling(y_score.dtype, rows, decision),
        row_width(y_score) >= _MIN_BLOCKED,
    )
    (chosen,) = (
        kernels
        for conditions, kernels in TABLE.items()
        if all(x in (_ANY, y) for x, y in zip(conditions, situation, strict=True))
    )
    return dataclasses.replace(chosen, **{"is_small": is_small} | _overridden())


def device(like: tf.Tensor) -> str:
    """Return `"CPU"`, `"GPU"` or `"TPU"`: the overridden device, or that of ops on this tensor."""
    return _overridden().get("device") or contexts.device_type(like)


@contextlib.contextmanager
def override(**fields: Any) -> Iterator[None]:
    """Replace fields of every choice that is made inside the context, in all threads.

    A choice is made while a step is traced, and does not change afterwards.

    Args:
        **fields: Fields of `Kernels`. The other fields follow from `device`, if it is given.

    Raises:
        ValueError: A kernel is not supported.
        TypeError: `Kernels` has no such field.

    Example:
        >>> with override(device="GPU"):
        ...     choose(tf.zeros([8, 100])).histogram
        'bincount'
    """
    Kernels(**fields)
    global _overrides
    with _overrides_lock:
        _overrides = (*_overrides, fields)
    try:
        yield
    finally:
        with _overrides_lock:
            _overrides = tuple(other for other in _overrides if other is not fields)


def _overridden() -> dict[str, Any]:
    return {name: value for fields in _overrides for name, value in fields.items()}


def number_of_rows(y_score: tf.Tensor) -> int | None:
    """Return the number of rows of predictions `[..., C]` or labels `[N]`, or `None` if unknown."""
    shape = y_score.shape
    return (shape[:-1] if shape.rank > 1 else shape).num_elements()


def row_width(y_score: tf.Tensor) -> int:
    """Return the number of predictions in a row; for labels, that which takes as long to count."""
    return y_score.shape[-1] if y_score.shape.rank > 1 else _LABEL_WIDTH


def may_share_program(y_score: tf.Tensor) -> bool:
    """Whether an eager batch may be counted by a compiled program that others share.

    Large batches on CPUs may, unless the user chooses kernels, or has switched compilation off.
    """
    is_free = is_large_batch(y_score) and not _overrides and _is_compilation_on()
    return is_free and device(y_score) == "CPU"


def is_large_batch(y_score: tf.Tensor) -> bool:
    """Whether a batch with a known number of rows is large enough to be compiled."""
    rows = number_of_rows(y_score)
    assert rows is not None
    return rows * row_width(y_score) >= MIN_COMPILED


def _is_compilation_on() -> bool:
    return os.environ.get("DIST_F1_COMPILE") != "0"


def _is_worth_compiling(dtype: tf.DType, rows: int | None, decision: DecisionKind) -> bool:
    """Whether XLA's code for a large batch is faster than plain ops, and can be called here."""
    is_fast = {"argmax": dtype.size <= 4, "threshold": True, "labels": True, "other": False}
    is_allowed = _is_compilation_on()
    if rows is None:
        is_allowed &= _overridden().get("compiled", True)
    return is_fast[decision] and is_allowed and contexts.may_compile()
