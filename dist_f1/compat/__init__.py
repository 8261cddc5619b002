"""Interfaces for older code (`v1`: sessions and Estimators), and repairs of Keras 3 (`keras3`)."""

from dist_f1.compat import keras3 as keras3
from dist_f1.compat import v1 as v1
