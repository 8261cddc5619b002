"""The versions with which a run is computed."""

import importlib
import platform

import numpy as np
import tensorflow as tf

from dist_f1.version import __version__


def installed() -> dict[str, str]:
    """Return the versions of dist_f1, TensorFlow, Keras, NumPy and Python."""
    # Keras 3, tf-keras, or the Keras inside of TensorFlow 2.15.
    keras = importlib.import_module(tf.keras.Model.__module__.partition(".")[0])
    return {
        "dist_f1": __version__,
        "TensorFlow": tf.__version__,
        "Keras": keras.__version__,
        "NumPy": np.__version__,
        "Python": platform.python_version(),
    }
