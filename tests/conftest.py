"""Eight logical CPU devices for every test; TensorFlow fixes their number when it starts."""

import collections
import functools
import gc
import importlib
import os
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import pytest
from hypothesis import HealthCheck, settings

settings.register_profile(
    "default",
    deadline=None,
    derandomize=True,
    max_examples=40,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
# For other versions of TensorFlow and Keras.
settings.register_profile("quick", settings.get_profile("default"), max_examples=20)
# For `make test` and `.ci/run`.
settings.register_profile("fast", settings.get_profile("default"), max_examples=10)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


_models = []


def pytest_addoption(parser):
    parser.addoption(
        "--variants",
        type=int,
        default=sys.maxsize,
        help="Number of slow variants of each test to run, unless they are marked as distinct.",
    )


def pytest_collection_modifyitems(config, items):
    seen, kept, left_out = collections.Counter(), [], []
    for item in items:
        is_variant = item.get_closest_marker("slow") and not item.get_closest_marker("distinct")
        function = (item.path, getattr(item, "originalname", item.name))
        seen[function] += bool(is_variant)
        is_kept = not is_variant or seen[function] <= config.getoption("--variants")
        (kept if is_kept else left_out).append(item)
    config.hook.pytest_deselected(items=left_out)
    items[:] = kept


def pytest_configure(config):
    is_worker = hasattr(config, "workerinput")
    if is_worker or not getattr(config.option, "numprocesses", None):
        # The process that only distributes tests over workers starts without TensorFlow.
        _prepare_tensorflow()


def _prepare_tensorflow():
    import autotuning
    import deleted_iterators
    import tensorflow as tf

    from dist_f1.testing import split_cpu

    # A run for one generation of Keras must not pass under another.
    keras = importlib.import_module(tf.keras.Model.__module__.partition(".")[0])
    if not keras.__version__.startswith(os.environ.get("EXPECTED_KERAS", "")):
        raise pytest.UsageError(f"EXPECTED_KERAS is not {keras.__name__} {keras.__version__}")
    split_cpu(8)
    autotuning.switch_off()
    deleted_iterators.defer()
    init_model = tf.keras.Model.__init__

    @functools.wraps(init_model)
    def init_and_note_model(self, *args, **kwargs):
        _models.append(type(self).__name__)
        init_model(self, *args, **kwargs)

    tf.keras.Model.__init__ = init_and_note_model
    tf.keras.utils.set_random_seed(0)


def pytest_collection_finish():
    # Keras 3 collects garbage when a session is cleared; imported modules need no search.
    gc.freeze()


@pytest.fixture(autouse=True)
def _fresh_keras():
    """Clear the Keras session and the seeds after each test that has made a model."""
    yield
    if _models:
        import tensorflow as tf

        _models.clear()
        tf.keras.backend.clear_session()
        tf.keras.utils.set_random_seed(0)
        gc.freeze()
