"""`all_reduce_sum` on the cores of a TPU, which cannot sum int64."""

import numpy as np
import pytest
import tensorflow as tf
from helpers import tpu

import dist_f1
from dist_f1 import testing
from tpu.steps import each_replica, placed


def summing(replicas):
    strategy = tpu(replicas)

    @tf.function(autograph=False)
    def step(columns):
        return strategy.run(dist_f1.all_reduce_sum, (columns,))

    return strategy, step


@pytest.mark.parametrize(
    ("dtypes", "carrier"),
    [
        (["int64", "int8", "uint64"], "uint32"),
        (["int64", "float32", "bfloat16"], "float32"),
        (["int64", "float32", "float64"], "float64"),
        (["float16"], "float32"),
        (["complex64", "int32"], "float32"),
    ],
)
def test_a_nest_is_one_sum(dtypes, carrier):
    _, step = summing(8)
    columns = {str(place): tf.TensorSpec([3], dtype) for place, dtype in enumerate(dtypes)}
    sums = testing.cross_replica_sums(step, columns)
    assert [x.dtype.name for x in sums] == [carrier]
    assert testing.lint_tpu_ops(step, columns).findings == []
    assert "ENTRY" in testing.replica_program(step, columns).lower()


@pytest.mark.parametrize("replicas", [8, 32])
@pytest.mark.parametrize("others", [[], ["float32"], ["float64"]])
def test_integers_are_exact_over_their_whole_range_whatever_travels_along(others, replicas):
    strategy, step = summing(replicas)
    rng = np.random.default_rng(0)
    ends = np.iinfo(np.int64)
    columns = {
        "wide": rng.integers(ends.min, ends.max, (replicas, 50)),
        "high": rng.integers(2**40, 2**41, (replicas, 50)) | 0xFFFFFFFF,
        "small": rng.integers(-128, 128, (replicas, 5), np.int8),
    }
    expected = {name: x.sum(0, dtype=x.dtype) for name, x in columns.items()}
    for dtype in others:
        columns["float"] = rng.random((replicas, 7)).astype(dtype)
    with testing.emulated_tpu():
        results = each_replica(strategy, step(placed(strategy, columns)))
    for result in results:
        for name, total in expected.items():
            np.testing.assert_array_equal(result[name], total)
        if others:
            np.testing.assert_allclose(result["float"], columns["float"].sum(0), rtol=1e-5)
