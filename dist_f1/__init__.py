"""dist_f1: exact F1 and its family for distributed TensorFlow.

F1 does not average: it is derived from confusion counts that were summed over every replica
first. The pipeline, one module a stage:

    inputs -> decisions, targets -> counting -> counts -> accumulator -> reduction
           -> scores, intervals -> report, plots, pages
"""

from dist_f1 import callbacks, compat, kernels, pages, plots, scores
from dist_f1.counts import Counts
from dist_f1.inspection.graphs import count_collectives
from dist_f1.intervals import confidence_interval
from dist_f1.metrics import (
    Accuracy,
    BalancedAccuracy,
    CohenKappa,
    ConfusionMatrix,
    F1Score,
    FBetaScore,
    HammingLoss,
    JaccardIndex,
    MatthewsCorrCoef,
    Precision,
    Recall,
    Scores,
    Specificity,
    ThresholdSweep,
)
from dist_f1.replicas.all_reduce import all_reduce_sum
from dist_f1.reports import report
from dist_f1.sweeps import Sweep
from dist_f1.version import __version__

__all__ = [
    "Accuracy",
    "BalancedAccuracy",
    "CohenKappa",
    "ConfusionMatrix",
    "Counts",
    "F1Score",
    "FBetaScore",
    "HammingLoss",
    "JaccardIndex",
    "MatthewsCorrCoef",
    "Precision",
    "Recall",
    "Scores",
    "Specificity",
    "Sweep",
    "ThresholdSweep",
    "__version__",
    "all_reduce_sum",
    "callbacks",
    "compat",
    "confidence_interval",
    "count_collectives",
    "kernels",
    "pages",
    "plots",
    "report",
    "scores",
]
