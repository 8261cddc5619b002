"""The class of one-hot rows is found in lanes, and so are rows that are not one-hot."""

import numpy as np
import pytest
import tensorflow as tf

from dist_f1.kernels.one_hot import read_one_hot

OTHERS = {"float32": [np.nan, 0.5, -1, 255, np.inf], "float16": [np.nan, 2], "int32": [-1, 2, 255]}


def targets(rows, classes, dtype):
    """Rows without, with one and with several ones; some have other values."""
    random = np.random.default_rng(classes)
    y_true = np.zeros([rows, classes])
    for row, number in enumerate(random.integers(0, 4, rows)):
        y_true[row, random.integers(0, classes, number)] = 1
    y_true[0] = 1
    for value in OTHERS.get(dtype, []):
        y_true[random.integers(1, rows), random.integers(0, classes)] = value
    return y_true


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize("classes", [2, 3, 15, 16, 17, 33, 401, 1009, 2002])
@pytest.mark.parametrize("dtype", ["float32", "int32", "bool", "float16", "float64", "uint8"])
def test_rows_are_read_as_numpy_reads_them(dtype, classes, compiled):
    y_true = targets(97, classes, dtype)
    read = tf.function(
        lambda y_true: read_one_hot(y_true, tf.int32), jit_compile=compiled, autograph=False
    )
    found = read(tf.cast(y_true, dtype))
    number = (y_true == 1).sum(-1)
    np.testing.assert_array_equal(found.number, number)
    np.testing.assert_array_equal(found.is_binary, ((y_true == 0) | (y_true == 1)).all(-1))
    single = number == 1
    np.testing.assert_array_equal(found.ids[single], (y_true == 1).argmax(-1)[single])
    assert 0 < single.sum() < len(single)
