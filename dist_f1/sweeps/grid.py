"""`Grid`: thresholds, and between which of them a score lies."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from dist_f1.batch.decisions import DecisionRule, comparison_threshold
from dist_f1.counts.arrays import is_integer

# Down to here a guess in float32 is never off by more than half a step.
_LEAST_STEP = 1e-4


@dataclasses.dataclass(frozen=True)
class Grid:
    """Thresholds in ascending order, `0 < t <= 1` each.

    A score is positive at a threshold if it is greater, as for `DecisionRule(threshold=t)`.
    """

    thresholds: tuple[float, ...]

    @classmethod
    def from_spec(cls, thresholds: int | Sequence[float]) -> Grid:
        """T thresholds evenly spaced, `1 / T` to 1, or those of a sequence.

        Raises:
            ValueError: no or fewer than two thresholds, one outside `(0, 1]`, or one twice.
        """
        if is_integer(thresholds):
            if thresholds < 2:  # type: ignore[operator]
                raise ValueError(f"thresholds must be at least 2, got {thresholds}.")
            number = int(thresholds)  # type: ignore[arg-type]
            return cls(tuple((i + 1) / number for i in range(number)))
        if isinstance(thresholds, str | bool | float):
            raise ValueError(
                f"thresholds must be a number of thresholds or a sequence of them, got "
                f"{thresholds!r}."
            )
        values = DecisionRule(tuple(float(t) for t in np.ravel(thresholds))).threshold
        assert isinstance(values, tuple)
        if len(set(values)) < max(len(values), 2):
            raise ValueError(f"thresholds must be at least two, none of them twice, got {values}.")
        return cls(tuple(sorted(values)))

    @property
    def size(self) -> int:
        """How many buckets there are: one more than thresholds."""
        return len(self.thresholds) + 1

    def buckets(
        self, scores: tf.Tensor, from_logits: bool = False, index: tf.DType = tf.int32
    ) -> tf.Tensor:
        """How many thresholds are less than each score: of dtype `index`, shaped like `scores`.

        It is the number of thresholds at which the score is positive, exactly as comparing with
        each would tell. With `from_logits` it is the thresholds that become logits. Where a score
        is NaN, the bucket is any.
        """
        wide = tf.float64 if scores.dtype == tf.float64 else tf.float32
        scores = tf.cast(scores, wide)
        limits = tf.constant(comparison_threshold(self.thresholds, from_logits, wide))
        if not self._is_even():
            flat = tf.reshape(scores, [-1])
            found = tf.searchsorted(limits, flat, side="left", out_type=index)
            return tf.reshape(found, tf.shape(scores))
        # Scores lie in the bucket of their rounded place on the grid, or in the next one; which of
        # them, one exact comparison tells.
        first, step = self.thresholds[0], self._step()
        place = ((tf.sigmoid(scores) if from_logits else scores) - first) / step
        last = len(self.thresholds) - 1
        guess = tf.cast(tf.floor(tf.clip_by_value(place, 0.0, last) + 0.5), index)
        # NaN is cast to anything.
        guess = tf.clip_by_value(guess, tf.constant(0, index), tf.constant(last, index))
        return guess + tf.cast(scores > tf.gather(limits, guess), index)

    def index(self, threshold: float) -> int:
        """The place of a threshold, which may have been rounded to float32 or float16.

        Raises:
            ValueError: it is none of these.
        """
        exact = np.asarray(self.thresholds)
        for dtype in (np.float64, np.float32, np.float16):
            found = np.flatnonzero(exact.astype(dtype) == np.asarray(threshold).astype(dtype))
            if len(found) == 1:
                return int(found[0])
        near = min(self.thresholds, key=lambda t: abs(t - threshold))
        raise ValueError(
            f"{threshold} is none of the {len(self.thresholds)} thresholds that were counted; the "
            f"nearest is {near}."
        )

    def _step(self) -> float:
        return (self.thresholds[-1] - self.thresholds[0]) / (len(self.thresholds) - 1)

    def _is_even(self) -> bool:
        number, step = len(self.thresholds), self._step()
        even: Any = self.thresholds[0] + step * np.arange(number)
        off = np.max(np.abs(even - np.asarray(self.thresholds)))
        return step > 0.99 * _LEAST_STEP and bool(off < step / 8.0)
