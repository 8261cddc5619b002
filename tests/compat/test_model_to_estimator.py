"""Keras models in an Estimator: metrics name the remedy, and the remedy works."""

import estimators
import numpy as np
import pytest
import tensorflow as tf
from sklearn import metrics as sk

import dist_f1
from dist_f1.compat import v1

pytestmark = estimators.needs_estimator
X = np.random.default_rng(0).normal(size=(30, 4)).astype("float32")
Y = X[:, :3].argmax(axis=-1)


def batches():
    return tf.data.Dataset.from_tensor_slices((X, Y)).batch(8)


def estimator_of(metrics, model_dir):
    # The largest of the first three inputs is predicted.
    kernel = tf.keras.initializers.Constant(np.eye(4, 3))
    layer = tf.keras.layers.Dense(3, "softmax", kernel_initializer=kernel, input_shape=(4,))
    model = tf.keras.Sequential([layer])
    model.compile("sgd", "sparse_categorical_crossentropy", metrics=metrics)
    return tf.keras.estimator.model_to_estimator(model, model_dir=str(model_dir))


def test_a_metric_of_the_model_names_add_metrics(tmp_path):
    with pytest.raises(RuntimeError, match=r"model_to_estimator, .*tf.estimator.add_metrics"):
        estimator_of([dist_f1.F1Score("macro")], tmp_path)


def test_pairs_of_add_metrics_have_the_score(tmp_path):
    def pairs(labels, predictions):
        (scores,) = predictions.values()
        return {"f1_macro": v1.f1_score(labels, scores, average="macro", dtype=tf.float64)}

    estimator = tf.estimator.add_metrics(estimator_of([], tmp_path), pairs)
    estimator.train(batches)
    found = estimator.evaluate(batches)["f1_macro"]
    predicted = [next(iter(row.values())).argmax() for row in estimator.predict(batches)]
    assert found == pytest.approx(sk.f1_score(Y, predicted, average="macro"), abs=1e-12)
