"""Names in the logs of Keras: directions, and entries that overwrite each other."""

import warnings

import numpy as np
import pytest
import tensorflow as tf
from helpers import strategy
from tiers import slow

import dist_f1

IS_KERAS_3 = hasattr(tf.keras, "ops")
RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(24, 4)).astype(np.float32)
Y = {"a": RANDOM.integers(0, 3, 24), "b": RANDOM.integers(0, 3, 24)}
STRATEGIES = ["none", pytest.param("mirrored_4", marks=pytest.mark.slow)]


def model(name="none", **compiled):
    with strategy(name).scope():
        inputs = tf.keras.Input([4])
        outputs = {key: tf.keras.layers.Dense(3, name=key)(inputs) for key in ("a", "b")}
        network = tf.keras.Model(inputs, outputs)
        loss = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        compiled = {key: make() for key, make in compiled.items()}
        network.compile("sgd", {"a": loss, "b": loss}, **compiled)
    return network


def f1(name="f1_score"):
    return dist_f1.F1Score("macro", name=name)


def of_both(make):
    return lambda: {"a": [make()], "b": [make()]}


def fit(network, *callbacks):
    options = {"batch_size": 8, "epochs": 2, "verbose": 0, "validation_data": (X, Y)}
    return network.fit(X, Y, callbacks=list(callbacks), **options).history


@pytest.mark.parametrize(
    ("name", "monitor"),
    [("none", "val_a_f1_score"), slow("none", "b_f1_score"), slow("mirrored_4", "val_a_f1_score")],
)
def test_scores_of_outputs_have_a_direction(name, monitor):
    stop = tf.keras.callbacks.EarlyStopping(monitor, patience=5)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        history = fit(model(name, metrics=of_both(f1)), stop)
    assert monitor in history
    assert stop.monitor_op(2.0, 1.0)
    assert stop.best == max(history[monitor])


@pytest.mark.skipif(not IS_KERAS_3, reason="tf-keras refuses two metrics of one name")
def test_metrics_of_equal_names_and_weighted_ones_have_a_direction():
    network = model(
        metrics=lambda: {"a": [f1(), dist_f1.HammingLoss(name="f1_score")]},
        weighted_metrics=lambda: {"a": [f1()]},
    )
    monitors = {
        "val_a_f1_score": True,
        "val_a_f1_score_1": False,
        "val_a_weighted_f1_score": True,
    }
    stops = [tf.keras.callbacks.EarlyStopping(name, patience=5) for name in monitors]
    history = fit(network, *stops)
    assert set(monitors) <= set(history)
    assert [bool(stop.monitor_op(2.0, 1.0)) for stop in stops] == list(monitors.values())


@pytest.mark.skipif(not IS_KERAS_3, reason="tf-keras takes any name for a loss")
def test_a_metric_of_keras_is_not_taken_for_ours():
    class F1Score(tf.keras.metrics.Mean):
        def update_state(self, y_true, y_pred, sample_weight=None):
            return super().update_state(tf.reduce_mean(y_pred))

    network = model(metrics=lambda: {"a": [f1()], "b": [F1Score(name="f1_score")]})
    stop = tf.keras.callbacks.EarlyStopping("val_b_f1_score", patience=5)
    with pytest.raises(ValueError, match="val_b_f1_score"):
        fit(network, stop)


@pytest.mark.parametrize("name", STRATEGIES)
@pytest.mark.parametrize(
    ("make", "entry"),
    [
        (lambda: dist_f1.Scores(["f1_macro", "accuracy"]), "f1_macro"),
        (lambda: dist_f1.ThresholdSweep(5, from_logits=True), "average_precision"),
    ],
    ids=["Scores", "ThresholdSweep"],
)
def test_entries_that_overwrite_each_other_raise_before_training(name, make, entry):
    network = model(name, metrics=of_both(make))
    trained = []
    callback = tf.keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: trained.append(batch)
    )
    with pytest.raises(ValueError, match=rf'both log {entry}.*prefix="'):
        fit(network, callback)
    assert not trained


def test_an_entry_that_overwrites_one_of_keras_raises():
    def metrics():
        return {"a": ["accuracy", dist_f1.Scores(["accuracy"], prefix="a_")]}

    with pytest.raises(ValueError, match="both log a_accuracy"):
        fit(model(metrics=metrics))


def test_a_prefix_tells_entries_apart():
    def metrics():
        return {key: [dist_f1.Scores(["f1_macro"], prefix=f"{key}_")] for key in ("a", "b")}

    assert {"a_f1_macro", "val_b_f1_macro"} <= set(fit(model(metrics=metrics)))
