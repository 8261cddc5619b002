"""Keras models that return logits: small built-in ones, and those of the user."""

import contextlib
from collections.abc import Iterator

import tensorflow as tf

from dist_f1.jobs import user_functions
from dist_f1.launching.errors import UserError


def build(name: str, input_shape: tuple[int, ...], units: int, dtype: str) -> tf.keras.Model:
    """Build a model.

    Args:
        name: `"cnn"` (for images), `"mlp"`, or `"module:function"` for a function that is called
            as `function(input_shape, units)` and returns a Keras model.
        input_shape: Shape of the features of a row.
        units: Number of logits.
        dtype: Dtype of all layers that do not specify one.

    Raises:
        UserError: The model does not fit the data.
    """
    if user_functions.is_function_name(name):
        return _build_with_function(name, input_shape, units, dtype)
    if name == "cnn" and len(input_shape) != 3:
        raise UserError(
            f"config.model=cnn needs images of shape (height, width, channels), but rows have "
            f"shape {input_shape}. Use config.model=mlp."
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


def _build_with_function(
    name: str, input_shape: tuple[int, ...], units: int, dtype: str
) -> tf.keras.Model:
    function = user_functions.load_function(name, "config.model")
    with _default_dtype(dtype):
        model = function(input_shape, units)
    if not isinstance(model, tf.keras.Model):
        raise UserError(f"config.model={name} returned {model!r}. Return a Keras model.")
    try:
        # Builds the model if it is not built yet.
        logits = model(tf.keras.Input(input_shape, dtype=dtype))
    except (ValueError, TypeError, tf.errors.InvalidArgumentError) as error:
        raise UserError(
            f"config.model={name} returned a model that does not accept rows of shape "
            f"{input_shape}: {error}"
        ) from error
    shape = getattr(logits, "shape", None)
    if shape is None or tuple(shape) != (None, units):
        raise UserError(
            f"config.model={name} returned a model with outputs of shape {shape}. Return one with "
            f"{units} logits for each row, shape (None, {units})."
        )
    return model


@contextlib.contextmanager
def _default_dtype(dtype: str) -> Iterator[None]:
    """Set the default dtype of layers and of their inputs."""
    policy, floatx = tf.keras.mixed_precision.global_policy(), tf.keras.backend.floatx()
    tf.keras.mixed_precision.set_global_policy(dtype)
    tf.keras.backend.set_floatx(dtype)
    try:
        yield
    finally:
        tf.keras.mixed_precision.set_global_policy(policy)
        tf.keras.backend.set_floatx(floatx)
