"""Eight logical CPU devices for every test; TensorFlow fixes their number when it starts."""

import gc
import importlib
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import autotuning
import pytest
import tensorflow as tf
from hypothesis import HealthCheck, settings

from dist_f1.testing import split_cpu

# A run that is meant for one generation of Keras must not pass under another.
keras = importlib.import_module(tf.keras.Model.__module__.partition(".")[0])
if not keras.__version__.startswith(os.environ.get("EXPECTED_KERAS", "")):
    raise pytest.UsageError(f"EXPECTED_KERAS is not {keras.__name__} {keras.__version__}")

split_cpu(8)
autotuning.switch_off()

settings.register_profile(
    "default",
    deadline=None,
    derandomize=True,
    max_examples=40,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
# For the runs that repeat the tests under another Keras.
settings.register_profile("quick", settings.get_profile("default"), max_examples=20)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


def pytest_collection_finish():
    # Keras 3 collects garbage after every test, and need not search all that was imported.
    gc.freeze()


@pytest.fixture(autouse=True)
def _fresh_keras():
    tf.keras.utils.set_random_seed(0)
    yield
    tf.keras.backend.clear_session()
    if keras.__version__.startswith("3."):
        # It has just collected garbage, and need not search again what is left.
        gc.freeze()
