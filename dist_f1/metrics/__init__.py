"""Keras metrics: thin shells around counting, the accumulator and the scores."""

from dist_f1.metrics.averaged import (
    F1Score,
    FBetaScore,
    JaccardIndex,
    Precision,
    Recall,
    Specificity,
)
from dist_f1.metrics.base import CountsMetric
from dist_f1.metrics.confusion_matrix import ConfusionMatrix
from dist_f1.metrics.options import MetricOptions
from dist_f1.metrics.scores_metric import Scores
from dist_f1.metrics.threshold_sweep import ThresholdSweep
from dist_f1.metrics.unaveraged import (
    Accuracy,
    BalancedAccuracy,
    CohenKappa,
    HammingLoss,
    MatthewsCorrCoef,
)

__all__ = [
    "Accuracy",
    "BalancedAccuracy",
    "CohenKappa",
    "ConfusionMatrix",
    "CountsMetric",
    "F1Score",
    "FBetaScore",
    "HammingLoss",
    "JaccardIndex",
    "MatthewsCorrCoef",
    "MetricOptions",
    "Precision",
    "Recall",
    "Scores",
    "Specificity",
    "ThresholdSweep",
]
