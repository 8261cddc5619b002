"""Keras networks that return logits: small ones, and those of the user's own."""

from __future__ import annotations

import tensorflow as tf

from dist_f1.jobs import own


def build(name: str, input_shape: tuple[int, ...], units: int, dtype: str) -> tf.keras.Model:
    """Builds `cnn` (images) or `mlp`, with `units` logits, all in `dtype`.

    `module:function` is called as `function(input_shape, units)` and returns a built Keras model.

    Raises:
        ValueError: the model does not fit the data.
    """
    if own.is_named(name):
        return _of_function(name, input_shape, units)
    if name == "cnn" and len(input_shape) != 3:
        raise ValueError(
            f"config.model=cnn takes images [height, width, channels], the rows are {input_shape}; "
            "use config.model=mlp."
        )
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


def _of_function(name: str, input_shape: tuple[int, ...], units: int) -> tf.keras.Model:
    model = own.resolve(name, "config.model")(input_shape, units)
    if not isinstance(model, tf.keras.Model):
        raise ValueError(f"config.model={name} must return a Keras model, got {model!r}.")
    shape = getattr(model, "output_shape", None) if model.built else None
    if shape != (None, units):
        raise ValueError(
            f"config.model={name} must return a built model with {units} logits for a row, got one "
            f"with outputs {shape}."
        )
    return model
