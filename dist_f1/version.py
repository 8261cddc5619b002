"""Version of dist_f1, in a module that does not import TensorFlow."""

__version__ = "0.2.0"
