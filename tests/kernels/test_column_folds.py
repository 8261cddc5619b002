"""Folds count decisions for each class as NumPy does, and notice every entry that is invalid."""

import numpy as np
import pytest
import tensorflow as tf

from dist_f1.kernels.column_folds import count_decisions

# Around the numbers of slices of every fold.
ROWS = [0, 1, 7, 8, 9, 191, 192, 193, 4608, 4700]


def counted(y_true, y_score, limit, mask=None, compiled=True):
    count = tf.function(count_decisions, jit_compile=compiled, autograph=False)
    found = count(y_true, tf.constant(y_score), np.asarray(limit, np.float32), mask)
    return np.stack(found.sums), bool(found.has_flag)


def batch(rows, classes, dtype="float32"):
    random = np.random.default_rng(rows)
    y_true = random.random((rows, classes)) < 0.3
    return y_true.astype(dtype), random.random((rows, classes)).astype("float32")


def expected(y_true, y_score, limit, mask=slice(None)):
    actual, predicted = y_true[mask] == 1, (y_score > limit)[mask]
    return np.stack([(actual & predicted).sum(0), predicted.sum(0), actual.sum(0)])


@pytest.mark.parametrize("form", ["flat", "masked", "limits"])
@pytest.mark.parametrize("rows", ROWS)
def test_sums_are_those_of_numpy(rows, form):
    y_true, y_score = batch(rows, 5)
    limit = np.linspace(0.1, 0.9, 5, dtype=np.float32) if form == "limits" else 0.5
    mask = np.arange(rows) % 3 != 1 if form == "masked" else np.ones(rows, bool)
    found, has_flag = counted(y_true, y_score, limit, mask if form == "masked" else None)
    np.testing.assert_array_equal(found, expected(y_true, y_score, limit, mask))
    assert not has_flag


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int64", "float16", "float64"])
def test_targets_may_have_any_dtype(dtype):
    y_true, y_score = batch(50, 3, dtype)
    found, has_flag = counted(y_true, y_score, 0.5)
    np.testing.assert_array_equal(found, expected(y_true, y_score, 0.5))
    assert not has_flag


@pytest.mark.parametrize("masked", [False, True])
def test_one_class_has_targets_of_one_axis(masked):
    y_true, y_score = batch(500, 1, "int64")
    mask = np.arange(500) % 3 != 1 if masked else None
    found, _ = counted(y_true[:, 0], y_score, 0.5, mask)
    keep = slice(None) if mask is None else mask
    np.testing.assert_array_equal(found, expected(y_true, y_score, 0.5, keep))


# One row in each part of a fold: a slice, the rest, and the rest of the second fold.
@pytest.mark.parametrize("row", [0, 3000, 4599, 4604])
@pytest.mark.parametrize("value", [np.nan, 0.5, -1.0, 2.0, np.inf])
def test_one_invalid_entry_is_noticed_unless_its_row_is_masked(row, value):
    y_true, y_score = batch(4605, 5)
    y_true[row, 2] = value
    assert counted(y_true, y_score, 0.5, compiled=False)[1]
    mask = np.arange(4605) != row
    found, has_flag = counted(y_true, y_score, 0.5, mask, compiled=False)
    assert not has_flag
    np.testing.assert_array_equal(found, expected(y_true, y_score, 0.5, mask))
    y_true, y_score = batch(4605, 5)
    y_score[row, 4] = value
    assert counted(y_true, y_score, 0.5, compiled=False)[1] == np.isnan(value)


def test_many_invalid_entries_do_not_cancel_out():
    y_true, y_score = batch(4605, 5)
    assert counted(np.full_like(y_true, 2.0), y_score, 0.5)[1]
    assert counted(y_true, np.full_like(y_score, np.nan), 0.5)[1]


@pytest.mark.parametrize(
    "rows", [2**17, 2**21 + 5, pytest.param(5 * 2**21, marks=pytest.mark.slow)]
)
def test_no_field_overflows_into_the_next(rows):
    full = np.ones([rows, 1], np.float32)
    found, has_flag = counted(full, full, 0.5)
    assert found.ravel().tolist() == [rows] * 3
    assert not has_flag


def test_the_number_of_rows_may_be_unknown_while_tracing():
    specs = tf.TensorSpec([None, 5]), tf.TensorSpec([None, 5])

    @tf.function(input_signature=specs, jit_compile=True, autograph=False)
    def count(y_true, y_score):
        return count_decisions(y_true, y_score, np.float32(0.5), None).sums

    for rows in (0, 5, 300):
        y_true, y_score = batch(rows, 5)
        np.testing.assert_array_equal(count(y_true, y_score), expected(y_true, y_score, 0.5))
