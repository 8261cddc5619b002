"""Negative controls: programs that must not compile, each with a similar one that must.

They show that the check can fail, and for the right reason.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf

from tpu_aot.programs import Program, lowered
from tpu_aot.rows import Expected
from tpu_aot.topologies import REPLICAS

_ROWS, _CLASSES = 64, 10
_ALL_REDUCE = """
module @sums attributes {mhlo.num_replicas = %(replicas)d : i32} {
  func.func public @main(%%value: tensor<16x%(dtype)s>) -> tensor<16x%(dtype)s> {
    %%sum = "stablehlo.all_reduce"(%%value) ({
    ^bb0(%%a: tensor<%(dtype)s>, %%b: tensor<%(dtype)s>):
      %%c = stablehlo.add %%a, %%b : tensor<%(dtype)s>
      stablehlo.return %%c : tensor<%(dtype)s>
    }) {replica_groups = dense<[%(group)s]> : tensor<1x%(replicas)dxi64>}
      : (tensor<16x%(dtype)s>) -> tensor<16x%(dtype)s>
    return %%sum : tensor<16x%(dtype)s>
  }
}
"""
_DOUBLE = """
module @doubled {
  func.func public @main(%%value: tensor<%(size)dxf32>) -> tensor<%(size)dxf32> {
    %%double = stablehlo.add %%value, %%value : tensor<%(size)dxf32>
    return %%double : tensor<%(size)dxf32>
  }
}
"""


def programs() -> list[Program]:
    """Return the controls, each after the program that must compile."""
    return [
        _sum_program(tf.uint32, Expected(("all-reduce u32",))),
        _sum_program(tf.int64, Expected(error="TypeError.*int64 not in list of allowed values")),
        _count_program("DenseBincount of a size", _dense_bincount),
        _count_program("tf.math.bincount", _bincount, "must be a compile-time constant"),
        _count_program("unsorted_segment_sum of a size", _unsorted),
        _count_program("tf.math.segment_sum", _sorted, "No registered 'SegmentSum'"),
        # Without TensorFlow's ops, the compiler sums int64 as pairs of 32-bit integers.
        _all_reduce_program("ui32", "all-reduce u32"),
        _all_reduce_program(
            "i64", "all-reduce u32,u32,u32", note="the compiler supports it, TensorFlow does not"
        ),
        _all_reduce_program("f64", "all-gather f32", "all-gather f32"),
        _all_reduce_program("ui32", error="replica groups should contain", replicas=2 * REPLICAS),
        _memory_program("1 MB", 2**18),
        _memory_program("1 TB", 2**38, "RESOURCE_EXHAUSTED|bounds_check"),
    ]


def _sum_program(dtype: tf.DType, expected: Expected) -> Program:
    def cross_replica_sum(x: tf.Tensor) -> tf.Tensor:
        return tf.raw_ops.CrossReplicaSum(input=x, group_assignment=[list(range(REPLICAS))])

    spec = tf.TensorSpec([_CLASSES], dtype)
    name = f"CrossReplicaSum of {dtype.name}"
    return Program(name, "control", lambda: lowered(cross_replica_sum, spec), expected)


def _count_program(name: str, count: Callable[..., Any], error: str | None = None) -> Program:
    spec = tf.TensorSpec([_ROWS], tf.int32)
    return Program(name, "control", lambda: lowered(count, spec), Expected(error=error))


def _dense_bincount(ids: tf.Tensor) -> tf.Tensor:
    return tf.raw_ops.DenseBincount(input=ids, size=_CLASSES, weights=tf.zeros([0], tf.int32))


def _bincount(ids: tf.Tensor) -> tf.Tensor:
    return tf.math.bincount(ids)


def _unsorted(ids: tf.Tensor) -> tf.Tensor:
    return tf.math.unsorted_segment_sum(tf.ones_like(ids), ids, _CLASSES)


def _sorted(ids: tf.Tensor) -> tf.Tensor:
    return tf.math.segment_sum(tf.ones_like(ids), ids)


def _all_reduce_program(
    dtype: str, *sends: str, error: str | None = None, replicas: int = REPLICAS, note: str = ""
) -> Program:
    text = _ALL_REDUCE % {
        "dtype": dtype,
        "replicas": replicas,
        "group": list(range(replicas)),
    }
    name = f"stablehlo.all_reduce of {dtype} over {replicas}"
    return Program(name, "control", lambda: text, Expected(sends, error), note)


def _memory_program(name: str, size: int, error: str | None = None) -> Program:
    text = _DOUBLE % {"size": size}
    return Program(f"sum of {name}", "control", lambda: text, Expected(error=error))
