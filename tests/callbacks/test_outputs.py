"""`EvaluateScores` for models with several outputs, and its copies."""

import copy

import numpy as np
import pytest
import sklearn.metrics
import tensorflow as tf
from helpers import strategy
from tiers import slow

from dist_f1.callbacks import EvaluateScores

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(40, 4)).astype(np.float32)
Y = {"a": RANDOM.integers(0, 3, 40), "b": RANDOM.integers(0, 3, 40)}
WEIGHT = {"a": RANDOM.uniform(0.5, 2.0, 40), "b": np.ones(40)}


def model(name="none", as_dict=True):
    with strategy(name).scope():
        inputs = tf.keras.Input([4])
        outputs = [tf.keras.layers.Dense(3, name=key)(inputs) for key in ("a", "b")]
        network = tf.keras.Model(
            inputs, dict(zip("ab", outputs, strict=True)) if as_dict else outputs
        )
        loss = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        network.compile("sgd", loss={"a": loss, "b": loss} if as_dict else [loss, loss])
    return network


def f1_of(network, output, as_dict=True, weight=None):
    predicted = network.predict(X, verbose=0)
    predicted = predicted[output] if as_dict else predicted["ab".index(output)]
    return sklearn.metrics.f1_score(
        Y[output], predicted.argmax(-1), average="macro", sample_weight=weight
    )


@pytest.mark.parametrize(
    ("name", "as_dict"), [("none", True), slow("none", False), slow("mirrored_4", True)]
)
def test_all_outputs_with_targets_are_scored_by_name(name, as_dict):
    network = model(name, as_dict)
    targets = Y if as_dict else (Y["a"], Y["b"])
    evaluation = EvaluateScores((X, targets), ["f1_macro", "hamming_loss"])
    stop = tf.keras.callbacks.EarlyStopping("val_b_f1_macro", patience=5)
    least = tf.keras.callbacks.EarlyStopping("val_a_hamming_loss", patience=5)
    options = {"epochs": 2, "verbose": 0, "batch_size": 8, "callbacks": [evaluation, stop, least]}
    history = network.fit(X, targets if as_dict else list(targets), **options).history
    assert {"val_a_f1_macro", "val_b_f1_macro", "val_a_hamming_loss"} <= set(history)
    for output in ("a", "b"):
        expected = f1_of(network, output, as_dict)
        assert history[f"val_{output}_f1_macro"][-1] == pytest.approx(expected, abs=1e-6)
        assert int(evaluation.counts(output).total) == 40
    assert stop.monitor_op(2.0, 1.0)
    assert not least.monitor_op(2.0, 1.0)
    with pytest.raises(ValueError, match=r"no counts of the output None.*'a', 'b'"):
        evaluation.counts()


def test_one_output_is_selected_and_weights_are_those_of_the_output():
    network = model()
    evaluation = EvaluateScores((X, Y, WEIGHT), ["f1_macro"], outputs="a")
    scores = evaluation.evaluate(network)
    assert scores == {"a_f1_macro": pytest.approx(f1_of(network, "a", weight=WEIGHT["a"]))}
    assert evaluation.counts().is_weighted
    only = EvaluateScores((X, Y["b"]), ["f1_macro"], outputs=["b"])
    assert only.evaluate(network) == {"b_f1_macro": pytest.approx(f1_of(network, "b"))}
    with pytest.raises(ValueError, match=r"outputs=\['c'\].*are a, b"):
        EvaluateScores((X, Y), ["f1_macro"], outputs="c").evaluate(network)


def test_a_deep_copy_evaluates_by_itself():
    evaluation = EvaluateScores((X, Y["a"]), ["f1_macro"])
    network = tf.keras.Sequential([tf.keras.layers.Dense(3, input_shape=[4])])
    before = copy.deepcopy(evaluation)
    scores = evaluation.evaluate(network)
    after = copy.deepcopy(evaluation)
    for duplicate in (before, after):
        with pytest.raises(ValueError, match="not evaluated a model"):
            duplicate.counts()
        assert duplicate.evaluate(network) == scores
        assert duplicate.metric is not evaluation.metric


def test_weights_of_single_entries():
    targets = np.eye(3)[Y["a"]]
    weight = RANDOM.integers(0, 3, (40, 3)).astype(np.float32)
    network = tf.keras.Sequential([tf.keras.layers.Dense(3, "sigmoid", input_shape=[4])])
    evaluation = EvaluateScores((X, targets, weight), ["f1_micro"], threshold=0.5)
    predicted = network.predict(X, verbose=0) > 0.5
    correct = 2 * (weight * targets * predicted).sum()
    expected = correct / (weight * (targets + predicted)).sum()
    assert evaluation.evaluate(network)["f1_micro"] == pytest.approx(expected, abs=1e-6)
