"""F-beta and F1."""

from __future__ import annotations

import math
import numbers
from typing import Any

import tensorflow as tf
from typing_extensions import Unpack

from dist_f1 import scores
from dist_f1.counts import Counts
from dist_f1.metrics.base import CountsMetric
from dist_f1.metrics.options import MetricOptions


@tf.keras.utils.register_keras_serializable(package="dist_f1")
class FBetaScore(CountsMetric):
    """F-beta over all replicas: `(1 + beta^2) tp / (beta^2 actual + predicted)`.

    Takes the place of `tf.keras.metrics.FBetaScore`.

    Args:
        average: `None` (a score per class, `[C]`), `"micro"`, `"macro"`, `"weighted"`,
            `"binary"` or `"samples"`; see `dist_f1.scores`.
        beta: recall weighs `beta` times precision; greater than 0.
        threshold: `None` (argmax) or `0 < threshold <= 1`, each class on its own.
        name: the name in logs.
        dtype: of the result.
        **options: see `dist_f1.metrics.MetricOptions`.

    Raises:
        ValueError: an argument out of its range.

    Example:
        >>> metric = FBetaScore("macro", beta=2.0)
        >>> metric.update_state([0, 1, 1], [[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])
        >>> round(float(metric.result()), 3)
        0.694
    """

    _unread_fields = ("total", "invalid")

    def __init__(
        self,
        average: scores.Average | None = None,
        beta: float = 1.0,
        threshold: Any = None,
        name: str = "fbeta_score",
        dtype: Any = None,
        **options: Unpack[MetricOptions],
    ) -> None:
        if isinstance(beta, bool) or not isinstance(beta, numbers.Real) or not beta > 0:
            raise ValueError(f"beta must be a number greater than 0, got {beta!r}.")
        # What the layout depends on comes before the accumulator.
        self._betas = (float(beta),) if average == "samples" and math.isfinite(beta * beta) else ()
        super().__init__(average, threshold, name, dtype, **options)
        self.beta: float = float(beta)

    def score(self, counts: Counts) -> Any:
        """F-beta, in float64."""
        return scores.f_beta(counts, self.beta, **self._averaging())

    def get_config(self) -> dict[str, Any]:
        """The arguments, for `from_config`."""
        return {**super().get_config(), "beta": self.beta}


@tf.keras.utils.register_keras_serializable(package="dist_f1")
class F1Score(CountsMetric):
    """F1 over all replicas: `2 tp / (actual + predicted)`.

    Takes the place of `tf.keras.metrics.F1Score`. The counts of all replicas are summed before
    F1 is derived, so it is the F1 of the whole data, and not a mean of the replicas' own.

    Args:
        average: `None` (a score per class, `[C]`), `"micro"`, `"macro"`, `"weighted"`,
            `"binary"` or `"samples"`; see `dist_f1.scores`.
        threshold: `None` (argmax) or `0 < threshold <= 1`, each class on its own.
        name: the name in logs.
        dtype: of the result.
        **options: see `dist_f1.metrics.MetricOptions`.

    Raises:
        ValueError: an argument out of its range.

    Example:
        >>> metric = F1Score("macro")
        >>> metric.update_state([0, 1, 1], [[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])
        >>> round(float(metric.result()), 3)
        0.667
    """

    _unread_fields = ("total", "invalid")

    def __init__(
        self,
        average: scores.Average | None = None,
        threshold: Any = None,
        name: str = "f1_score",
        dtype: Any = None,
        **options: Unpack[MetricOptions],
    ) -> None:
        super().__init__(average, threshold, name, dtype, **options)

    def score(self, counts: Counts) -> Any:
        """F1, in float64."""
        return scores.f1(counts, **self._averaging())
