"""`Grid`: thresholds, and the buckets between them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from dist_f1.batch.decision_rule import DecisionRule, comparison_threshold
from dist_f1.counts.arrays import is_integer
from dist_f1.counts.lazy_tensorflow import tf
from dist_f1.counts.limits import MAX_THRESHOLDS
from dist_f1.counts.short_text import short_repr

# Down to this step, rounding in float32 moves a prediction by less than half a step.
_MIN_STEP = 1e-4


@dataclasses.dataclass(frozen=True)
class Grid:
    """Thresholds in ascending order, `0 < t <= 1` each.

    A prediction is positive at a threshold if it is greater, as for `DecisionRule(threshold=t)`.
    """

    thresholds: tuple[float, ...]

    @classmethod
    def from_spec(cls, thresholds: int | Sequence[float]) -> Grid:
        """Make T evenly spaced thresholds, `1 / T` to 1, or use those of a sequence.

        Raises:
            ValueError: Fewer than two thresholds, more than 100,000, one outside `(0, 1]`, or one
                twice.
        """
        if is_integer(thresholds):
            if thresholds < 2:  # type: ignore[operator]
                raise ValueError(f"thresholds must be at least 2, got {short_repr(thresholds)}.")
            number = int(thresholds)  # type: ignore[arg-type]
            _check_number(number)
            return cls(tuple((i + 1) / number for i in range(number)))
        if isinstance(thresholds, str | bool | float):
            raise ValueError(
                f"thresholds must be a number of thresholds or a sequence of them, got "
                f"{short_repr(thresholds)}."
            )
        _check_number(np.size(thresholds))
        values = DecisionRule(tuple(float(t) for t in np.ravel(thresholds))).threshold
        assert isinstance(values, tuple)
        if len(set(values)) < max(len(values), 2):
            raise ValueError(f"thresholds must be at least two, none of them twice, got {values}.")
        return cls(tuple(sorted(values)))

    @property
    def size(self) -> int:
        """Number of buckets: one more than thresholds."""
        return len(self.thresholds) + 1

    def buckets(
        self,
        y_score: tf.Tensor,
        from_logits: bool = False,
        index: tf.DType | None = None,
        exact_division: bool = False,
    ) -> tf.Tensor:
        """Return the bucket of each prediction: the number of thresholds at which it is positive.

        The result is shaped like `y_score`, of dtype `index`, and exactly that of a comparison with
        each threshold. The bucket of a NaN is arbitrary. Thresholds of logits remain probabilities.
        `exact_division` means that the device rounds quotients correctly, as CPUs do.
        """
        index = index or tf.int32
        wide = tf.float64 if y_score.dtype == tf.float64 else tf.float32
        y_score = tf.cast(y_score, wide)
        limits = tf.constant(comparison_threshold(self.thresholds, from_logits, wide))
        if not self.is_even:
            flat = tf.reshape(y_score, [-1])
            found = tf.searchsorted(limits, flat, side="left", out_type=index)
            return tf.reshape(found, tf.shape(y_score))
        # Rounding gives bucket g; one exact comparison picks g or g + 1.
        first, step = self.thresholds[0], self._step()
        position = ((tf.sigmoid(y_score) if from_logits else y_score) - first) * (1.0 / step)
        last = len(self.thresholds) - 1
        # A cast of NaN may return any integer; the comparison turns NaN into 0.
        position = tf.minimum(tf.where(position > 0.0, position, 0.0), float(last))
        guess = tf.cast(position + 0.5, index)
        if exact_division and not from_logits and self._are_quotients(wide.as_numpy_dtype):
            # Unlike a gather, a division is vectorized.
            limit = (tf.cast(guess, wide) + 1.0) / float(last + 1)
        else:
            limit = tf.gather(limits, guess)
        return guess + tf.cast(y_score > limit, index)

    def index(self, threshold: float) -> int:
        """Return the index of a threshold, which may be rounded to float32 or float16.

        Raises:
            ValueError: The grid has no such threshold.
        """
        exact = np.asarray(self.thresholds)
        for dtype in (np.float64, np.float32, np.float16):
            found = np.flatnonzero(exact.astype(dtype) == np.asarray(threshold).astype(dtype))
            if len(found) == 1:
                return int(found[0])
        nearest = min(self.thresholds, key=lambda t: abs(t - threshold))
        raise ValueError(
            f"{threshold} is not one of the {len(self.thresholds)} thresholds that were counted. "
            f"Pass one of them; the nearest is {nearest}."
        )

    def _step(self) -> float:
        return (self.thresholds[-1] - self.thresholds[0]) / (len(self.thresholds) - 1)

    def _are_quotients(self, dtype: type[np.floating]) -> bool:
        """Whether division gives exactly the thresholds `1 / T` to 1 in this dtype."""
        number = len(self.thresholds)
        quotients = np.arange(1, number + 1).astype(dtype) / dtype(number)
        return bool(np.all(quotients == np.asarray(self.thresholds, dtype)))

    @property
    def is_even(self) -> bool:
        """Whether the thresholds are evenly spaced, so that rounding finds a bucket."""
        number, step = len(self.thresholds), self._step()
        even = self.thresholds[0] + step * np.arange(number)
        error = np.max(np.abs(even - np.asarray(self.thresholds)))
        return step > 0.99 * _MIN_STEP and bool(error < step / 8.0)


def _check_number(number: int) -> None:
    if number > MAX_THRESHOLDS:
        raise ValueError(f"thresholds must be at most {MAX_THRESHOLDS}, got {short_repr(number)}.")
