"""`all_reduce_sum` on TPU cores, which have no int64 sum."""

import numpy as np
import pytest
import tensorflow as tf
from helpers import tpu

import dist_f1
from dist_f1 import testing
from tpu.steps import distribute, replica_values


def summing_step(strategy):
    @tf.function(autograph=False)
    def step(columns):
        return strategy.run(dist_f1.all_reduce_sum, (columns,))

    return step


@pytest.mark.parametrize(
    ("dtypes", "sent"),
    [
        (["int64", "int8", "uint64"], "uint32"),
        (["int64", "float32", "bfloat16"], "float32"),
        (["int64", "float32", "float64"], "float64"),
        pytest.param(["float16"], "float32", marks=pytest.mark.slow),
        pytest.param(["complex64", "int32"], "float32", marks=pytest.mark.slow),
    ],
)
def test_a_nest_is_one_sum(dtypes, sent):
    step = summing_step(tpu(8))
    columns = {str(i): tf.TensorSpec([3], dtype) for i, dtype in enumerate(dtypes)}
    sums = testing.cross_replica_sums(step, columns)
    assert [x.dtype.name for x in sums] == [sent]
    assert testing.lint_tpu_ops(step, columns).findings == []
    assert "ENTRY" in testing.replica_program(step, columns).lower()


@pytest.mark.parametrize("replicas", [2, pytest.param(32, marks=pytest.mark.slow)])
@pytest.mark.parametrize("others", [[], ["float32"], ["float64"]])
def test_integer_sums_are_exact_over_the_whole_range_beside_floats(others, replicas):
    strategy = tpu(replicas)
    rng = np.random.default_rng(0)
    limits = np.iinfo(np.int64)
    columns = {
        "wide": rng.integers(limits.min, limits.max, (replicas, 50)),
        "high": rng.integers(2**40, 2**41, (replicas, 50)) | 0xFFFFFFFF,
        "small": rng.integers(-128, 128, (replicas, 5), np.int8),
    }
    expected = {name: x.sum(0, dtype=x.dtype) for name, x in columns.items()}
    for dtype in others:
        columns["float"] = rng.random((replicas, 7)).astype(dtype)
    with testing.emulated_tpu():
        results = replica_values(strategy, summing_step(strategy)(distribute(strategy, columns)))
    for result in results:
        for name, total in expected.items():
            np.testing.assert_array_equal(result[name], total)
        if others:
            np.testing.assert_allclose(result["float"], columns["float"].sum(0), rtol=1e-5)
