"""Programs that must not compile, each beside one that must and differs in one thing.

They show that the check can fail, and fails for the reason that it names.
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
  func.func public @main(%%all: tensor<16x%(dtype)s>) -> tensor<16x%(dtype)s> {
    %%sum = "stablehlo.all_reduce"(%%all) ({
    ^bb0(%%a: tensor<%(dtype)s>, %%b: tensor<%(dtype)s>):
      %%c = stablehlo.add %%a, %%b : tensor<%(dtype)s>
      stablehlo.return %%c : tensor<%(dtype)s>
    }) {replica_groups = dense<[%(group)s]> : tensor<1x%(replicas)dxi64>}
      : (tensor<16x%(dtype)s>) -> tensor<16x%(dtype)s>
    return %%sum : tensor<16x%(dtype)s>
  }
}
"""
_DOUBLED = """
module @doubled {
  func.func public @main(%%all: tensor<%(size)dxf32>) -> tensor<%(size)dxf32> {
    %%twice = stablehlo.add %%all, %%all : tensor<%(size)dxf32>
    return %%twice : tensor<%(size)dxf32>
  }
}
"""


def programs() -> list[Program]:
    """Those that must not compile, after those that must."""
    return [
        _sum_of(tf.uint32, Expected(("all-reduce u32",))),
        _sum_of(tf.int64, Expected(fails="TypeError.*int64 not in list of allowed values")),
        _counting("DenseBincount of a size", _dense_bincount),
        _counting("tf.math.bincount", _bincount, "must be a compile-time constant"),
        _counting("unsorted_segment_sum of a size", _unsorted),
        _counting("tf.math.segment_sum", _sorted, "No registered 'SegmentSum'"),
        # What the compiler itself takes, without TensorFlow's ops: int64 as pairs of 32 bits.
        _module("ui32", "all-reduce u32"),
        _module(
            "i64", "all-reduce u32,u32,u32", note="the compiler takes what TensorFlow does not"
        ),
        _module("f64", "all-gather f32", "all-gather f32"),
        _module("ui32", fails="replica groups should contain", replicas=2 * REPLICAS),
        _memory("1 MB", 2**18),
        _memory("1 TB", 2**38, "RESOURCE_EXHAUSTED|bounds_check"),
    ]


def _sum_of(dtype: tf.DType, expected: Expected) -> Program:
    def summed(x: tf.Tensor) -> tf.Tensor:
        return tf.raw_ops.CrossReplicaSum(input=x, group_assignment=[list(range(REPLICAS))])

    spec = tf.TensorSpec([_CLASSES], dtype)
    name = f"CrossReplicaSum of {dtype.name}"
    return Program(name, "control", lambda: lowered(summed, spec), expected)


def _counting(name: str, count: Callable[..., Any], fails: str | None = None) -> Program:
    spec = tf.TensorSpec([_ROWS], tf.int32)
    return Program(name, "control", lambda: lowered(count, spec), Expected(fails=fails))


def _dense_bincount(ids: tf.Tensor) -> tf.Tensor:
    return tf.raw_ops.DenseBincount(input=ids, size=_CLASSES, weights=tf.zeros([0], tf.int32))


def _bincount(ids: tf.Tensor) -> tf.Tensor:
    return tf.math.bincount(ids)


def _unsorted(ids: tf.Tensor) -> tf.Tensor:
    return tf.math.unsorted_segment_sum(tf.ones_like(ids), ids, _CLASSES)


def _sorted(ids: tf.Tensor) -> tf.Tensor:
    return tf.math.segment_sum(tf.ones_like(ids), ids)


def _module(
    dtype: str, *sends: str, fails: str | None = None, replicas: int = REPLICAS, note: str = ""
) -> Program:
    text = _ALL_REDUCE % {
        "dtype": dtype,
        "replicas": replicas,
        "group": list(range(replicas)),
    }
    name = f"stablehlo.all_reduce of {dtype} over {replicas}"
    return Program(name, "control", lambda: text, Expected(sends, fails), note)


def _memory(name: str, size: int, fails: str | None = None) -> Program:
    text = _DOUBLED % {"size": size}
    return Program(f"sum of {name}", "control", lambda: text, Expected(fails=fails))
