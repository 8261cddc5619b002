"""Counts at many thresholds from one pass over the scores, and precision-recall curves.

Only `dist_f1.sweeps.counting` imports TensorFlow.
"""

from dist_f1.sweeps.grid import Grid
from dist_f1.sweeps.sweep import Best, Curve, Sweep

__all__ = ["Best", "Curve", "Grid", "Sweep"]
