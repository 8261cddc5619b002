"""Keras metrics: thin shells over counting, the accumulator and the scores."""

from dist_f1.metrics.base import CountsMetric
from dist_f1.metrics.f_scores import F1Score, FBetaScore
from dist_f1.metrics.options import MetricOptions
from dist_f1.metrics.precision_recall import Precision, Recall

__all__ = ["CountsMetric", "F1Score", "FBetaScore", "MetricOptions", "Precision", "Recall"]
