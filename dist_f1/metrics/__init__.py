"""Keras metrics: thin shells around counting, the accumulator and the scores."""

from dist_f1.metrics.averaged import F1Score as F1Score
from dist_f1.metrics.averaged import FBetaScore as FBetaScore
from dist_f1.metrics.averaged import JaccardIndex as JaccardIndex
from dist_f1.metrics.averaged import Precision as Precision
from dist_f1.metrics.averaged import Recall as Recall
from dist_f1.metrics.averaged import Specificity as Specificity
from dist_f1.metrics.base import CountsMetric as CountsMetric
from dist_f1.metrics.confusion_matrix import ConfusionMatrix as ConfusionMatrix
from dist_f1.metrics.options import MetricOptions as MetricOptions
from dist_f1.metrics.scores_metric import Scores as Scores
from dist_f1.metrics.threshold_sweep import ThresholdSweep as ThresholdSweep
from dist_f1.metrics.unaveraged import Accuracy as Accuracy
from dist_f1.metrics.unaveraged import BalancedAccuracy as BalancedAccuracy
from dist_f1.metrics.unaveraged import CohenKappa as CohenKappa
from dist_f1.metrics.unaveraged import HammingLoss as HammingLoss
from dist_f1.metrics.unaveraged import MatthewsCorrCoef as MatthewsCorrCoef
