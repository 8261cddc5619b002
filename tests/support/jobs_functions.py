"""Functions for configs, as `module:function`."""

import os

import tensorflow as tf


def wider(input_shape, units):
    layers = tf.keras.layers
    return tf.keras.Sequential(
        [
            tf.keras.Input(input_shape),
            layers.Dense(64, activation="relu", dtype="float64"),
            layers.Dense(units, dtype="float64"),
        ]
    )


def regularized(input_shape, units):
    layers = tf.keras.layers
    penalty = tf.keras.regularizers.L2(0.1)
    first = layers.Dense(8, activation="relu", kernel_regularizer=penalty, dtype="float64")
    last = layers.Dense(units, dtype="float64")
    return tf.keras.Sequential([tf.keras.Input(input_shape), first, last])


def rows_in_any_order(split):
    """Return the rows in a different order in each process."""
    x = tf.reshape(tf.range(90.0), [90, 1])
    data = tf.data.Dataset.from_tensor_slices((x, tf.range(90) % 3))
    return data.shuffle(90, seed=os.getpid())


def with_dropout(input_shape, units):
    return _with(tf.keras.layers.Dropout(0.5, seed=1), input_shape, units)


def with_batch_normalization(input_shape, units):
    return _with(tf.keras.layers.BatchNormalization(momentum=0.5), input_shape, units)


def _with(layer, input_shape, units):
    layers = tf.keras.layers
    first = layers.Dense(16, activation="relu")
    return tf.keras.Sequential([tf.keras.Input(input_shape), first, layer, layers.Dense(units)])
