"""Metrics of all classes at once."""

from __future__ import annotations

from typing import Any, get_args

import tensorflow as tf
from typing_extensions import Unpack

from dist_f1 import scores
from dist_f1.counts import Counts
from dist_f1.metrics.base import CountsMetric
from dist_f1.metrics.options import MetricOptions
from dist_f1.scores import score_sets


class AgreementMetric(CountsMetric):
    """A metric without averages: it is one number for all classes.

    Args:
        threshold: `None` (argmax), or each class on its own; see `DecisionRule`.
        name: the name in logs.
        dtype: of the result.
        **options: see `MetricOptions`; without `labels` and `zero_division`, since all classes
            enter.
    """

    def __init__(
        self,
        threshold: Any = None,
        name: str | None = None,
        dtype: Any = None,
        **options: Unpack[MetricOptions],
    ) -> None:
        for option in ("average", "labels", "zero_division"):
            value: Any = options.pop(option, None)  # type: ignore[misc]
            if value not in (None, 0.0):
                raise ValueError(
                    f"{type(self).__name__} is of all classes, so it takes no {option}=. Leave "
                    "single rows out with ignore_class= or a mask."
                )
        super().__init__(None, threshold, name, dtype, **options)

    def get_config(self) -> dict[str, Any]:
        """The arguments, for `from_config`."""
        config = super().get_config()
        for name in ("average", "labels", "zero_division"):
            del config[name]
        return config


@tf.keras.utils.register_keras_serializable(package="dist_f1")
class Accuracy(AgreementMetric):
    """The share of rows that are right over all replicas.

    Where rows may name several classes (`threshold`), a row is right if all of its classes are
    (subset accuracy). With `top_k`, if its class is among the k best (top-k accuracy).

    Example:
        >>> metric = Accuracy()
        >>> metric.update_state([0, 1, 1, 1], [[0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.1, 0.9]])
        >>> float(metric.result())
        0.75
    """

    _default_name = "accuracy"

    def score(self, counts: Counts) -> Any:
        """Accuracy, in float64; NaN without rows."""
        return score_sets.accuracy(counts, self.rule.top_k)


@tf.keras.utils.register_keras_serializable(package="dist_f1")
class BalancedAccuracy(AgreementMetric):
    """The mean recall of the classes that occur, over all replicas.

    Example:
        >>> metric = BalancedAccuracy(num_classes=2)
        >>> metric.update_state([0, 0, 0, 0, 1, 1], [0, 0, 0, 0, 0, 1])
        >>> float(metric.result())
        0.75
    """

    _default_name = "balanced_accuracy"
    _one_class_per_row = True

    def score(self, counts: Counts) -> Any:
        """Balanced accuracy, in float64; NaN without rows."""
        return scores.balanced_accuracy(counts)


@tf.keras.utils.register_keras_serializable(package="dist_f1")
class MatthewsCorrCoef(AgreementMetric):
    """Matthews' correlation coefficient over all replicas, for two or more classes.

    Example:
        >>> metric = MatthewsCorrCoef(threshold=0.5)
        >>> metric.update_state([1, 1, 0, 0], [0.9, 0.2, 0.1, 0.3])
        >>> round(float(metric.result()), 3)
        0.577
    """

    _default_name = "matthews_corrcoef"
    _one_class_per_row = True

    def score(self, counts: Counts) -> Any:
        """Matthews' correlation, in float64; 0 where undefined."""
        return scores.matthews_corrcoef(counts)


@tf.keras.utils.register_keras_serializable(package="dist_f1")
class CohenKappa(AgreementMetric):
    """Cohen's kappa over all replicas, also weighted for classes that are grades.

    Args:
        weights: `None`, `"linear"` or `"quadratic"`; the latter keep the `[C, C]` matrix.
        threshold: for one binary score per row.
        name: the name in logs.
        dtype: of the result.
        **options: see `dist_f1.metrics.MetricOptions`.

    Example:
        >>> metric = CohenKappa("quadratic", num_classes=3)
        >>> metric.update_state([0, 1, 2, 2], [0, 1, 1, 2])
        >>> round(float(metric.result()), 3)
        0.8
    """

    _default_name = "cohen_kappa"
    _one_class_per_row = True

    def __init__(
        self,
        weights: scores.Weights | None = None,
        threshold: Any = None,
        name: str | None = None,
        dtype: Any = None,
        **options: Unpack[MetricOptions],
    ) -> None:
        if weights not in (None, *get_args(scores.Weights)):
            raise ValueError(f'weights must be None, "linear" or "quadratic", got {weights!r}.')
        self._confusion = weights is not None
        super().__init__(threshold, name, dtype, **options)
        # In tf-keras `weights` are those of a layer.
        self.weighting = weights

    def score(self, counts: Counts) -> Any:
        """Kappa, in float64; NaN where undefined."""
        return scores.cohen_kappa(counts, self.weighting)

    def get_config(self) -> dict[str, Any]:
        """The arguments, for `from_config`."""
        return {**super().get_config(), "weights": self.weighting}


@tf.keras.utils.register_keras_serializable(package="dist_f1")
class HammingLoss(AgreementMetric):
    """The share of wrong decisions over all replicas; lower is better.

    Where rows may name several classes, each class of each row is a decision.

    Example:
        >>> metric = HammingLoss(threshold=0.5)
        >>> metric.update_state([[0, 1], [1, 1]], [[0.1, 0.9], [0.8, 0.2]])
        >>> float(metric.result())
        0.25
    """

    _default_name = "hamming_loss"
    _direction = "down"

    def score(self, counts: Counts) -> Any:
        """The loss, in float64; NaN without rows."""
        return scores.hamming_loss(counts)
