"""Functions that a config can name: `module:function`."""

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
