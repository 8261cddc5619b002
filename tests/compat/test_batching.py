"""Every replica has a batch in every step, and the batches contain every row once, in order."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from dist_f1.compat import v1


@settings(max_examples=10)
@given(rows=st.integers(0, 40), size=st.integers(1, 7), replicas=st.integers(1, 4))
def test_every_replica_has_a_batch_in_every_step_and_no_row_is_lost(rows, size, replicas):
    data = tf.data.Dataset.range(rows).apply(v1.batch_for_replicas(size, replicas))
    batches = [batch.tolist() for batch in data.as_numpy_iterator()]
    assert [row for batch in batches for row in batch] == list(range(rows))
    assert len(batches) % replicas == 0
    assert max(map(len, batches), default=0) <= size
    full = rows // (size * replicas) * replicas
    assert all(len(batch) == size for batch in batches[:full])
    last = [len(batch) for batch in batches[full:]]
    assert not last or max(last) - min(last) <= 1


def test_all_tensors_of_an_element_are_sliced_alike():
    dense = np.arange(14).reshape(7, 2)
    lengths = [0, 1, 2, 0, 1, 2, 1]
    element = (
        {
            "dense": dense,
            "sparse": tf.sparse.from_dense(dense),
            "ragged": tf.RaggedTensor.from_row_lengths(tf.range(7), lengths),
        },
        np.arange(7),
    )
    data = tf.data.Dataset.from_tensor_slices(element).apply(v1.batch_for_replicas(2, 2))
    seen = 0
    for features, labels in data:
        rows = labels.numpy()
        np.testing.assert_array_equal(features["dense"], dense[rows])
        np.testing.assert_array_equal(tf.sparse.to_dense(features["sparse"]), dense[rows])
        assert features["ragged"].row_lengths().numpy().tolist() == [lengths[r] for r in rows]
        seen += len(rows)
    assert seen == 7


@pytest.mark.parametrize("make", [tf.data.Dataset.from_tensor_slices, lambda x: _v1_dataset(x)])
@pytest.mark.parametrize("element", [np.arange(5), (np.arange(5),), {"x": np.arange(5)}])
def test_elements_keep_their_structure(make, element):
    plain = tf.data.Dataset.from_tensor_slices(element).batch(2)
    ours = make(element).apply(v1.batch_for_replicas(2, 2))
    assert tf.nest.map_structure(tf.as_dtype, _dtypes(ours)) == _dtypes(plain)


def _v1_dataset(element):
    return tf.compat.v1.data.Dataset.from_tensor_slices(element)


def _dtypes(dataset):
    return tf.nest.map_structure(lambda spec: spec.dtype, dataset.element_spec)


@pytest.mark.parametrize(
    ("context", "batches"),
    [
        (None, [2, 2, 1]),
        (tf.distribute.InputContext(1, 0, 2), [2, 2, 0, 1]),
        (tf.distribute.InputContext(2, 1, 2), [2, 2, 1]),
    ],
)
def test_the_input_context_has_the_number_of_replicas_of_the_pipeline(context, batches):
    data = tf.data.Dataset.range(5).apply(v1.batch_for_replicas(2, context))
    assert [len(batch) for batch in data] == batches


@pytest.mark.parametrize(("size", "replicas"), [(0, 1), (2, 0), (2.5, 1), (2, "2")])
def test_wrong_numbers_raise(size, replicas):
    with pytest.raises(ValueError, match="must be a positive integer, got"):
        v1.batch_for_replicas(size, replicas)
