"""Counts at many thresholds from one pass over the predictions, and precision-recall curves.

Only `dist_f1.sweeps.counting` imports TensorFlow.
"""

from dist_f1.sweeps.grid import Grid as Grid
from dist_f1.sweeps.sweep import Best as Best
from dist_f1.sweeps.sweep import Curve as Curve
from dist_f1.sweeps.sweep import Sweep as Sweep
