"""Every kernel that the package has for the same counts, side by side as the compiler sees them.

What is chosen is what the package would take for a TPU; the others are overridden choices. Variants
are those that `dist_f1.kernels` names, so that a new one is compiled as soon as it is there.
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

# A function, and the specs of its arguments.
Traced = tuple[Any, ...]

# Rows on a replica, and classes.
_SHAPES = ((1024, 10), (1024, 1000), (65536, 19), (16384, 1000), (1024, 50000))
_MATRICES = ((1024, 19), (65536, 19), (1024, 1000))
_ARGMAX = ((1024, 10), (65536, 19), (16384, 1000), (1024, 50000))


def programs() -> list[Program]:
    """For each shape all variants."""
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
    what: str,
    make: Callable[[int, int], Traced],
    field: str,
    variant: str,
    shape: tuple[int, int],
) -> Program:
    rows, classes = shape
    name = f"{what} {rows}x{classes} {variant}"
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
    """How often each class is in N ids: the kernel alone."""

    def counted(ids: tf.Tensor) -> tf.Tensor:
        part = HistogramSpec(ids, (ids >= 0) & (ids < classes), None, classes)
        return histograms([part], None, kernels.choose(ids))

    return counted, tf.TensorSpec([rows], tf.int32)


def _counts(rows: int, classes: int) -> Traced:
    """All counts of a batch of labels: three histograms and the numbers of rows."""

    def counted(y_true: tf.Tensor, y_pred: tf.Tensor) -> Any:
        return dist_f1.Counts.from_labels(y_true, y_pred, classes)

    return counted, tf.TensorSpec([rows], tf.int32), tf.TensorSpec([rows], tf.int32)


def _matrix(rows: int, classes: int) -> Traced:
    """The same with the confusion matrix, which is one histogram more."""

    def counted(y_true: tf.Tensor, y_pred: tf.Tensor) -> Any:
        return dist_f1.Counts.from_labels(y_true, y_pred, classes, confusion=True)

    return counted, tf.TensorSpec([rows], tf.int32), tf.TensorSpec([rows], tf.int32)


def _argmax(rows: int, classes: int) -> Traced:
    """The best class of each row, and whether all scores of it are numbers."""

    def found(scores: tf.Tensor) -> Any:
        return argmax.best(scores, kernels.choose(scores))

    return found, tf.TensorSpec([rows, classes])
