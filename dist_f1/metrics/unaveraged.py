"""Metrics of all classes at once, without averages."""

from typing import Any, get_args

import tensorflow as tf
from typing_extensions import Unpack

from dist_f1 import scores
from dist_f1.counts import Counts, misplaced
from dist_f1.metrics.base import CountsMetric
from dist_f1.metrics.options import MetricOptions
from dist_f1.scores import score_sets

_REMEDY = "It covers all classes. Leave out rows with ignore_class= or a mask."


class UnaveragedMetric(CountsMetric):
    """A metric that is one number for all classes.

    Args:
        threshold: Threshold of the decisions; see `dist_f1.F1Score`.
        name: Name of the metric in logs.
        dtype: Dtype of the result.
        **options: See `MetricOptions`; without `labels` and `zero_division`, since all classes
            enter the score.
    """

    _unsupported = dict.fromkeys(("average", "labels", "zero_division"), _REMEDY)


@tf.keras.utils.register_keras_serializable(package="dist_f1")
class Accuracy(UnaveragedMetric):
    """The fraction of correct rows over all replicas.

    Where a row may have several classes (`threshold`), it is correct if all of its classes are
    (subset accuracy). With `top_k`, it is correct if its class is among the k best (top-k
    accuracy). The result is NaN without rows.

    Args:
        **options: See `dist_f1.metrics.MetricOptions` for the keywords.

    Example:
        >>> metric = Accuracy()
        >>> metric.update_state([0, 1, 1, 1], [[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.1, 0.9]])
        >>> float(metric.result())
        0.75
    """

    _score = "accuracy"

    def score(self, counts: Counts) -> Any:
        """Derive accuracy, in float64."""
        return score_sets.accuracy(counts, self.rule.top_k)


@tf.keras.utils.register_keras_serializable(package="dist_f1")
class BalancedAccuracy(UnaveragedMetric):
    """The mean recall of the classes that occur, over all replicas; NaN without rows.

    Args:
        **options: See `dist_f1.metrics.MetricOptions` for the keywords.

    Example:
        >>> metric = BalancedAccuracy(num_classes=2)
        >>> metric.update_state([0, 0, 0, 0, 1, 1], [0, 0, 0, 0, 0, 1])
        >>> float(metric.result())
        0.75
    """

    _score = "balanced_accuracy"


@tf.keras.utils.register_keras_serializable(package="dist_f1")
class MatthewsCorrCoef(UnaveragedMetric):
    """Matthews' correlation coefficient over all replicas; 0 where undefined.

    Args:
        **options: See `dist_f1.metrics.MetricOptions` for the keywords.

    Example:
        >>> metric = MatthewsCorrCoef(threshold=0.5)
        >>> metric.update_state([1, 1, 0, 0], [0.9, 0.2, 0.1, 0.3])
        >>> round(float(metric.result()), 3)
        0.577
    """

    _score = "matthews_corrcoef"


@tf.keras.utils.register_keras_serializable(package="dist_f1")
class CohenKappa(UnaveragedMetric):
    """Cohen's kappa over all replicas, optionally weighted for ordered classes; NaN if undefined.

    Args:
        weights: `None`, `"linear"` or `"quadratic"`. Weights need the `[C, C]` matrix.
        threshold: Threshold of one binary prediction per row.
        **options: See `dist_f1.metrics.MetricOptions` for the other keywords.

    Example:
        >>> metric = CohenKappa("quadratic", num_classes=3)
        >>> metric.update_state([0, 1, 2, 2], [0, 1, 1, 2])
        >>> round(float(metric.result()), 3)
        0.8
    """

    _score = "cohen_kappa"

    def __init__(
        self,
        weights: scores.Weights | None = None,
        threshold: Any = None,
        name: str | None = None,
        dtype: Any = None,
        **options: Unpack[MetricOptions],
    ) -> None:
        choices = get_args(scores.Weights)
        if not (weights is None or (isinstance(weights, str) and weights in choices)):
            raise ValueError(
                f'weights must be None, "linear" or "quadratic", got {weights!r}.'
                f"{misplaced.remedy(weights, choices)}"
            )
        self._needs_confusion = weights is not None
        super().__init__(threshold, name, dtype, **options)
        # In tf-keras, `weights` are the weights of a layer.
        self.weighting = weights

    def score(self, counts: Counts) -> Any:
        """Derive kappa, in float64."""
        return scores.cohen_kappa(counts, self.weighting)

    def get_config(self) -> dict[str, Any]:
        """Return the arguments, for `from_config`."""
        return {**super().get_config(), "weights": self.weighting}


@tf.keras.utils.register_keras_serializable(package="dist_f1")
class HammingLoss(UnaveragedMetric):
    """The fraction of wrong decisions over all replicas; lower is better.

    Where a row may have several classes, each class of each row is a decision. The result is NaN
    without rows.

    Args:
        **options: See `dist_f1.metrics.MetricOptions` for the keywords.

    Example:
        >>> metric = HammingLoss(threshold=0.5)
        >>> metric.update_state([[0, 1], [1, 1]], [[0.1, 0.9], [0.8, 0.2]])
        >>> float(metric.result())
        0.25
    """

    _score = "hamming_loss"
    _betas = None
