"""Keras networks that return logits: small ones, and those of the user's own."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import tensorflow as tf

from dist_f1.jobs import user_functions
from dist_f1.launching.errors import UserError


def build(name: str, input_shape: tuple[int, ...], units: int, dtype: str) -> tf.keras.Model:
    """Builds `cnn` (images) or `mlp`, with `units` logits, all in `dtype`.

    `module:function` is called as `function(input_shape, units)` and returns a Keras model, whose
    layers are in `dtype` too if they do not say otherwise.

    Raises:
        UserError: the model does not fit the data.
    """
    if user_functions.is_named(name):
        return _of_function(name, input_shape, units, dtype)
    if name == "cnn" and len(input_shape) != 3:
        raise UserError(
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


def _of_function(name: str, input_shape: tuple[int, ...], units: int, dtype: str) -> tf.keras.Model:
    function = user_functions.resolve(name, "config.model")
    with _default_dtype(dtype):
        model = function(input_shape, units)
    if not isinstance(model, tf.keras.Model):
        raise UserError(f"config.model={name} must return a Keras model, got {model!r}.")
    try:
        # Builds those that are not yet.
        logits = model(tf.keras.Input(input_shape, dtype=dtype))
    except (ValueError, TypeError, tf.errors.InvalidArgumentError) as error:
        raise UserError(
            f"config.model={name} returned a model that does not take rows of shape "
            f"{input_shape}: {error}"
        ) from error
    shape = getattr(logits, "shape", None)
    if shape is None or tuple(shape) != (None, units):
        raise UserError(
            f"config.model={name} must return a model with {units} logits for a row, outputs of "
            f"shape (None, {units}); those of this one have {shape}."
        )
    return model


@contextlib.contextmanager
def _default_dtype(dtype: str) -> Iterator[None]:
    """Of layers, and of their inputs."""
    policy, floatx = tf.keras.mixed_precision.global_policy(), tf.keras.backend.floatx()
    tf.keras.mixed_precision.set_global_policy(dtype)
    tf.keras.backend.set_floatx(dtype)
    try:
        yield
    finally:
        tf.keras.mixed_precision.set_global_policy(policy)
        tf.keras.backend.set_floatx(floatx)
