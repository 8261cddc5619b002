"""Metrics name the remedy where a session would have to run them."""

import re
import subprocess
import sys

import pytest
import tensorflow as tf

import dist_f1

IS_LEGACY = not hasattr(tf.keras, "ops")
READS = {
    "result": lambda metric: metric.result(),
    "counts": lambda metric: metric.counts(),
    "report": lambda metric: metric.report(),
}


@pytest.mark.parametrize("read", READS.values(), ids=list(READS))
def test_reads_and_updates_in_the_graph_of_a_session_name_the_remedies(read):
    metric = dist_f1.F1Score("macro", num_classes=2)
    remedies = r"model_fn, use .*compat.v1.f1_score. .*model_to_estimator, .*estimator.add_metrics"
    with tf.Graph().as_default():
        with pytest.raises(RuntimeError, match=f"was updated in the graph .*{remedies}"):
            metric.update_state([0, 1], [0, 1])
        with pytest.raises(RuntimeError, match=f"was read in the graph .*{remedies}"):
            read(metric)
    metric.update_state([0, 1], [0, 1])
    with tf.Graph().as_default(), pytest.raises(RuntimeError, match="was read in the graph"):
        read(metric)
    assert metric.result() == 1.0


WITHOUT_EAGER_EXECUTION = """
import numpy as np
import tensorflow as tf
import dist_f1

tf.compat.v1.disable_eager_execution()
x, y = np.ones([4, 2], np.float32), np.array([0, 1, 1, 0])


def fit():
    layer = tf.keras.layers.Dense(2, activation="softmax", input_shape=(2,))
    model = tf.keras.Sequential([layer])
    loss = "sparse_categorical_crossentropy"
    model.compile("sgd", loss, metrics=[dist_f1.F1Score("macro")])
    model.fit(x, y, verbose=0)


def update():
    dist_f1.F1Score("macro").update_state(y, np.eye(2)[y])


def read():
    dist_f1.F1Score("macro", num_classes=2).result()


for function in [update, read] + [fit] * (not hasattr(tf.keras, "ops")):
    try:
        function()
    except RuntimeError as error:
        print("RESULT", function.__name__, str(error).replace("\\n", " "))
"""


# Keras 3 has no `fit` without eager execution.
@pytest.mark.parametrize("_", [pytest.param(0, marks=() if IS_LEGACY else pytest.mark.slow)])
def test_without_eager_execution_metrics_name_the_remedy(_):
    script = [sys.executable, "-c", WITHOUT_EAGER_EXECUTION]
    ended = subprocess.run(script, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    results = re.findall(r"RESULT (\w+) (.*)", ended.stdout)
    assert [name for name, _ in results] == ["update", "read", *["fit"] * IS_LEGACY]
    for _, message in results:
        assert "eager execution is disabled" in message
        assert "Remove tf.compat.v1.disable_eager_execution()" in message
