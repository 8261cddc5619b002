"""Tests of Keras's TensorFlow trainer alone: two faults under `tf.distribute`.

They fail with Keras 3.15 as it is, and use nothing of this project but the fixture.
"""

from unittest import mock

import numpy as np
import pytest
import tensorflow as tf

keras = pytest.importorskip("keras")
pytestmark = pytest.mark.skipif(not hasattr(tf.keras, "ops"), reason="the trainer of Keras 3")


@pytest.fixture(autouse=True)
def _repaired():
    importorskip = pytest.importorskip("dist_f1.compat.keras3")
    importorskip.repair_fit()


def test_fit_builds_from_a_batch_that_does_not_divide_by_the_replicas():
    rows = 5
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    with strategy.scope():
        model = keras.Sequential([keras.layers.Dense(2)])
        model.compile("sgd", "mse", metrics=["mae"])
    x = np.ones([rows, 3], np.float32)
    history = model.fit(x, np.ones([rows, 2], np.float32), batch_size=rows, verbose=0)
    assert np.isfinite(history.history["loss"][0])
    assert model.predict(x, batch_size=rows, verbose=0).shape == (rows, 2)


@pytest.mark.parametrize("value", [2.0, [1.0, 3.0]])
def test_results_of_several_workers_are_averaged_without_an_axis(value):
    from keras.src.backend.tensorflow import trainer

    strategy = mock.create_autospec(tf.distribute.MultiWorkerMirroredStrategy, instance=True)
    strategy.__class__ = tf.distribute.MultiWorkerMirroredStrategy
    strategy.extended = mock.Mock()
    strategy.extended._in_multi_worker_mode.return_value = True
    trainer.reduce_per_replica({"loss": tf.constant(value)}, strategy, "mean")
    (call,) = strategy.reduce.call_args_list
    assert call.kwargs.get("axis") is None
    assert call.args[0] == "MEAN"
