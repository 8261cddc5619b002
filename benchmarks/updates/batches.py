"""Batches of scores and targets, in NumPy and as tensors.

In the batches, no decision is a tie or a matter of rounding.
"""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import tensorflow as tf

# `argmax`: class ids, and the class with the best score; `one-hot`: the same with one-hot targets;
# `ids`: class ids, and every class above a threshold; `indicators`: 0/1 targets, and every class
# above a threshold.
Task = Literal["argmax", "one-hot", "ids", "indicators"]

THRESHOLD = 0.5
# Scores are odd multiples of 1/8192, which no threshold i/200 is, in float32 either.
_LEVELS = 4096


@dataclasses.dataclass(frozen=True, eq=False)
class Batch:
    """Scores and targets in NumPy, and as tensors on a device."""

    task: Task
    scores: np.ndarray  # `[..., C]`, float32, and exact in `dtype`
    targets: np.ndarray  # class ids `[...]`, int64, or 0/1 targets `[..., C]`, float32
    weights: np.ndarray | None = None  # `[...]`, multiples of 1/8, so that sums are exact
    dtype: str = "float32"  # of the scores that the metrics get
    device: str = "CPU:0"
    open_size: bool = False  # whether the number of rows is unknown while tracing

    @property
    def is_argmax(self) -> bool:
        """Whether the class with the best score is predicted."""
        return self.task in ("argmax", "one-hot")

    @property
    def has_ids(self) -> bool:
        """Whether targets are class ids."""
        return self.task in ("argmax", "ids")

    @property
    def classes(self) -> int:
        """Number of classes C."""
        return self.scores.shape[-1]

    @property
    def samples(self) -> int:
        """Number of samples N, over all leading axes."""
        return self.scores.size // self.classes

    @functools.cached_property
    def y_pred(self) -> np.ndarray:
        """The class of each sample, `[N]`, or the classes above the threshold, `[N, C]`."""
        flat = self.scores.reshape(-1, self.classes)
        return flat.argmax(-1) if self.is_argmax else flat > THRESHOLD

    @functools.cached_property
    def y_true(self) -> np.ndarray:
        """The targets in the form of `y_pred`."""
        if self.task == "argmax":
            return self.targets.reshape(-1)
        if not self.has_ids:
            flat = self.targets.reshape(-1, self.classes)
            return flat.argmax(-1) if self.is_argmax else flat.astype(bool)
        return self.targets.reshape(-1, 1) == np.arange(self.classes)

    @property
    def labels(self) -> tuple[np.ndarray, np.ndarray]:
        """`y_true` and `y_pred` as integers, which scikit-learn takes."""
        if self.is_argmax:
            return self.y_true, self.y_pred
        return self.y_true.astype(np.int8), self.y_pred.astype(np.int8)

    @functools.cached_property
    def arguments(self) -> tuple[tf.Tensor, ...]:
        """Arguments of an update: targets, scores and, if any, weights."""
        with tf.device(self.device):
            weights = () if self.weights is None else (tf.constant(self.weights),)
            scores = tf.cast(tf.constant(self.scores), self.dtype)
            return tf.constant(self.targets), scores, *weights

    @functools.cached_property
    def flat_arguments(self) -> tuple[tf.Tensor, ...]:
        """The arguments with 0/1 targets in float32, and with a single leading axis."""
        targets, scores, *weights = self.arguments
        with tf.device(self.device):
            one_hot = tf.one_hot(targets, self.classes) if self.has_ids else targets
            flat = [tf.reshape(x, [-1, self.classes]) for x in (one_hot, scores)]
            return *flat, *(tf.reshape(x, [-1]) for x in weights)

    def case(self) -> dict[str, Any]:
        """Describe the batch as the case of a record."""
        shape = self.scores.shape[:-1]
        return {
            "task": self.task,
            "rows": self.samples,
            "classes": self.classes,
            "scores": self.dtype,
            "weighted": self.weights is not None,
            "size": "open" if self.open_size else "known",
            **({"shape": "x".join(map(str, shape))} if len(shape) > 1 else {}),
        }


def make_batch(
    task: Task,
    shape: Sequence[int],
    *,
    dtype: str = "float32",
    weighted: bool = False,
    device: str = "CPU:0",
    seed: int = 0,
    open_size: bool = False,
) -> Batch:
    """Draw a batch with scores of the shape `[..., C]`, of which 7 of 10 predict the target.

    Every class occurs, if there are enough samples.
    """
    random = np.random.default_rng(seed)
    *leading, classes = map(int, shape)
    samples = math.prod(leading)
    ids = random.permutation(np.arange(samples) % classes)
    if task in ("argmax", "one-hot"):
        scores = random.random((samples, classes), np.float32) * np.float32(0.9)
        other = random.integers(0, classes, samples)
        # The gap to all other scores prevents ties in a narrow dtype.
        scores[np.arange(samples), np.where(random.random(samples) < 0.7, ids, other)] = 0.9375
    else:
        levels = random.integers(0, _LEVELS, (samples, classes), np.uint16)
        scores = (levels.astype(np.float32) + np.float32(0.5)) / np.float32(_LEVELS)
    scores = scores.astype(tf.dtypes.as_dtype(dtype).as_numpy_dtype).astype(np.float32)
    targets = ids.reshape(leading)
    if task == "indicators":
        targets = random.random((samples, classes), np.float32) < 0.1
        targets[np.arange(samples), ids] = True
        targets = targets.reshape(shape).astype(np.float32)
    if task == "one-hot":
        targets = np.zeros((samples, classes), np.float32)
        targets[np.arange(samples), ids] = 1.0
        targets = targets.reshape(shape)
    weights = None
    if weighted:
        weights = (random.integers(1, 17, leading) / 8.0).astype(np.float32)
    return Batch(task, scores.reshape(shape), targets, weights, dtype, device, open_size)
