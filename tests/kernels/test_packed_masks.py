"""Row and column sums of bool matrices are those of NumPy, for any number of slices."""

import numpy as np
import pytest
import tensorflow as tf

from dist_f1.kernels import Kernels
from dist_f1.kernels.packed_masks import PackedMasks

LANES, ROWS = Kernels(argmax="lanes"), Kernels()
SHAPES = [(1, 1), (7, 2), (23, 15), (24, 16), (49, 17), (120, 33), (611, 100), (3, 4100)]


def sums(matrices, valid, rows, kernels, compiled=False):
    """Row sums, valid rows, and column sums over `rows`."""

    def evaluate(matrices, valid, rows):
        masks = PackedMasks(matrices, valid, kernels)
        return masks.row_sums(), masks.valid_rows(), masks.column_sums(rows)

    step = tf.function(evaluate, autograph=False, jit_compile=True) if compiled else evaluate
    arguments = tf.nest.map_structure(tf.convert_to_tensor, (matrices, valid, rows))
    return tf.nest.map_structure(np.asarray, step(*arguments))


def _cases():
    """The fast tier has three matrices of every shape; XLA compiles one of the shapes."""
    for shape in SHAPES:
        for number in (1, 2, 3):
            for name, kernels, compiled in (
                ("xla", LANES, True),
                ("lanes", LANES, False),
                ("rows", ROWS, False),
            ):
                is_fast = number == 3 and (name == "lanes" or shape == (611, 100))
                marks = [] if is_fast else [pytest.mark.slow]
                case_id = f"{shape[0]}x{shape[1]}-{number}-{name}"
                yield pytest.param(shape, number, kernels, compiled, id=case_id, marks=marks)


@pytest.mark.parametrize(("shape", "number", "kernels", "compiled"), _cases())
def test_sums_are_those_of_numpy(shape, number, kernels, compiled):
    random = np.random.default_rng(0)
    matrices = [random.random(shape) < p for p in (0.5, 0.9, 0.1)[:number]]
    valid = [random.random(shape) > 0.1 / shape[1], random.random(shape[0]) < 0.8]
    valid += [random.random(shape) > 0.1 / shape[1]]
    rows = random.random(shape[0]) < 0.7
    row_sums, valid_rows, column_sums = sums(matrices, valid, rows, kernels, compiled)
    for matrix, along_rows, along_columns in zip(matrices, row_sums, column_sums, strict=True):
        np.testing.assert_array_equal(along_rows, matrix.sum(axis=1))
        np.testing.assert_array_equal(along_columns, matrix[rows].sum(axis=0))
    expected = valid[0].all(axis=1) & valid[1] & valid[2].all(axis=1)
    np.testing.assert_array_equal(valid_rows, expected)


# 256 slices would overflow a field of 8 bits, and 65,536 classes a field of 16 bits.
@pytest.mark.parametrize(
    "classes",
    [4096, 65_535, 65_536, *(pytest.param(n, marks=pytest.mark.slow) for n in (255, 2048, 4080))],
)
def test_no_field_overflows_into_the_next(classes):
    # With all entries set, each field of an integer is as full as possible.
    full = tf.ones([2, classes], tf.bool)
    for valid, expected in ((full, True), (~full, False)):
        row_sums, valid_rows, _ = sums([full] * 3, [valid], tf.ones([2], tf.bool), LANES)
        np.testing.assert_array_equal(np.stack(row_sums), classes)
        np.testing.assert_array_equal(valid_rows, expected)


@pytest.mark.parametrize("compiled", [False, pytest.param(True, marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    "rows", [255, 24 * 256, 2**17 + 5, pytest.param(2**21, marks=pytest.mark.slow)]
)
def test_no_field_overflows_into_the_next_for_many_rows(rows, compiled):
    full = tf.ones([rows, 2], tf.bool)
    *_, column_sums = sums([full] * 3, [], tf.ones([rows], tf.bool), LANES, compiled)
    np.testing.assert_array_equal(np.stack(column_sums), rows)


def test_the_number_of_rows_may_be_unknown():
    @tf.function(input_signature=[tf.TensorSpec([None, 5], tf.bool)], autograph=False)
    def step(matrix):
        rows = tf.ones(tf.shape(matrix)[:1], tf.bool)
        return PackedMasks([matrix], [], LANES).column_sums(rows)[0]

    matrix = np.random.default_rng(0).random((40, 5)) < 0.5
    np.testing.assert_array_equal(step(matrix), matrix.sum(axis=0))


def test_absent_matrices_have_no_sums():
    masks = PackedMasks([], [], LANES)
    assert masks.row_sums() == []
    assert masks.valid_rows() is None
    assert masks.column_sums(tf.ones([3], tf.bool)) == []
    masks = PackedMasks([None, tf.constant([[True, False]]), None], [], LANES)
    assert [x is None for x in masks.row_sums()] == [True, False, True]
    assert [x is None for x in masks.column_sums(tf.ones([1], tf.bool))] == [True, False, True]
