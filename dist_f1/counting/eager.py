"""Counting large batches outside of any function.

They are counted as in a step whose number of rows is unknown. Tracing and compiling take as long as
many batches, so the first ones are counted by plain ops.
"""

from collections.abc import Hashable
from typing import Protocol

import tensorflow as tf

from dist_f1 import kernels
from dist_f1.batch.inputs import Rows
from dist_f1.counting.traced import traced
from dist_f1.counts.layout import Layout
from dist_f1.replicas import contexts

# Large batches that are counted before anything is traced. By then, plain ops have taken about as
# long as tracing and compiling take.
_PLAIN_BATCHES = 64
_numbers: dict[Hashable, int] = {}


class Spec(Hashable, Protocol):
    """What is counted; `CountSpec` or `SweepSpec`."""

    def count(self, rows: Rows, layout: Layout) -> tf.Tensor:
        """Count a batch into one vector."""


def count(spec: Spec, rows: Rows, layout: Layout) -> tf.Tensor:
    """Count a batch into one vector; see `CountSpec.count`."""
    number = kernels.number_of_rows(rows.y_pred) or 0
    is_large = number * kernels.row_width(rows.y_pred) >= kernels.MIN_COMPILED
    may_trace = tf.executing_eagerly() and not tf.config.functions_run_eagerly()
    if not (
        is_large
        and may_trace
        and kernels.may_be_chosen_once(rows.y_pred)
        and not contexts.keeps_variables_centrally(tf.distribute.get_strategy())
    ):
        return spec.count(rows, layout)
    kind = spec, layout, rows.num_classes, rows.y_true.shape.rank, rows.is_weighted
    _numbers[kind] = _numbers.get(kind, 0) + 1
    if _numbers[kind] <= _PLAIN_BATCHES:
        return spec.count(rows, layout)
    return traced(_count, rows, spec, layout)


def _count(rows: Rows, spec: Spec, layout: Layout) -> tf.Tensor:
    return spec.count(rows, layout)
