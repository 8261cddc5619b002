"""Counting large batches outside of any function.

They are counted as in a step whose number of rows is unknown. Tracing and compiling take as long as
many batches, so the first ones are counted by plain ops.
"""

from collections.abc import Hashable
from typing import Protocol

import tensorflow as tf

from dist_f1 import kernels
from dist_f1.batch.inputs import Rows
from dist_f1.counting.tracing import call_traced
from dist_f1.counts.layout import Layout
from dist_f1.replicas import contexts

# Large batches that are counted before anything is traced. By then, plain ops have taken about as
# long as tracing and compiling take.
_PLAIN_BATCHES = 64
# Number of large batches of each kind so far.
_numbers: dict[Hashable, int] = {}


class Spec(Hashable, Protocol):
    """The counts that a metric needs: a `CountSpec` or a `SweepSpec`."""

    def count(self, rows: Rows, layout: Layout) -> tf.Tensor:
        """Count a batch into one vector."""


def count(spec: Spec, rows: Rows, layout: Layout) -> tf.Tensor:
    """Count a batch into one vector; see `CountSpec.count`."""
    may_trace = (
        tf.executing_eagerly()
        and not tf.config.functions_run_eagerly()
        and not contexts.keeps_variables_centrally(tf.distribute.get_strategy())
    )
    if not (may_trace and kernels.may_share_program(rows.y_pred)):
        return spec.count(rows, layout)
    kind = spec, layout, rows.y_true.shape.rank, rows.is_weighted
    _numbers[kind] = _numbers.get(kind, 0) + 1
    if _numbers[kind] <= _PLAIN_BATCHES:
        return spec.count(rows, layout)
    return call_traced(_count, rows, spec, layout)


def _count(rows: Rows, spec: Spec, layout: Layout) -> tf.Tensor:
    return spec.count(rows, layout)
