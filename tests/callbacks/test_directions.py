"""Callbacks that wait for the best epoch maximize F1 and minimize the Hamming loss."""

import numpy as np
import pytest
import tensorflow as tf
from tiers import slow

import dist_f1
from dist_f1.callbacks import EvaluateScores
from dist_f1.metrics import directions
from dist_f1.scores import score_names

CLASSES = 4
IS_KERAS_3 = hasattr(tf.keras, "ops")
Y = np.repeat(np.arange(CLASSES), 4)
X = np.eye(CLASSES, dtype=np.float32)[Y]
# Number of correctly predicted classes in each epoch; the second epoch is the best.
CORRECT = (2, 4, 1, 1, 1)
BEST = 1


def kernel(correct):
    """Return weights that predict `correct` classes, and the previous class for the others."""
    columns = [c if c < correct else c - 1 for c in range(CLASSES)]
    return np.eye(CLASSES, dtype=np.float32)[columns]


def model(*metrics, run_eagerly=False):
    """Return a model that does not learn; its weights are set before each epoch."""
    network = tf.keras.Sequential(
        [tf.keras.layers.Dense(CLASSES, use_bias=False, input_shape=(CLASSES,))]
    )
    network.compile(
        tf.keras.optimizers.SGD(1.0),
        loss=lambda y_true, y_pred: 0.0 * tf.reduce_sum(y_pred, -1),
        metrics=list(metrics),
        # Faster than tracing for a few batches.
        run_eagerly=run_eagerly,
    )
    return network


def fit(network, callbacks, validate=True):
    def set_weights(epoch, logs):
        network.set_weights([kernel(CORRECT[epoch])])

    setting = tf.keras.callbacks.LambdaCallback(on_epoch_begin=set_weights)
    return network.fit(
        X,
        Y,
        epochs=len(CORRECT),
        verbose=0,
        validation_data=(X, Y) if validate else None,
        callbacks=[setting, *callbacks],
    ).history


SCORES = ("f1_macro", "hamming_loss", "accuracy", "f1_per_class")
ENTRIES = ("val_f1_macro", "val_hamming_loss", "val_accuracy", "val_f1_3")


def in_compile():
    return [dist_f1.Scores(SCORES)], []


def by_callback():
    return [], [EvaluateScores((X, Y), SCORES)]


def waits_for_the_best(stopping, history):
    """Whether training stopped two epochs after the best one."""
    # In the other direction, another epoch would be the best.
    return len(history[stopping.monitor]) == BEST + 3 and stopping.best_epoch == BEST


@pytest.mark.filterwarnings("ignore:.*It now waits for")
@pytest.mark.parametrize("source", [slow(in_compile), by_callback])
def test_callbacks_stop_save_and_lower_the_rate_at_the_best_epoch(source, tmp_path):
    metrics, callbacks = source()
    keras = tf.keras.callbacks
    paths = [str(tmp_path / f"{entry}.weights.h5") for entry in ENTRIES]
    stopping = [keras.EarlyStopping(x, patience=2, restore_best_weights=True) for x in ENTRIES]
    callbacks += stopping
    for entry, path in zip(ENTRIES, paths, strict=True):
        options = {"save_best_only": True, "save_weights_only": True}
        callbacks.append(keras.ModelCheckpoint(path, entry, **options))
        callbacks.append(keras.ReduceLROnPlateau(entry, patience=2, factor=0.5))
    network = model(*metrics, run_eagerly=source is by_callback)
    history = fit(network, callbacks)
    assert all(waits_for_the_best(callback, history) for callback in stopping)
    np.testing.assert_array_equal(network.get_weights()[0], kernel(CORRECT[BEST]))
    rates = history["learning_rate" if IS_KERAS_3 else "lr"]
    assert rates[:-1] == [1.0] * (BEST + 2)
    # Every plateau callback halves the rate in the last epoch.
    rate = network.optimizer.learning_rate
    assert float(tf.keras.backend.get_value(rate)) == 0.5 ** len(ENTRIES)
    for path in paths:
        network.set_weights([kernel(0)])
        network.load_weights(path)
        np.testing.assert_array_equal(network.get_weights()[0], kernel(CORRECT[BEST]))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*It now waits for")
def test_scores_of_the_training_data_have_a_direction_too():
    stopping = [tf.keras.callbacks.EarlyStopping(entry, patience=2) for entry in SCORES[:2]]
    history = fit(model(dist_f1.Scores(SCORES)), stopping, validate=False)
    assert all(waits_for_the_best(callback, history) for callback in stopping)


@pytest.mark.filterwarnings("ignore:.*It now waits for")
def test_metrics_with_one_score_set_their_direction():
    entries = ("val_f1_score", "val_hamming_loss")
    stopping = [tf.keras.callbacks.EarlyStopping(entry, patience=2) for entry in entries]
    network = model(dist_f1.F1Score("macro"), dist_f1.HammingLoss(), run_eagerly=True)
    history = fit(network, stopping)
    assert all(waits_for_the_best(callback, history) for callback in stopping)


@pytest.mark.slow
def test_an_explicit_mode_is_kept_in_training():
    # The explicit mode maximizes the loss, whose highest value is in the third epoch.
    stopping = tf.keras.callbacks.EarlyStopping("val_hamming_loss", patience=2, mode="max")
    lowest = tf.keras.callbacks.EarlyStopping("val_f1_macro", patience=4, mode="min")
    history = fit(model(dist_f1.Scores(SCORES)), [stopping, lowest])
    assert len(history["val_hamming_loss"]) == 5
    assert stopping.best_epoch == 2
    if IS_KERAS_3:
        assert lowest.best_epoch == 2


@pytest.mark.skipif(not IS_KERAS_3, reason="tf-keras does not store the mode")
def test_an_explicit_mode_is_kept():
    keras = tf.keras.callbacks
    callbacks = [
        keras.EarlyStopping("f1_macro", mode="min"),
        keras.ModelCheckpoint("unused.weights.h5", "f1_macro", save_weights_only=True, mode="min"),
        keras.ReduceLROnPlateau("f1_macro", mode="min"),
    ]
    directions.set_modes(callbacks, lambda name: "up")
    assert [callback.mode for callback in callbacks] == ["min"] * 3


@pytest.mark.skipif(IS_KERAS_3, reason="Keras 3 stores the mode")
def test_in_tf_keras_a_wrong_mode_is_flipped_with_a_warning():
    keras = tf.keras.callbacks
    stopping = keras.EarlyStopping("val_f1_macro", min_delta=0.25)
    checkpoint = keras.ModelCheckpoint("unused", "val_accuracy_gap")
    named = [score_names.parse(name) for name in ("f1_macro", "accuracy_gap")]

    def direction_of(name):
        return directions.of_scores(named, name.removeprefix("val_"))

    with pytest.warns(UserWarning, match="waited for the") as warned:
        directions.set_modes([stopping, checkpoint], direction_of)
    assert "waited for the lowest val_f1_macro, but the highest is the best" in str(
        warned[0].message
    )
    assert "waited for the highest val_accuracy_gap" in str(warned[1].message)
    stopping.on_train_begin()
    assert stopping._is_improvement(0.8, 0.5)
    assert not stopping._is_improvement(0.6, 0.5)
    assert stopping.best == -np.inf
    assert checkpoint.best == np.inf
    assert checkpoint.monitor_op(0.1, 0.2)


def test_other_callbacks_and_other_names_are_not_changed():
    keras = tf.keras.callbacks
    others = [keras.EarlyStopping("val_loss"), keras.ReduceLROnPlateau(), keras.CSVLogger("unused")]
    before = [dict(vars(callback)) for callback in others]
    named = [score_names.parse("f1_macro")]
    directions.set_modes(others, lambda name: directions.of_scores(named, name))
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
    # Every entry of the result has a direction.
    if not any(score.group_reduction for score in named):
        metric = dist_f1.Scores(scores, class_names=["cat", "fox"])
        metric.update_state([0, 1], [[1.0, 0.0], [0.0, 1.0]])
        assert {metric.direction_of(name) for name in metric.result()} == {"up"}


def test_directions_survive_a_saved_model(tmp_path):
    metric = dist_f1.Scores(SCORES)
    copy = dist_f1.Scores.from_config(metric.get_config())
    assert copy.direction_of("f1_macro") == "up"
    assert copy.direction_of("hamming_loss") == "down"
