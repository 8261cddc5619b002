"""Each search finds the first best class of every row, and the rows without a NaN."""

import functools

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from dist_f1.kernels import Kernels, argmax
from dist_f1.kernels.blocks import block_width
from dist_f1.kernels.lanes import part_width, slices


@functools.cache
def best(search, jit_compile=False):
    """The search as a function that is compiled once for each shape."""
    kernels = Kernels(argmax=search)
    if not jit_compile:
        return lambda scores: argmax.best(scores, kernels)
    return tf.function(lambda scores: argmax.best(scores, kernels), jit_compile=True)


@pytest.mark.parametrize("search", ["blocks", "lanes", "keys"])
@settings(max_examples=10)
@given(st.integers(0, 10_000), st.sampled_from([48, 100, 360, 1000, 2002, 5000]), st.booleans())
def test_ties_within_and_between_slices_go_to_the_first_class(search, seed, classes, few_values):
    random = np.random.default_rng(seed)
    scores = random.integers(0, 2 if few_values else 10_000, (20, classes)).astype(np.float32)
    ids, valid = best(search)(tf.constant(scores))
    np.testing.assert_array_equal(ids, np.argmax(scores, axis=-1))
    assert np.all(valid)


@pytest.mark.parametrize("search", ["lanes", "keys"])
@pytest.mark.parametrize("jit_compile", [False, pytest.param(True, marks=pytest.mark.slow)])
@given(
    st.sampled_from([1, 3, 17, 40]).flatmap(
        lambda classes: hnp.arrays(
            np.float32,
            (7, classes),
            elements=st.floats(width=32, allow_nan=True, allow_infinity=True),
        )
    )
)
def test_integer_keys_keep_the_order_of_all_floats(search, jit_compile, scores):
    scores[0], scores[1], scores[2] = -0.0, -1.0, -np.inf
    scores[0, -1], scores[1, 0] = 0.0, -np.nan
    scores[3], scores[3, scores.shape[1] // 3] = 0.0, 1e-40
    ids, valid = best(search, jit_compile)(tf.constant(scores))
    has_nan = np.isnan(scores).any(axis=-1)
    np.testing.assert_array_equal(valid, ~has_nan)
    flushed = np.where(np.abs(scores) < np.finfo(np.float32).tiny, 0, scores)
    np.testing.assert_array_equal(np.asarray(ids)[~has_nan], flushed[~has_nan].argmax(axis=-1))
    assert np.all((np.asarray(ids) >= 0) & (np.asarray(ids) < scores.shape[1]))


def test_slices_cover_every_class_and_are_few():
    for classes in (*range(1, 70), 385, 400, 401, 1000, 1999, 2000, 2003, 49_999, 50_000):
        starts, lanes = slices(part_width(classes))
        covered = np.unique(np.add.outer(starts, np.arange(lanes)))
        first = np.arange(0, classes, part_width(classes))[:, np.newaxis]
        np.testing.assert_array_equal((first + covered).ravel(), np.arange(classes))
        assert len(starts) <= (128 if classes <= 2048 else 64)
        assert starts == sorted(starts)
        assert lanes * len(starts) < part_width(classes) + lanes or classes == 1


def test_few_or_indivisible_classes_have_no_blocks():
    assert [block_width(classes) for classes in (2, 31, 97, 101)] == [None] * 4


def test_blocks_leave_less_than_half_of_the_classes_for_the_second_pass():
    for classes in (100, 1000, 50_000, 30_522, 1_000_000):
        width = block_width(classes)
        assert classes % width == 0
        assert width + classes // width < classes / 2
