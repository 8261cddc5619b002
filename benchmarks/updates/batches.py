"""The data of one timed update, made so that no decision is a tie or a rounding."""

from __future__ import annotations

import dataclasses
import functools
import math
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import tensorflow as tf

# `argmax`: ids and the best class; `ids`: ids, each class over a threshold; `indicators`: 0/1
# targets, each class over a threshold.
Task = Literal["argmax", "ids", "indicators"]

THRESHOLD = 0.5
# Scores over a threshold are odd multiples of 1/8192, which no threshold i/200 is, in float32 too.
_LEVELS = 4096


@dataclasses.dataclass(frozen=True, eq=False)
class Batch:
    """Scores and targets in NumPy.

    Args:
        task: what is decided, from what.
        scores: `[..., C]`, float32; their values are also numbers of `dtype`.
        targets: ids `[...]`, int64, or `[..., C]`, bool.
        weights: `[...]`, float32 multiples of 1/8, so that any sum of them is exact.
        dtype: what the metrics are given scores in.
    """

    task: Task
    scores: np.ndarray
    targets: np.ndarray
    weights: np.ndarray | None = None
    dtype: str = "float32"

    @property
    def classes(self) -> int:
        """C."""
        return self.scores.shape[-1]

    @property
    def rows(self) -> int:
        """N, over all leading axes."""
        return self.scores.size // self.classes

    @property
    def bytes_of_scores(self) -> int:
        """What one read of the scores reads."""
        return self.scores.size * tf.dtypes.as_dtype(self.dtype).size

    @functools.cached_property
    def decided(self) -> np.ndarray:
        """The class of each row, `[N]`, or which classes each row is given, `[N, C]`."""
        flat = self.scores.reshape(-1, self.classes)
        return flat.argmax(-1) if self.task == "argmax" else flat > THRESHOLD

    @functools.cached_property
    def truth(self) -> np.ndarray:
        """The targets in the form of `decided`."""
        if self.task == "argmax":
            return self.targets.reshape(-1)
        if self.task == "indicators":
            return self.targets.reshape(-1, self.classes)
        return self.targets.reshape(-1, 1) == np.arange(self.classes)

    def describe(self) -> dict[str, Any]:
        """What identifies it."""
        shape = self.scores.shape[:-1]
        return {
            "task": self.task,
            "rows": self.rows,
            "classes": self.classes,
            "scores": self.dtype,
            "weighted": self.weights is not None,
            **({"shape": "x".join(map(str, shape))} if len(shape) > 1 else {}),
        }


def make(
    task: Task,
    shape: Sequence[int],
    *,
    dtype: str = "float32",
    weighted: bool = False,
    seed: int = 0,
) -> Batch:
    """A batch of scores of that shape, `[..., C]`; the best class is the target in 7 of 10 rows.

    Every class occurs, if there are as many rows.
    """
    random = np.random.default_rng(seed)
    *leading, classes = map(int, shape)
    rows = math.prod(leading)
    ids = random.permutation(np.arange(rows) % classes)
    if task == "argmax":
        scores = random.random((rows, classes), np.float32) * np.float32(0.9)
        other = random.integers(0, classes, rows)
        # Above all others, so that a narrow dtype makes no ties of it.
        scores[np.arange(rows), np.where(random.random(rows) < 0.7, ids, other)] = 0.9375
    else:
        levels = random.integers(0, _LEVELS, (rows, classes), np.uint16)
        scores = (levels.astype(np.float32) + np.float32(0.5)) / np.float32(_LEVELS)
    scores = scores.astype(tf.dtypes.as_dtype(dtype).as_numpy_dtype).astype(np.float32)
    targets = ids.reshape(leading)
    if task == "indicators":
        targets = random.random((rows, classes), np.float32) < 0.1
        targets[np.arange(rows), ids] = True
        targets = targets.reshape(shape)
    weights = None
    if weighted:
        weights = (random.integers(1, 17, leading) / 8.0).astype(np.float32)
    return Batch(task, scores.reshape(shape), targets, weights, dtype)
