"""One-hot targets are counted by their ids in compiled code, and other rows by their columns."""

import functools

import numpy as np
import pytest
import tensorflow as tf
from comparisons import same
from counted_batches import count, count_tensors, expected
from hypothesis import given
from hypothesis import strategies as st

CLASSES = 5


@functools.cache
def compiled(*names, **options):
    """Return a compiled function that counts a batch."""

    def counted(y_true, y_pred, *values):
        arguments = dict(zip(names, values, strict=True))
        return count_tensors(y_true, y_pred, **arguments, **options)

    return tf.function(counted, jit_compile=True, autograph=False)


def batch(rows=40):
    random = np.random.default_rng(rows)
    ids = random.integers(0, CLASSES, rows)
    return ids, np.eye(CLASSES, dtype=np.float32)[ids], random.random((rows, CLASSES), np.float32)


@pytest.mark.parametrize("dtype", ["float32", "int32", "bool", "float16"])
@pytest.mark.parametrize("leading", [(40,), (4, 10), (2, 4, 5)])
def test_one_hot_rows_count_as_their_ids(leading, dtype):
    ids, one_hot, y_pred = batch()
    y_true = tf.cast(one_hot.reshape(*leading, CLASSES), dtype)
    counted = compiled(confusion=True)(y_true, y_pred.reshape(*leading, CLASSES)).numpy()
    plain = count(ids, y_pred, confusion=True)
    same(counted, plain)
    same(count(one_hot, y_pred), expected(ids, y_pred.argmax(-1), CLASSES))


@given(
    st.lists(
        st.tuples(
            st.integers(0, 7),
            st.sampled_from([0.0, 1.0, -1.0, 0.5, float("nan")]),
            st.sampled_from([0.0, 1.0, 2.5]),
            st.booleans(),
        ),
        min_size=6,
        max_size=6,
    )
)
def test_rows_with_several_classes_or_none_and_invalid_rows(changes):
    _, y_true, y_pred = batch(6)
    weight, mask = np.ones(6), np.ones(6, bool)
    for row, (column, value, weight[row], mask[row]) in enumerate(changes):
        if column < CLASSES:
            y_true[row, column] = value
    for names in ((), ("mask",), ("weight", "mask")):
        arguments = {name: {"weight": weight, "mask": mask}[name] for name in names}
        found = compiled(*names)(y_true, y_pred, *arguments.values())
        same(found.numpy(), count(y_true, y_pred, **arguments))


def test_an_ignored_class_and_groups():
    ids, y_true, y_pred = batch()
    by = ids % 2
    for ignore_class in (0, 3, None):
        options = {"ignore_class": ignore_class, "num_groups": 2}
        for changed in (y_true, np.maximum(y_true, np.eye(40, CLASSES, dtype=np.float32))):
            found = compiled("by", **options)(changed, y_pred, by)
            same(found.numpy(), count(changed, y_pred, by=by, **options))
