"""Keras's `CSVLogger` has a column for every score from the first row on, with parsable cells."""

import csv
import json

import numpy as np
import pytest
import tensorflow as tf

import dist_f1
from dist_f1.callbacks import EvaluateScores

NAMES = ["cat", "dog", "fox"]
random = np.random.default_rng(3)
X = random.normal(size=(30, 4)).astype(np.float32)
Y = random.integers(0, 3, 30)


def fit(path, *metrics, callbacks=(), epochs=2, **arguments):
    """Train with a `CSVLogger`; return the rows of its file, and the history."""
    network = tf.keras.Sequential([tf.keras.layers.Dense(3)])
    loss = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    network.compile("sgd", loss, metrics=list(metrics), run_eagerly=True)
    logger = tf.keras.callbacks.CSVLogger(path / "log.csv")
    history = network.fit(
        X, Y, 30, epochs, verbose=0, callbacks=[*callbacks, logger], **arguments
    ).history
    with open(path / "log.csv", newline="") as file:
        return list(csv.DictReader(file)), history


def assert_complete(rows, history):
    for epoch, row in enumerate(rows):
        assert row.keys() == {"epoch", *history}
        for name, values in history.items():
            assert float(row[name]) == pytest.approx(float(values[epoch]), abs=1e-6)


def test_dict_scores_have_a_column_each(tmp_path):
    scores = dist_f1.Scores(["f1_macro", "recall_per_class"], class_names=NAMES)
    sweep = dist_f1.ThresholdSweep(5, from_logits=True)
    rows, history = fit(tmp_path, scores, sweep, validation_data=(X, Y))
    assert {"recall_fox", "val_recall_fox", "val_best_threshold"} <= rows[0].keys()
    assert_complete(rows, history)


def test_dict_scores_of_a_later_validation_have_a_column_in_the_first_row(tmp_path):
    scores = dist_f1.Scores(["f1_macro", "recall_per_class"])
    rows, history = fit(tmp_path, scores, validation_data=(X, Y), validation_freq=2)
    assert rows[0].keys() == rows[1].keys() == {"epoch", *history}
    assert rows[0]["val_recall_2"] == "NA"
    assert float(rows[1]["val_recall_2"]) == pytest.approx(history["val_recall_2"][0], abs=1e-6)


def test_array_scores_are_lists_in_quotes(tmp_path):
    rows, history = fit(tmp_path, dist_f1.F1Score(None), validation_data=(X, Y))
    for epoch, row in enumerate(rows):
        for name in ("f1_score", "val_f1_score"):
            values = json.loads(row[name].strip('"'))
            np.testing.assert_allclose(values, history[name][epoch], atol=1e-6)


@pytest.mark.parametrize("every", [1, 2])
def test_evaluated_scores_have_a_column_in_the_first_row(every, tmp_path):
    evaluation = EvaluateScores(
        (X, Y), ["f1_macro", "recall_per_class"], every=every, num_classes=3
    )
    rows, history = fit(tmp_path, callbacks=[evaluation])
    names = {"val_f1_macro", *(f"val_recall_{k}" for k in range(3))}
    # As without EvaluateScores, Keras provides for a validation in a later epoch.
    assert rows[0].keys() == rows[1].keys() == {"epoch", "loss", "val_loss"} | names
    for name in names:
        assert (rows[0][name] == "NA") == (every == 2)
        assert float(rows[1][name]) == pytest.approx(history[name][-1])


def test_evaluated_scores_leave_columns_for_a_later_validation(tmp_path):
    evaluation = EvaluateScores((X, Y), ["f1_macro"], prefix="test_")
    rows, history = fit(tmp_path, callbacks=[evaluation], validation_data=(X, Y), validation_freq=2)
    assert rows[0].keys() == {"epoch", *history}
    assert float(rows[1]["val_loss"]) == pytest.approx(history["val_loss"][0], abs=1e-6)


def test_columns_that_are_unknown_in_the_first_epoch_raise(tmp_path):
    evaluation = EvaluateScores((X, Y), ["recall_per_class"], every=2)
    with pytest.raises(ValueError, match="Pass num_classes= or every=1"):
        fit(tmp_path, callbacks=[evaluation])


def test_a_logger_before_the_scores_warns(tmp_path):
    evaluation = EvaluateScores((X, Y), ["f1_macro"])
    first = tf.keras.callbacks.CSVLogger(tmp_path / "first.csv")
    with pytest.warns(UserWarning, match="CSVLogger comes before EvaluateScores"):
        fit(tmp_path, callbacks=[first, evaluation])
