"""Metrics with a score for each class, which is averaged: F-beta, F1, precision, recall, ..."""

import math
from typing import Any

import tensorflow as tf
from typing_extensions import Unpack

from dist_f1 import scores
from dist_f1.counts import Counts
from dist_f1.counts.limits import as_float
from dist_f1.counts.short_text import short_repr
from dist_f1.metrics.base import CountsMetric
from dist_f1.metrics.options import MetricOptions
from dist_f1.scores import table
from dist_f1.scores.averaging import check_averaging, check_binary


class AveragedMetric(CountsMetric):
    """A metric that averages a score over classes.

    Args:
        average: `None` (a score per class, `[C]`), `"micro"`, `"macro"`, `"weighted"`,
            `"binary"` or `"samples"`; see `dist_f1.scores`.
        **options: See `MetricOptions`.
    """

    _has_sample_average = True

    def __init__(
        self,
        average: scores.Average | None = None,
        threshold: Any = None,
        name: str | None = None,
        dtype: Any = None,
        **options: Unpack[MetricOptions],
    ) -> None:
        if average == "samples" and not self._has_sample_average:
            raise ValueError(
                f'{type(self).__name__} has no average="samples". Choose another average.'
            )
        self.average = average
        if average != "samples":
            self._betas = None
        super().__init__(threshold, name, dtype, average=average, **options)

    def score(self, counts: Counts) -> Any:
        """Derive the averaged score, in float64."""
        return table.SCORES[str(self._score)].function(counts, **self._averaging())

    def get_config(self) -> dict[str, Any]:
        """Return the arguments, for `from_config`."""
        return {**super().get_config(), "average": self.average}

    def _averaging(self) -> dict[str, Any]:
        return {
            "average": self.average,
            "zero_division": self.zero_division,
            "labels": self.labels,
        }

    def _check_classes(self, num_classes: int) -> None:
        check_averaging(self.average, self.zero_division, self.labels, num_classes)
        check_binary(self.average, num_classes, self.rule.is_multilabel(num_classes))


@tf.keras.utils.register_keras_serializable(package="dist_f1")
class FBetaScore(AveragedMetric):
    """F-beta over all replicas: `(1 + beta^2) tp / (beta^2 actual + predicted)`.

    Replaces `tf.keras.metrics.FBetaScore`.

    Args:
        beta: Weight of recall relative to precision; greater than 0.
        **options: See `dist_f1.F1Score` for the other arguments.

    Example:
        >>> metric = FBetaScore("macro", beta=2.0)
        >>> metric.update_state([0, 1, 1], [[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])
        >>> round(float(metric.result()), 3)
        0.694
    """

    def __init__(
        self,
        average: scores.Average | None = None,
        beta: float = 1.0,
        threshold: Any = None,
        name: str = "fbeta_score",
        dtype: Any = None,
        **options: Unpack[MetricOptions],
    ) -> None:
        check_averaging(average, 0.0, None)
        self.beta: float = as_float(beta)
        if not self.beta > 0.0:
            raise ValueError(f"beta must be a number greater than 0, got {short_repr(beta)}.")
        if average == "samples" and math.isfinite(self.beta * self.beta):
            self._betas = (self.beta,)
        super().__init__(average, threshold, name, dtype, **options)

    def score(self, counts: Counts) -> Any:
        """Derive F-beta, in float64."""
        return scores.f_beta(counts, self.beta, **self._averaging())

    def get_config(self) -> dict[str, Any]:
        """Return the arguments, for `from_config`."""
        return {**super().get_config(), "beta": self.beta}


@tf.keras.utils.register_keras_serializable(package="dist_f1")
class F1Score(AveragedMetric):
    """F1 over all replicas: `2 tp / (actual + predicted)`.

    Replaces `tf.keras.metrics.F1Score`. The counts of all replicas are summed before F1 is derived,
    so the result is the F1 of the whole data, not a mean of the replicas' F1 scores.

    Args:
        average: `None` (a score per class, `[C]`), `"micro"`, `"macro"`, `"weighted"`,
            `"binary"` or `"samples"`; see `dist_f1.scores`.
        threshold: `None` (argmax), or a probability `0 < t <= 1` above which a class is predicted.
            Each class is then decided separately. A sequence has a threshold for each class.
        **options: See `dist_f1.metrics.MetricOptions` for the other keywords.

    Raises:
        ValueError: An argument out of its range.

    Example:
        >>> metric = F1Score("macro")
        >>> metric.update_state([0, 1, 1], [[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])
        >>> round(float(metric.result()), 3)
        0.667
    """

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
        """Derive F1, in float64."""
        return scores.f1(counts, **self._averaging())


@tf.keras.utils.register_keras_serializable(package="dist_f1")
class Precision(AveragedMetric):
    """Precision over all replicas: `tp / predicted`.

    Args:
        **options: See `dist_f1.F1Score` for all arguments.

    Example:
        >>> metric = Precision(threshold=0.5)
        >>> metric.update_state([1, 0, 1], [0.9, 0.8, 0.2])
        >>> metric.result().numpy().tolist()
        [0.5]
    """

    _score = "precision"


@tf.keras.utils.register_keras_serializable(package="dist_f1")
class Recall(AveragedMetric):
    """Recall over all replicas: `tp / actual`.

    Args:
        **options: See `dist_f1.F1Score` for all arguments.

    Example:
        >>> metric = Recall("binary", threshold=0.5)
        >>> metric.update_state([1, 0, 1], [0.9, 0.8, 0.2])
        >>> float(metric.result())
        0.5
    """

    _score = "recall"


@tf.keras.utils.register_keras_serializable(package="dist_f1")
class Specificity(AveragedMetric):
    """Specificity over all replicas: `tn / (tn + fp)`, the recall of the negative class.

    There is no `average="samples"`.

    Args:
        **options: See `dist_f1.F1Score` for all arguments.

    Example:
        >>> metric = Specificity("binary", threshold=0.5)
        >>> metric.update_state([0, 0, 1], [0.9, 0.2, 0.7])
        >>> float(metric.result())
        0.5
    """

    _score = "specificity"
    _has_sample_average = False


@tf.keras.utils.register_keras_serializable(package="dist_f1")
class JaccardIndex(AveragedMetric):
    """Jaccard index (intersection over union) over all replicas: `tp / (tp + fp + fn)`.

    With `"macro"` over pixels it is the mean IoU.

    Args:
        **options: See `dist_f1.F1Score` for all arguments.

    Example:
        >>> metric = JaccardIndex("macro")
        >>> metric.update_state([0, 1, 1], [[0.9, 0.1], [0.2, 0.8], [0.6, 0.4]])
        >>> float(metric.result())
        0.5
    """

    _score = "jaccard"
    _default_name = "jaccard_index"
