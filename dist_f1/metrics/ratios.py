"""Precision, recall and other ratios for each class."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from dist_f1 import scores
from dist_f1.counts import Counts
from dist_f1.metrics.base import CountsMetric


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

    _default_name = "precision"
    _unread_fields = ("total", "invalid")

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

    _default_name = "recall"
    _unread_fields = ("total", "invalid")

    def score(self, counts: Counts) -> Any:
        """Recall, in float64."""
        return scores.recall(counts, **self._averaging())


@tf.keras.utils.register_keras_serializable(package="dist_f1")
class Specificity(CountsMetric):
    """Specificity over all replicas: `tn / (tn + fp)`, the recall of the negative side.

    The arguments are those of `dist_f1.F1Score`, but for sample averages, which it has not.

    Example:
        >>> metric = Specificity("binary", threshold=0.5)
        >>> metric.update_state([0, 0, 1], [0.9, 0.2, 0.7])
        >>> float(metric.result())
        0.5
    """

    _default_name = "specificity"
    _has_sample_average = False

    def score(self, counts: Counts) -> Any:
        """Specificity, in float64."""
        return scores.specificity(counts, **self._averaging())


@tf.keras.utils.register_keras_serializable(package="dist_f1")
class JaccardIndex(CountsMetric):
    """Jaccard index (intersection over union) over all replicas: `tp / (tp + fp + fn)`.

    With `"macro"` over pixels it is the mean IoU. The arguments are those of `dist_f1.F1Score`.

    Example:
        >>> metric = JaccardIndex("macro")
        >>> metric.update_state([0, 1, 1], [[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])
        >>> float(metric.result())
        0.5
    """

    _default_name = "jaccard_index"
    _unread_fields = ("total", "invalid")

    def score(self, counts: Counts) -> Any:
        """The Jaccard index, in float64."""
        return scores.jaccard(counts, **self._averaging())
