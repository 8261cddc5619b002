"""Small batches are counted in few operations if they are valid, and otherwise by the general code.

The general code is that of a GPU, which has no branch.
"""

import numpy as np
import pytest
import tensorflow as tf
from comparisons import same
from counted_batches import count, count_tensors
from hypothesis import given
from hypothesis import strategies as st
from tiers import slow, slow_except
from tracing import graph_function

from dist_f1 import kernels
from dist_f1.batch.decision_rule import DecisionRule
from dist_f1.counting import batch_counts

RULES = [DecisionRule(), DecisionRule(0.5), DecisionRule((0.1, 0.5, 0.9, 1.0))]
CLASSES, NAN, INF = 4, float("nan"), float("inf")


def batch(rows=7, classes=CLASSES, seed=0):
    """0/1 targets and predictions with ties."""
    random = np.random.default_rng(seed)
    y_true = random.integers(0, 2, (rows, classes)).astype(np.float32)
    return y_true, random.integers(0, 5, (rows, classes)).astype(np.float32) / 4


def check(y_true, y_pred, **options):
    """Compare eager updates, and steps of a known and of an unknown size, with general code."""
    with kernels.override(device="GPU"):
        expected = count(y_true, y_pred, **options)
    same(count(y_true, y_pred, **options), expected)
    y_true, y_pred = tf.convert_to_tensor(y_true), tf.convert_to_tensor(y_pred)
    for rows in (y_true.shape[0], None):
        specs = [tf.TensorSpec([rows, *x.shape[1:]], x.dtype) for x in (y_true, y_pred)]
        step = graph_function(lambda *x: count_tensors(*x, **options), input_signature=specs)
        same(step(y_true, y_pred).numpy(), expected)
    return expected


@given(
    st.sampled_from(RULES),
    st.lists(
        st.tuples(
            st.booleans(),
            st.integers(0, 6),
            st.integers(0, CLASSES - 1),
            st.sampled_from([NAN, INF, -INF, 0.0, -0.0, 1.0, -1.0, 0.5, 255.0, 1e-30, 1 + 2**-23]),
        ),
        max_size=4,
    ),
)
def test_any_values_of_targets_and_predictions(rule, changes):
    arrays = batch()
    for of_targets, row, column, value in changes:
        arrays[not of_targets][row, column] = value
    check(*arrays, rule=rule)


@pytest.mark.parametrize("rule", RULES[:2])
@pytest.mark.parametrize(
    "dtype", slow_except(["bool", "int8", "uint8", "int64", "float16", "float64"], "bool", "int64")
)
def test_targets_of_any_dtype(dtype, rule):
    y_true, y_pred = batch()
    assert check(y_true.astype(dtype), y_pred, rule=rule).invalid == 0
    if dtype != "bool":
        y_true[3] = 2.0
        assert check(y_true.astype(dtype), y_pred, rule=rule).invalid == 1


@pytest.mark.parametrize("rule", RULES[:2])
@pytest.mark.parametrize("dtype", slow_except(["float16", "bfloat16", "float64"], "float16"))
def test_predictions_of_any_dtype(dtype, rule):
    y_true, y_pred = batch()
    # Their sum overflows in both directions in float16.
    y_pred[0], y_pred[1] = 6e4, -6e4
    check(y_true, tf.cast(y_pred, dtype), rule=rule)


def test_a_wide_target_is_not_rounded_to_a_valid_one():
    y_true, y_pred = batch()
    y_true = y_true.astype(np.float64)
    y_true[2, 1] = 1 + 2**-52
    assert check(y_true, y_pred).invalid == 1


@pytest.mark.parametrize("rule", RULES[:2])
@pytest.mark.parametrize(("rows", "classes"), [(0, 4), slow(5, 2), (3, 300)])
def test_numbers_of_rows_and_classes(rows, classes, rule):
    y_true, y_pred = batch(rows, classes)
    assert check(y_true, y_pred, rule=rule).total == rows
    if rows:
        y_pred[1, classes - 1] = NAN
        assert check(y_true, y_pred, rule=rule).total == rows - 1


def test_binary_targets():
    y_true, y_pred = batch(9, 1)
    for targets in (y_true, y_true[:, 0], y_true[:, 0].astype(np.int64)):
        check(targets, y_pred[:, 0], rule=RULES[1])
    y_true[[2, 5]] = [[-1.0], [0.5]]
    assert check(y_true[:, 0], y_pred, rule=RULES[1]).invalid == 2


def test_an_invalid_eager_batch_traces_no_function(monkeypatch):
    def fail(*arguments, **options):
        raise AssertionError("a function was made")

    y_true, y_pred = batch()
    y_true[0, 0] = 3.0
    monkeypatch.setattr(tf, "function", fail)
    assert count(y_true, y_pred).invalid == 1


def test_general_code_counts_only_batches_with_invalid_entries(monkeypatch):
    called = []
    general = batch_counts._count_generally
    monkeypatch.setattr(
        batch_counts, "_count_generally", lambda *x: called.append(None) or general(*x)
    )
    y_true, y_pred = batch()
    count(y_true, y_pred)
    assert not called
    y_pred[0, 0] = NAN
    count(y_true, y_pred)
    assert len(called) == 1
