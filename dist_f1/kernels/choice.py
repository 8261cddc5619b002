"""`choose`: which kernels count a batch of scores."""

from __future__ import annotations

import contextlib
import dataclasses
import threading
from collections.abc import Iterator
from typing import Any, Literal, get_args

import tensorflow as tf

from dist_f1.kernels.lanes import LANES
from dist_f1.replicas import contexts

Argmax = Literal["rows", "blocks", "lanes", "keys"]
DecisionKind = Literal["argmax", "threshold", "other"]
Histogram = Literal["bincount", "segment_sum", "matmul"]

# From here on compiling pays: a call of compiled code costs as much as some plain operations.
_LEAST_COMPILED = 2**17
# Up to here decisions for each class are compiled: 255 slices are added up in fields of 8 bits.
_EACH_COMPILED = 255 * LANES
# From here on two looks at a row in blocks cost less than one argmax and a look for NaN.
_LEAST_BLOCKED = 256


@dataclasses.dataclass(frozen=True)
class Kernels:
    """How one batch is decided and counted.

    Args:
        device: `"CPU"`, `"GPU"` or `"TPU"`, what it is meant for; it is right on any.
        argmax: `"rows"`, `tf.argmax` and a look for NaN; `"blocks"`, the maxima of blocks of
            classes first, then only the best block; `"lanes"`, slices of classes compared with the
            best so far, and bool matrices summed by slices; `"keys"`, the maximum of integers that
            order scores and classes. The last two take float64 scores by `"rows"`.
        histogram: `"bincount"`, one of all counts; `"segment_sum"`, an unsorted one of static size
            for each; `"matmul"`, a product of one-hot matrices (too large a one, `"segment_sum"`).
        compiled: whether XLA compiles it, once for each shape.
    """

    device: str = "CPU"
    argmax: Argmax = "rows"
    histogram: Histogram = "bincount"
    compiled: bool = False

    def __post_init__(self) -> None:
        for name, value, known in (
            ("device", self.device, ("CPU", "GPU", "TPU")),
            ("argmax", self.argmax, get_args(Argmax)),
            ("histogram", self.histogram, get_args(Histogram)),
        ):
            if value not in known:
                raise ValueError(f"{name} must be one of {', '.join(known)}, got {value!r}.")
        if not isinstance(self.compiled, bool):
            raise ValueError(f"compiled must be True or False, got {self.compiled!r}.")

    @property
    def index(self) -> tf.DType:
        """The dtype of class ids. On a GPU, TensorFlow calculates with int32 on the host."""
        return tf.int32 if self.compiled or self.device == "TPU" else tf.int64


# What was overridden, the latest last. Replicas are traced in threads of their own, so it is of the
# process; it is replaced as a whole, so that each of them sees all of it or nothing.
_overrides: tuple[dict[str, Any], ...] = ()
_changing = threading.Lock()


def choose(scores: tf.Tensor, *, decision: DecisionKind = "argmax") -> Kernels:
    """The kernels for scores `[..., C]` or labels `[N]`, as they are seen while tracing.

    Args:
        scores: see `dist_f1.kernels`.
        decision: `"argmax"`, the best class of each row; `"threshold"`, each class on its own; `"other"`,
            which is never compiled.
    """
    shape = scores.shape if scores.shape.rank > 1 else [*scores.shape, 1]
    rows, classes = tf.TensorShape(shape[:-1]).num_elements(), shape[-1]
    pays = {
        "argmax": scores.dtype.size <= 4,
        "threshold": classes <= _EACH_COMPILED,
        "other": False,
    }
    chosen = _fastest(device(scores), rows, classes, pays[decision])
    return dataclasses.replace(chosen, **_overridden())


def device(like: tf.Tensor) -> str:
    """`"CPU"`, `"GPU"` or `"TPU"`: where what is made of a tensor is, unless overridden."""
    return _overridden().get("device") or contexts.device_type(like)


def _overridden() -> dict[str, Any]:
    return {name: value for fields in _overrides for name, value in fields.items()}


@contextlib.contextmanager
def override(**fields: Any) -> Iterator[None]:
    """Replaces fields of every choice that is made inside of the context, in all threads.

    A choice is made when a step is traced, and then stays.

    Args:
        **fields: of `Kernels`. With `device` the others follow from it, unless they are given too.

    Raises:
        ValueError: there is no such field, or no such kernel.
        TypeError: likewise.

    Example:
        >>> with override(device="GPU"):
        ...     choose(tf.zeros([8, 100])).histogram
        'bincount'
    """
    Kernels(**fields)
    global _overrides
    with _changing:
        _overrides = (*_overrides, fields)
    try:
        yield
    finally:
        with _changing:
            _overrides = tuple(mine for mine in _overrides if mine is not fields)


def _fastest(device: str, rows: int | None, classes: int, pays: bool) -> Kernels:
    """`pays`: whether compiled code decides such scores faster than plain operations."""
    if device == "TPU":
        return Kernels(device, "keys", "matmul")
    if contexts.is_compiled():
        return Kernels(device, "lanes" if device == "CPU" else "rows", "segment_sum")
    if device == "GPU":
        return Kernels(device)
    large = rows is not None and rows * classes >= _LEAST_COMPILED
    if pays and large and contexts.may_compile():
        return Kernels(device, "lanes", "segment_sum", compiled=True)
    return Kernels(device, "blocks" if classes >= _LEAST_BLOCKED else "rows")
