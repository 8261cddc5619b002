"""Callbacks that keep the best epoch look for the highest F1 and for the lowest Hamming loss."""

import numpy as np
import pytest
import tensorflow as tf

import dist_f1
from dist_f1.callbacks import EvaluateScores
from dist_f1.metrics import directions
from dist_f1.scores import score_names

CLASSES = 4
IS_KERAS_3 = hasattr(tf.keras, "ops")
Y = np.repeat(np.arange(CLASSES), 4)
X = np.eye(CLASSES, dtype=np.float32)[Y]
# How many classes are predicted right, epoch by epoch; the second epoch is the best one.
RIGHT = (2, 4, 1, 1, 1)
BEST = 1


def kernel(right):
    """Weights that get `right` classes right and take the others for the class before."""
    columns = [c if c < right else c - 1 for c in range(CLASSES)]
    return np.eye(CLASSES, dtype=np.float32)[columns]


def model(*metrics):
    """A model that learns nothing; its weights are set before each epoch."""
    network = tf.keras.Sequential(
        [tf.keras.layers.Dense(CLASSES, use_bias=False, input_shape=(CLASSES,))]
    )
    network.compile(
        tf.keras.optimizers.SGD(1.0),
        loss=lambda y_true, y_pred: 0.0 * tf.reduce_sum(y_pred, -1),
        metrics=list(metrics),
    )
    return network


def fit(network, callbacks, validate=True):
    def set_weights(epoch, logs):
        network.set_weights([kernel(RIGHT[epoch])])

    setting = tf.keras.callbacks.LambdaCallback(on_epoch_begin=set_weights)
    return network.fit(
        X,
        Y,
        epochs=len(RIGHT),
        verbose=0,
        validation_data=(X, Y) if validate else None,
        callbacks=[setting, *callbacks],
    ).history


SCORES = ("f1_macro", "hamming_loss", "accuracy", "f1_per_class")


def in_compile(entry):
    return [dist_f1.Scores(SCORES)], []


def by_callback(entry):
    return [], [EvaluateScores((X, Y), SCORES)]


@pytest.mark.filterwarnings("ignore:.*It now looks for")
@pytest.mark.parametrize("source", [in_compile, by_callback])
@pytest.mark.parametrize("entry", ["val_f1_macro", "val_hamming_loss", "val_accuracy", "val_f1_3"])
def test_training_stops_and_saves_and_slows_down_at_the_best_epoch(source, entry, tmp_path):
    metrics, callbacks = source(entry)
    keras = tf.keras.callbacks
    stopping = keras.EarlyStopping(entry, patience=2, restore_best_weights=True)
    path = str(tmp_path / "best.weights.h5")
    checkpoint = keras.ModelCheckpoint(path, entry, save_best_only=True, save_weights_only=True)
    plateau = keras.ReduceLROnPlateau(entry, patience=2, factor=0.5)
    network = model(*metrics)
    history = fit(network, [*callbacks, stopping, checkpoint, plateau])
    # Two epochs after the best one; were it the other direction, it would be another.
    assert len(history[entry]) == BEST + 3
    np.testing.assert_array_equal(network.get_weights()[0], kernel(RIGHT[BEST]))
    rates = history["learning_rate" if IS_KERAS_3 else "lr"]
    assert rates == [1.0] * (BEST + 3)
    rate = network.optimizer.learning_rate
    assert float(tf.keras.backend.get_value(rate)) == 0.5
    network.set_weights([kernel(0)])
    network.load_weights(path)
    np.testing.assert_array_equal(network.get_weights()[0], kernel(RIGHT[BEST]))


@pytest.mark.filterwarnings("ignore:.*It now looks for")
@pytest.mark.parametrize("entry", ["f1_macro", "hamming_loss"])
def test_scores_of_the_training_data_have_their_direction_too(entry):
    stopping = tf.keras.callbacks.EarlyStopping(entry, patience=2)
    history = fit(model(dist_f1.Scores(SCORES)), [stopping], validate=False)
    assert len(history[entry]) == BEST + 3


@pytest.mark.filterwarnings("ignore:.*It now looks for")
@pytest.mark.parametrize(
    ("metric", "name"),
    [(dist_f1.F1Score("macro"), "f1_score"), (dist_f1.HammingLoss(), "hamming_loss")],
)
def test_metrics_of_one_score_tell_keras_their_direction(metric, name):
    stopping = tf.keras.callbacks.EarlyStopping(f"val_{name}", patience=2)
    history = fit(model(metric), [stopping])
    assert len(history[f"val_{name}"]) == BEST + 3


def test_a_mode_that_was_given_is_kept():
    # Less is better, but here the highest is asked for: it is that of the third epoch.
    stopping = tf.keras.callbacks.EarlyStopping("val_hamming_loss", patience=2, mode="max")
    history = fit(model(dist_f1.Scores(SCORES)), [stopping])
    assert len(history["val_hamming_loss"]) == 5
    if IS_KERAS_3:
        lowest = tf.keras.callbacks.EarlyStopping("val_f1_macro", patience=1, mode="min")
        history = fit(model(dist_f1.Scores(SCORES)), [lowest])
        assert len(history["val_f1_macro"]) == 2


@pytest.mark.skipif(IS_KERAS_3, reason="Keras 3 remembers the mode")
def test_tf_keras_is_turned_around_with_a_warning():
    keras = tf.keras.callbacks
    stopping = keras.EarlyStopping("val_f1_macro", min_delta=0.25)
    checkpoint = keras.ModelCheckpoint("unused", "val_accuracy_gap")
    named = [score_names.parse(name) for name in ("f1_macro", "accuracy_gap")]

    def direction_of(name):
        return directions.of_scores(named, name.removeprefix("val_"))

    with pytest.warns(UserWarning, match="looked for the") as warned:
        directions.point([stopping, checkpoint], direction_of)
    assert "looked for the lowest val_f1_macro, of which higher is better" in str(warned[0].message)
    assert "looked for the highest val_accuracy_gap" in str(warned[1].message)
    stopping.on_train_begin()
    assert stopping._is_improvement(0.8, 0.5)
    assert not stopping._is_improvement(0.6, 0.5)
    assert stopping.best == -np.inf
    assert checkpoint.best == np.inf
    assert checkpoint.monitor_op(0.1, 0.2)


def test_other_callbacks_and_other_names_are_left_alone():
    keras = tf.keras.callbacks
    others = [keras.EarlyStopping("val_loss"), keras.ReduceLROnPlateau(), keras.CSVLogger("unused")]
    before = [dict(vars(callback)) for callback in others]
    named = [score_names.parse("f1_macro")]
    directions.point(others, lambda name: directions.of_scores(named, name))
    assert [dict(vars(callback)) for callback in others] == before


@pytest.mark.parametrize(
    ("scores", "entry", "direction"),
    [
        (["f1_macro"], "f1_macro", "up"),
        (["f1_macro"], "f1_micro", None),
        (["f1_macro_gap"], "f1_macro_gap", "down"),
        (["f1_macro_gap"], "f1_macro", None),
        (["f1_macro_by_group"], "f1_macro_group_10", "up"),
        (["f1_macro_by_group"], "f1_macro_group_x", None),
        (["hamming_loss_by_group"], "hamming_loss_group_1", "down"),
        (["f1_per_class"], "f1_fox", "up"),
        (["f1_per_class"], "f1_", None),
        (["f1_per_class_gap"], "f1_fox_gap", "down"),
        (["f1_per_class_by_group"], "f1_fox_group_2", "up"),
        (["f1_per_class", "f1_macro_gap"], "f1_macro_gap", "down"),
        (["f1_per_class", "f1_per_class_gap"], "f1_fox_gap", "down"),
        (["recall_per_class", "f1_per_class"], "loss", None),
    ],
)
def test_directions_of_entries(scores, entry, direction):
    named = [score_names.parse(score) for score in scores]
    assert directions.of_scores(named, entry) == direction
    # Names that these scores really have are all known.
    if not any(score.spread for score in named):
        metric = dist_f1.Scores(scores, class_names=["cat", "fox"])
        metric.update_state([0, 1], [[1.0, 0.0], [0.0, 1.0]])
        assert {metric.direction_of(name) for name in metric.result()} == {"up"}


def test_what_is_monitored_survives_a_saved_model(tmp_path):
    metric = dist_f1.Scores(SCORES)
    copy = dist_f1.Scores.from_config(metric.get_config())
    assert copy.direction_of("f1_macro") == "up"
    assert copy.direction_of("hamming_loss") == "down"
