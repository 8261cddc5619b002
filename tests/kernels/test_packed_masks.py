"""Sums of bool matrices are those of NumPy, however rows and classes are cut into slices."""

import numpy as np
import pytest
import tensorflow as tf

from dist_f1.kernels import Kernels
from dist_f1.kernels.packed_masks import PackedMasks

LANES, ROWS = Kernels(argmax="lanes"), Kernels()


def summed(matrices, known, valid, kernels, compiled=False):
    def sums(matrices, known, valid):
        entries = PackedMasks(matrices, known, kernels)
        return entries.row_sums(), entries.valid_rows(), entries.column_sums(valid)

    step = tf.function(sums, autograph=False, jit_compile=compiled)
    return tf.nest.map_structure(np.asarray, step(matrices, known, valid))


@pytest.mark.parametrize(
    ("kernels", "compiled"),
    [(LANES, True), (LANES, False), (ROWS, False)],
    ids=["xla", "lanes", "rows"],
)
@pytest.mark.parametrize(
    "shape",
    [(1, 1), (7, 2), (23, 15), (24, 16), (49, 17), (120, 33), (611, 100), (3, 4100)],
    ids=str,
)
@pytest.mark.parametrize("number", [1, 2, 3])
def test_sums_are_those_of_numpy(shape, number, kernels, compiled):
    random = np.random.default_rng(0)
    matrices = [random.random(shape) < p for p in (0.5, 0.9, 0.1)[:number]]
    known = [random.random(shape) > 0.1 / shape[1], random.random(shape[0]) < 0.8]
    known += [random.random(shape) > 0.1 / shape[1]]
    valid = random.random(shape[0]) < 0.7
    of_rows, all_known, of_columns = summed(matrices, known, valid, kernels, compiled)
    for matrix, rows, columns in zip(matrices, of_rows, of_columns, strict=True):
        np.testing.assert_array_equal(rows, matrix.sum(axis=1))
        np.testing.assert_array_equal(columns, matrix[valid].sum(axis=0))
    expected = known[0].all(axis=1) & known[1] & known[2].all(axis=1)
    np.testing.assert_array_equal(all_known, expected)


@pytest.mark.parametrize("classes", [255, 2048, 4080, 4096, 65_535, 65_536])
def test_no_sum_runs_over_into_the_next(classes):
    # Where everything is set, each field of an integer is as full as it can be.
    full = tf.ones([2, classes], tf.bool)
    kernels = Kernels(argmax="lanes")
    for known, expected in ((full, True), (~full, False)):
        of_rows, all_known, _ = summed([full] * 3, [known], tf.ones([2], tf.bool), kernels)
        np.testing.assert_array_equal(np.stack(of_rows), classes)
        np.testing.assert_array_equal(all_known, expected)


@pytest.mark.parametrize("rows", [255, 24 * 256, 2**17 + 5, 2**21])
def test_no_sum_of_many_rows_runs_over_into_the_next(rows):
    full = tf.ones([rows, 2], tf.bool)
    _, _, of_columns = summed([full] * 3, [], tf.ones([rows], tf.bool), LANES, compiled=True)
    np.testing.assert_array_equal(np.stack(of_columns), rows)


def test_rows_of_no_known_number_are_summed_too():
    kernels = Kernels(argmax="lanes")

    @tf.function(input_signature=[tf.TensorSpec([None, 5], tf.bool)])
    def step(matrix):
        return PackedMasks([matrix], [], kernels).column_sums(
            tf.ones(tf.shape(matrix)[:1], tf.bool)
        )[0]

    matrix = np.random.default_rng(0).random((40, 5)) < 0.5
    np.testing.assert_array_equal(step(matrix), matrix.sum(axis=0))


def test_nothing_to_sum_is_nothing():
    entries = PackedMasks([], [], LANES)
    assert entries.row_sums() == []
    assert entries.valid_rows() is None
    assert entries.column_sums(tf.ones([3], tf.bool)) == []
