"""Counts at many thresholds from one pass over the scores, and the curves they make."""

from dist_f1.sweeps.grid import Grid
from dist_f1.sweeps.sweep import Best, Curve, Sweep

__all__ = ["Best", "Curve", "Grid", "Sweep"]
