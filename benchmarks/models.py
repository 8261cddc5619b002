"""The models whose training steps are measured, and data from which they can learn."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import tensorflow as tf

layers = tf.keras.layers

Arrays = tuple[np.ndarray, np.ndarray]
_VOCABULARY, _WORDS, _WIDTH, _SIDE = 1_000, 64, 64, 32


@dataclasses.dataclass(frozen=True)
class Problem:
    """A model that turns inputs into logits, and data in which every class occurs."""

    classes: int
    batch: int  # samples of a step over all replicas; a multiple of 1, 2, 3, 4, 6 and 8
    build: Callable[[int], tf.keras.Model]
    draw: Callable[[np.random.Generator, int], Arrays]  # inputs and class ids
    learning_rate: float

    def create(self, seed: int) -> tf.keras.Model:
        """Create the model; the same seed gives the same weights."""
        tf.keras.utils.set_random_seed(seed)
        return self.build(self.classes)


def _mlp(classes: int) -> tf.keras.Model:
    """Vectors `[B, 64]` to logits `[B, C]`."""
    x = inputs = tf.keras.Input([64])
    for _ in range(2):
        x = layers.Dense(256, "relu", kernel_initializer="he_normal")(x)
    return tf.keras.Model(inputs, layers.Dense(classes)(x))


def _resnet(classes: int) -> tf.keras.Model:
    """Images `[B, H, W, 3]` to logits `[B, C]`: the eight layers of the smallest ResNets.

    Without batch normalization, whose statistics would differ between replicas.
    """
    inputs = tf.keras.Input([_SIDE, _SIDE, 3])
    x = _convolution(16, activation="relu")(inputs)
    for channels, stride in [(16, 1), (32, 2), (64, 2)]:
        y = _convolution(channels, stride, activation="relu")(x)
        if stride > 1:
            x = _convolution(channels, stride, width=1)(x)
        x = layers.ReLU()((x + _convolution(channels)(y)) / 2.0**0.5)
    return tf.keras.Model(inputs, layers.Dense(classes)(layers.GlobalAveragePooling2D()(x)))


def _tagger(classes: int) -> tf.keras.Model:
    """Tokens `[B, T]` to logits `[B, T, C]`: a transformer layer without normalization."""
    inputs = tf.keras.Input([_WORDS], dtype="int64")
    x = layers.Embedding(_VOCABULARY, _WIDTH, "random_normal")(inputs)
    x = x + layers.MultiHeadAttention(num_heads=1, key_dim=_WIDTH)(x, x)
    inner = layers.Dense(4 * _WIDTH, "relu", kernel_initializer="he_normal")
    x = x + layers.Dense(_WIDTH)(inner(x))
    return tf.keras.Model(inputs, layers.Dense(classes)(x))


def _segmenter(classes: int) -> tf.keras.Model:
    """Images `[B, H, W, 3]` to logits `[B, H, W, C]`: a small U-Net."""
    inputs = tf.keras.Input([_SIDE, _SIDE, 3])
    fine = _convolution(16, activation="relu")(inputs)
    coarse = _convolution(32, 2, activation="relu")(fine)
    coarse = layers.UpSampling2D()(_convolution(32, activation="relu")(coarse))
    x = _convolution(16, activation="relu")(layers.Concatenate()([fine, coarse]))
    return tf.keras.Model(inputs, _convolution(classes, width=1)(x))


def _convolution(
    filters: int, stride: int = 1, width: int = 3, activation: str | None = None
) -> layers.Layer:
    options = {"activation": activation, "kernel_initializer": "he_normal"}
    return layers.Conv2D(filters, width, stride, "same", **options)


def _class_ids(random: np.random.Generator, number: int, classes: int) -> np.ndarray:
    """Draw class ids in random order, equally many of each class."""
    return random.permutation(np.arange(number) % classes)


def _prototypes(*shape: int) -> np.ndarray:
    """Return an example of each class, the same in every draw."""
    return np.random.default_rng(0).normal(0.0, 1.0, shape)


def _add_noise(random: np.random.Generator, signal: np.ndarray, noise: float) -> np.ndarray:
    return (signal + random.normal(0.0, noise, signal.shape)).astype(np.float32)


def _vectors(random: np.random.Generator, samples: int) -> Arrays:
    y = _class_ids(random, samples, 10)
    return _add_noise(random, _prototypes(10, 64)[y], 2.0), y


def _images(random: np.random.Generator, samples: int) -> Arrays:
    y = _class_ids(random, samples, 10)
    coarse = _prototypes(10, 4, 4, 3)[y]
    return _add_noise(random, coarse.repeat(_SIDE // 4, 1).repeat(_SIDE // 4, 2), 1.0), y


def _sentences(random: np.random.Generator, samples: int) -> Arrays:
    y = _class_ids(random, samples * _WORDS, 9).reshape(samples, _WORDS)
    # The class of a word follows from its id, except for one word in four.
    words = 9 * random.integers(0, _VOCABULARY // 9, y.shape) + y
    is_noise = random.random(y.shape) < 0.25
    return np.where(is_noise, random.integers(0, _VOCABULARY, y.shape), words), y


def _scenes(random: np.random.Generator, samples: int) -> Arrays:
    coarse = _class_ids(random, samples * 64, 19).reshape(samples, 8, 8)
    y = coarse.repeat(_SIDE // 8, 1).repeat(_SIDE // 8, 2)
    return _add_noise(random, _prototypes(19, 3)[y], 0.5), y


PROBLEMS = {
    "mlp": Problem(10, 768, _mlp, _vectors, 0.05),
    "cnn": Problem(10, 48, _resnet, _images, 0.02),
    "tagger": Problem(9, 24, _tagger, _sentences, 0.05),
    "segmenter": Problem(19, 24, _segmenter, _scenes, 0.05),
}
