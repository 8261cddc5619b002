"""All kernels for the same counts, side by side, as the TPU compiler sees them.

"Chosen" marks the kernel that the package uses on a TPU; the others override the choice. The
variants come from `dist_f1.kernels`, so a new kernel is compiled automatically.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args

import tensorflow as tf

import dist_f1
from dist_f1 import kernels
from dist_f1.kernels import argmax, choice
from dist_f1.kernels.histograms import HistogramSpec, histograms
from tpu_aot.programs import Program, lowered

# A function and the specs of its arguments.
Traced = tuple[Any, ...]

# Rows on a replica and number of classes.
_SHAPES = ((1024, 10), (1024, 1000), (65536, 19), (16384, 1000), (1024, 50000))
_MATRICES = ((1024, 19), (65536, 19), (1024, 1000))
_ARGMAX = ((1024, 10), (65536, 19), (16384, 1000), (1024, 50000))


def programs() -> list[Program]:
    """Return all variants for each shape."""
    histogram, search = get_args(choice.Histogram), get_args(choice.Argmax)
    return [
        *(
            _program("histogram", _histogram, "histogram", x, at)
            for at in _SHAPES
            for x in histogram
        ),
        *(_program("counts", _counts, "histogram", x, at) for at in _SHAPES for x in histogram),
        *(_program("matrix", _matrix, "histogram", x, at) for at in _MATRICES for x in histogram),
        *(_program("argmax", _argmax, "argmax", x, at) for at in _ARGMAX for x in search),
    ]


def _program(
    label: str,
    make: Callable[[int, int], Traced],
    field: str,
    variant: str,
    shape: tuple[int, int],
) -> Program:
    rows, classes = shape
    name = f"{label} {rows}x{classes} {variant}"
    is_chosen = variant == getattr(_choice(rows, classes), field)

    def lower() -> bytes:
        function, *specs = make(rows, classes)
        with kernels.override(device="TPU", **{field: variant}):
            return lowered(function, *specs)

    return Program(name, "kernel", lower, note="chosen" if is_chosen else "")


def _choice(rows: int, classes: int) -> kernels.Kernels:
    with tf.Graph().as_default(), kernels.override(device="TPU"):
        return kernels.choose(tf.compat.v1.placeholder(tf.float32, [rows, classes]))


def _histogram(rows: int, classes: int) -> Traced:
    """Count each class in N ids: only the kernel."""

    def count(ids: tf.Tensor) -> tf.Tensor:
        part = HistogramSpec(ids, None, classes)
        valid = (ids >= 0) & (ids < classes)
        return histograms([part], valid, None, kernels.choose(ids))

    return count, tf.TensorSpec([rows], tf.int32)


def _counts(rows: int, classes: int) -> Traced:
    """Count a batch of labels: three histograms and the number of rows."""

    def count(y_true: tf.Tensor, y_pred: tf.Tensor) -> Any:
        return dist_f1.Counts.from_labels(y_true, y_pred, classes)

    return count, tf.TensorSpec([rows], tf.int32), tf.TensorSpec([rows], tf.int32)


def _matrix(rows: int, classes: int) -> Traced:
    """Count a batch of labels with the confusion matrix, which is one more histogram."""

    def count(y_true: tf.Tensor, y_pred: tf.Tensor) -> Any:
        return dist_f1.Counts.from_labels(y_true, y_pred, classes, confusion=True)

    return count, tf.TensorSpec([rows], tf.int32), tf.TensorSpec([rows], tf.int32)


def _argmax(rows: int, classes: int) -> Traced:
    """Find the best class of each row, and the rows without a NaN."""

    def find(scores: tf.Tensor) -> Any:
        return argmax.best(scores, kernels.choose(scores))

    return find, tf.TensorSpec([rows, classes])
