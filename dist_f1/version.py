"""The version of dist_f1, readable without importing TensorFlow."""

__version__ = "0.1.0"
