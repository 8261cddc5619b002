"""Small Keras networks that return logits."""

from __future__ import annotations

import tensorflow as tf


def build(name: str, input_shape: tuple[int, ...], units: int, dtype: str) -> tf.keras.Model:
    """Builds `cnn` (images) or `mlp`, with `units` logits, all in `dtype`."""
    layers = tf.keras.layers
    if name == "cnn":
        body = [
            layers.Conv2D(16, 3, padding="same", activation="relu", dtype=dtype),
            layers.AveragePooling2D(2, dtype=dtype),
            layers.Conv2D(32, 3, padding="same", activation="relu", dtype=dtype),
            layers.AveragePooling2D(2, dtype=dtype),
            layers.Flatten(dtype=dtype),
        ]
    else:
        body = [
            layers.Flatten(dtype=dtype),
            layers.Dense(32, activation="relu", dtype=dtype),
            layers.Dense(32, activation="relu", dtype=dtype),
        ]
    return tf.keras.Sequential(
        [tf.keras.Input(input_shape, dtype=dtype), *body, layers.Dense(units, dtype=dtype)]
    )
