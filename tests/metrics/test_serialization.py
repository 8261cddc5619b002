"""Metrics survive their config, and models survive saving with their metrics."""

import json

import numpy as np
import pytest
import tensorflow as tf
from helpers import strategy

import dist_f1

METRICS = [
    dist_f1.F1Score("macro", num_classes=3, labels=[0, 2], class_names=["a", "b", "c"]),
    dist_f1.F1Score(None, [0.2, 0.3, 0.4], from_logits=True, zero_division=1.0, sync="epoch"),
    dist_f1.FBetaScore("weighted", 2.0, name="f2", dtype="float64", weighted=True),
    dist_f1.Precision("micro", top_k=2, ignore_class=1),
    dist_f1.Recall("binary", 0.5, num_classes=1),
    dist_f1.ThresholdSweep(30, "micro", num_classes=3, labels=[0, 2], from_logits=True),
    dist_f1.ThresholdSweep([0.2, 0.7], class_names=["no", "yes"], sync="epoch"),
]


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.name)
def test_every_option_survives_the_config(metric):
    config = metric.get_config()
    again = type(metric).from_config(json.loads(json.dumps(config)))
    assert again.get_config() == config
    through_keras = tf.keras.metrics.deserialize(tf.keras.metrics.serialize(metric))
    assert through_keras.get_config() == config


def _saved(path):
    model = tf.keras.Sequential([tf.keras.Input([2]), tf.keras.layers.Dense(3)])
    model.compile(
        loss="sparse_categorical_crossentropy",
        metrics=[dist_f1.F1Score("macro", class_names=["a", "b", "c"])],
        weighted_metrics=[dist_f1.FBetaScore("micro", 0.5)],
    )
    model.fit(np.eye(2), np.array([0, 2]), verbose=0)
    model.save(path)
    return model


@pytest.mark.slow
def test_a_saved_model_is_loaded_with_its_metrics_under_another_strategy(tmp_path):
    model = _saved(tmp_path / "model.keras")
    with strategy("mirrored_2").scope():
        again = tf.keras.models.load_model(tmp_path / "model.keras")
    x, y = np.random.default_rng(0).random((10, 2)), np.arange(10) % 3
    expected = model.evaluate(x, y, verbose=0, return_dict=True)
    values = again.evaluate(x, y, verbose=0, return_dict=True)
    assert values["f1_score"] == pytest.approx(expected["f1_score"], abs=1e-6)
    assert values["fbeta_score"] == pytest.approx(expected["fbeta_score"], abs=1e-6)


@pytest.mark.skipif(hasattr(tf.keras, "ops"), reason="Keras 3 saves .keras files only")
def test_a_model_of_tf_keras_is_saved_as_a_directory_after_counting(tmp_path):
    model = tf.keras.Sequential([tf.keras.layers.Dense(3, "softmax", input_shape=[3])])
    metric = dist_f1.F1Score("macro")
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=[metric])
    save = tf.keras.callbacks.ModelCheckpoint(str(tmp_path / "model"))
    model.fit(np.eye(3), np.arange(3), verbose=0, callbacks=[save])
    assert metric.counts().total == 3
    loaded = tf.keras.models.load_model(str(tmp_path / "model"))
    np.testing.assert_allclose(loaded.predict(np.eye(3), verbose=0), model.predict(np.eye(3)))
