"""Confidence intervals of scores, from counts alone. NumPy is enough for them."""

from dist_f1.intervals.confidence import Interval as Interval
from dist_f1.intervals.confidence import Method as Method
from dist_f1.intervals.confidence import confidence_interval as confidence_interval
