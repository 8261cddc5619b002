"""Interfaces for code that is older than Keras metrics: `dist_f1.compat.v1`."""

from dist_f1.compat import v1 as v1
