"""A repaired `fit` builds the model from shapes, and reads no batch for it where it can."""

import types

import numpy as np
import pytest
import tensorflow as tf
from helpers import strategy

import dist_f1
from dist_f1.compat.keras3 import repair_fit, trainer

pytestmark = pytest.mark.skipif(not hasattr(tf.keras, "ops"), reason="the trainer of Keras 3")
ROWS, FEATURES = 48, 3


def epochs(dataset):
    """What Keras makes of a dataset; each pass is recorded in `read`."""
    read = []

    def batches():
        read.append(dataset)
        return iter(dataset)

    class Epochs:
        _distributed_dataset = dataset

        def __iter__(self):
            yield 0, 0, batches()

    found = Epochs()
    found.read = read
    return found


def build(iterator):
    """Return the batch from which the repaired function builds."""
    built = []
    replace = trainer.build_from_first_replica(
        lambda self, iterator, data_batch: built.append((iterator, data_batch))
    )
    replace(types.SimpleNamespace(_distribute_strategy=strategy("mirrored_2")), iterator=iterator)
    ((left, batch),) = built
    assert left is None
    return batch


def distributed(*arrays):
    dataset = tf.data.Dataset.from_tensor_slices(arrays).batch(8)
    return strategy("mirrored_2").experimental_distribute_dataset(dataset)


def test_known_shapes_are_enough():
    iterator = epochs(distributed(np.zeros([ROWS, FEATURES], "float32"), np.zeros(ROWS, "int64")))
    x, y = build(iterator)
    assert (x.shape.as_list(), x.dtype) == ([None, FEATURES], tf.float32)
    assert (y.shape.as_list(), y.dtype) == ([None], tf.int64)
    assert not iterator.read


def test_other_shapes_are_those_of_the_first_batch_whose_iterator_is_kept():
    rows = tf.data.Dataset.from_tensor_slices(np.arange(1, 9)).map(tf.ones)
    ragged = strategy("mirrored_2").experimental_distribute_dataset(rows.padded_batch(4))
    iterator = epochs(ragged)
    assert build(iterator).shape == (2, 4)
    assert len(iterator.read) == 1
    assert len(list(iterator._first_batches)) == 1


def generate():
    for number in range(ROWS // 4):
        yield np.full([4, FEATURES], number, "float32"), np.full([4], number % 2)


def test_every_batch_of_a_generator_is_trained_on_and_evaluated():
    repair_fit()
    with strategy("mirrored_2").scope():
        model = tf.keras.Sequential([tf.keras.layers.Dense(2, "softmax")])
        metric = dist_f1.F1Score("macro")
        model.compile("sgd", "sparse_categorical_crossentropy", metrics=[metric])
    for run in (model.fit, model.evaluate):
        run(generate(), verbose=0)
        assert int(metric.counts().total) == ROWS


def test_tokens_of_other_lengths_in_each_batch():
    repair_fit()
    lengths = np.arange(2, 10)
    tokens = tf.data.Dataset.from_tensor_slices(lengths).map(
        lambda length: (tf.ones([length], tf.int64), tf.ones([length], tf.int64))
    )
    with strategy("mirrored_2").scope():
        model = tf.keras.Sequential(
            [tf.keras.layers.Embedding(4, 5), tf.keras.layers.Dense(2, "softmax")]
        )
        metric = dist_f1.F1Score("macro")
        model.compile("sgd", "sparse_categorical_crossentropy", metrics=[metric])
    data = tokens.padded_batch(4)
    model.fit(data, verbose=0)
    # Two batches of four rows, as long as their longest.
    assert int(metric.counts().total) == 4 * lengths[3] + 4 * lengths[7]
