"""Precision and recall."""

from __future__ import annotations

from typing import Any

import tensorflow as tf
from typing_extensions import Unpack

from dist_f1 import scores
from dist_f1.counts import Counts
from dist_f1.metrics.base import CountsMetric
from dist_f1.metrics.options import MetricOptions


@tf.keras.utils.register_keras_serializable(package="dist_f1")
class Precision(CountsMetric):
    """Precision over all replicas: `tp / predicted`.

    The arguments are those of `dist_f1.F1Score`.

    Example:
        >>> metric = Precision(threshold=0.5)
        >>> metric.update_state([1, 0, 1], [0.9, 0.8, 0.2])
        >>> metric.result().numpy().tolist()
        [0.5]
    """

    def __init__(
        self,
        average: scores.Average | None = None,
        threshold: Any = None,
        name: str = "precision",
        dtype: Any = None,
        **options: Unpack[MetricOptions],
    ) -> None:
        super().__init__(average, threshold, name, dtype, **options)

    def score(self, counts: Counts) -> Any:
        """Precision, in float64."""
        return scores.precision(counts, **self._averaging())


@tf.keras.utils.register_keras_serializable(package="dist_f1")
class Recall(CountsMetric):
    """Recall over all replicas: `tp / actual`.

    The arguments are those of `dist_f1.F1Score`.

    Example:
        >>> metric = Recall("binary", threshold=0.5)
        >>> metric.update_state([1, 0, 1], [0.9, 0.8, 0.2])
        >>> float(metric.result())
        0.5
    """

    def __init__(
        self,
        average: scores.Average | None = None,
        threshold: Any = None,
        name: str = "recall",
        dtype: Any = None,
        **options: Unpack[MetricOptions],
    ) -> None:
        super().__init__(average, threshold, name, dtype, **options)

    def score(self, counts: Counts) -> Any:
        """Recall, in float64."""
        return scores.recall(counts, **self._averaging())
