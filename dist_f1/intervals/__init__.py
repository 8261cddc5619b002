"""Confidence intervals of scores, from counts alone. NumPy is enough for them."""

from dist_f1.intervals.confidence import Interval, Method, confidence_interval

__all__ = ["Interval", "Method", "confidence_interval"]
