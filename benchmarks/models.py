"""The models whose training steps are measured, with data that they can learn a little.

Plain variables and operations, which all generations of Keras leave as they are.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

Arrays = tuple[np.ndarray, np.ndarray]
_VOCABULARY, _WIDTH, _SIDE = 1_000, 64, 32


@dataclasses.dataclass(frozen=True)
class Problem:
    """A model and its data.

    Args:
        classes: the last axis of the scores.
        batch: rows of a step over all replicas; 1, 2, 3, 4, 6 and 8 replicas have equal shares.
        make: makes the model from a seed; it turns `x` into logits, with a class axis at the end.
        data: draws `x` and class ids of that many rows; all classes occur in every draw.
        learning_rate: of plain gradient descent.
    """

    classes: int
    batch: int
    make: Callable[[int], tf.Module]
    data: Callable[[np.random.Generator, int], Arrays]
    learning_rate: float


class _Weights:
    """Makes variables, the same ones for the same seed."""

    def __init__(self, seed: int) -> None:
        self._random = np.random.default_rng(seed)

    def __call__(self, *shape: int, gain: float = 2.0) -> tf.Variable:
        scale = math.sqrt(gain / math.prod(shape[:-1]))
        return tf.Variable(self._random.normal(0.0, scale, shape).astype(np.float32))


class _Dense(tf.Module):
    def __init__(self, weights: _Weights, size: int, out: int, gain: float = 2.0) -> None:
        super().__init__()
        self.kernel = weights(size, out, gain=gain)
        self.bias = tf.Variable(tf.zeros([out]))

    def __call__(self, x: tf.Tensor) -> tf.Tensor:
        return tf.tensordot(x, self.kernel, 1) + self.bias


class _Convolution(tf.Module):
    def __init__(
        self, weights: _Weights, size: int, out: int, stride: int = 1, width: int = 3
    ) -> None:
        super().__init__()
        self.kernel = weights(width, width, size, out)
        self.bias = tf.Variable(tf.zeros([out]))
        self.stride = stride

    def __call__(self, x: tf.Tensor) -> tf.Tensor:
        return tf.nn.conv2d(x, self.kernel, self.stride, "SAME") + self.bias


class Mlp(tf.Module):
    """Rows `[B, 64]` to scores `[B, C]`."""

    def __init__(self, seed: int, classes: int) -> None:
        super().__init__()
        weights = _Weights(seed)
        self.layers = [_Dense(weights, 64, 256), _Dense(weights, 256, 256)]
        self.head = _Dense(weights, 256, classes)

    def __call__(self, x: tf.Tensor) -> tf.Tensor:
        """The logits."""
        for layer in self.layers:
            x = tf.nn.relu(layer(x))
        return self.head(x)


class _Block(tf.Module):
    """Two convolutions and a way around them."""

    def __init__(self, weights: _Weights, size: int, out: int, stride: int) -> None:
        super().__init__()
        self.first = _Convolution(weights, size, out, stride)
        self.second = _Convolution(weights, out, out)
        self.shortcut = _Convolution(weights, size, out, stride, 1) if size != out else None

    def __call__(self, x: tf.Tensor) -> tf.Tensor:
        around = x if self.shortcut is None else self.shortcut(x)
        return tf.nn.relu((around + self.second(tf.nn.relu(self.first(x)))) / math.sqrt(2.0))


class ResNet(tf.Module):
    """Images `[B, H, W, 3]` to scores `[B, C]`; without batch statistics, which replicas differ in.

    The eight layers of the smallest residual networks for small images.
    """

    def __init__(self, seed: int, classes: int) -> None:
        super().__init__()
        weights = _Weights(seed)
        self.stem = _Convolution(weights, 3, 16)
        self.blocks = [
            _Block(weights, 16, 16, 1),
            _Block(weights, 16, 32, 2),
            _Block(weights, 32, 64, 2),
        ]
        self.head = _Dense(weights, 64, classes, gain=1.0)

    def __call__(self, x: tf.Tensor) -> tf.Tensor:
        """The logits."""
        x = tf.nn.relu(self.stem(x))
        for block in self.blocks:
            x = block(x)
        return self.head(tf.reduce_mean(x, axis=[1, 2]))


class Tagger(tf.Module):
    """Tokens `[B, T]` to scores `[B, T, C]`: attention and a feed-forward part, with residuals."""

    def __init__(self, seed: int, classes: int) -> None:
        super().__init__()
        weights = _Weights(seed)
        self.embedding = weights(_VOCABULARY, _WIDTH, gain=float(_VOCABULARY))
        self.query, self.key, self.value, self.mixed = (
            _Dense(weights, _WIDTH, _WIDTH, gain=1.0) for _ in range(4)
        )
        self.inner = _Dense(weights, _WIDTH, 4 * _WIDTH)
        self.outer = _Dense(weights, 4 * _WIDTH, _WIDTH, gain=1.0)
        self.head = _Dense(weights, _WIDTH, classes, gain=1.0)

    def __call__(self, x: tf.Tensor) -> tf.Tensor:
        """The logits."""
        x = tf.gather(self.embedding, x)
        near = tf.matmul(self.query(x), self.key(x), transpose_b=True) / math.sqrt(_WIDTH)
        x += self.mixed(tf.matmul(tf.nn.softmax(near), self.value(x)))
        x += self.outer(tf.nn.relu(self.inner(x)))
        return self.head(x)


class Segmenter(tf.Module):
    """Images `[B, H, W, 3]` to scores `[B, H, W, C]`: down once, up again, and a way around."""

    def __init__(self, seed: int, classes: int) -> None:
        super().__init__()
        weights = _Weights(seed)
        self.first = _Convolution(weights, 3, 16)
        self.down = _Convolution(weights, 16, 32, 2)
        self.bottom = _Convolution(weights, 32, 32)
        self.joined = _Convolution(weights, 48, 16)
        self.head = _Convolution(weights, 16, classes, width=1)

    def __call__(self, x: tf.Tensor) -> tf.Tensor:
        """The logits."""
        fine = tf.nn.relu(self.first(x))
        coarse = tf.nn.relu(self.bottom(tf.nn.relu(self.down(fine))))
        coarse = tf.image.resize(coarse, [_SIDE, _SIDE], "nearest")
        return self.head(tf.nn.relu(self.joined(tf.concat([fine, coarse], -1))))


def _ids(random: np.random.Generator, number: int, classes: int) -> np.ndarray:
    """Class ids in random order, each class as often as any other."""
    return random.permutation(np.arange(number) % classes)


def _noisy(random: np.random.Generator, signal: np.ndarray, noise: float) -> np.ndarray:
    return (signal + random.normal(0.0, noise, signal.shape)).astype(np.float32)


def _prototypes(*shape: int) -> np.ndarray:
    """What the classes look like, in every draw."""
    return np.random.default_rng(0).normal(0.0, 1.0, shape)


def _vectors(random: np.random.Generator, rows: int) -> Arrays:
    y = _ids(random, rows, 10)
    return _noisy(random, _prototypes(10, 64)[y], 2.0), y


def _images(random: np.random.Generator, rows: int) -> Arrays:
    y = _ids(random, rows, 10)
    coarse = _prototypes(10, 4, 4, 3)[y]
    return _noisy(random, coarse.repeat(_SIDE // 4, 1).repeat(_SIDE // 4, 2), 1.0), y


def _sentences(random: np.random.Generator, rows: int) -> Arrays:
    y = _ids(random, rows * 64, 9).reshape(rows, 64)
    # A word has the class of its number, but for one word in four.
    words = 9 * random.integers(0, _VOCABULARY // 9, y.shape) + y
    stray = random.random(y.shape) < 0.25
    return np.where(stray, random.integers(0, _VOCABULARY, y.shape), words), y


def _scenes(random: np.random.Generator, rows: int) -> Arrays:
    coarse = _ids(random, rows * 64, 19).reshape(rows, 8, 8)
    y = coarse.repeat(_SIDE // 8, 1).repeat(_SIDE // 8, 2)
    return _noisy(random, _prototypes(19, 3)[y], 0.5), y


PROBLEMS: dict[str, Problem] = {
    "mlp": Problem(10, 768, lambda seed: Mlp(seed, 10), _vectors, 0.05),
    "cnn": Problem(10, 48, lambda seed: ResNet(seed, 10), _images, 0.02),
    "tagger": Problem(9, 24, lambda seed: Tagger(seed, 9), _sentences, 0.05),
    "segmenter": Problem(19, 24, lambda seed: Segmenter(seed, 19), _scenes, 0.05),
}


def gradient(tape: tf.GradientTape, loss: tf.Tensor, variables: Any) -> list[tf.Tensor]:
    """Dense gradients, as replicas can send them all at once."""
    return [tf.convert_to_tensor(g) for g in tape.gradient(loss, variables)]
