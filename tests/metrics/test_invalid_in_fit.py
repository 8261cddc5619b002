"""Rows that cannot be counted, in Keras `fit` and `evaluate`: no epoch and no callback is lost."""

import warnings

import numpy as np
import pytest
import tensorflow as tf
from helpers import strategy
from tiers import slow, slow_except

import dist_f1

RANDOM = np.random.default_rng(0)
ROWS, BATCH, EPOCHS = 24, 8, 2
X = RANDOM.normal(size=(ROWS, 4)).astype(np.float32)
Y = RANDOM.integers(0, 3, ROWS)
ONE_HOT = np.eye(3, dtype=np.float32)[Y]
STRATEGIES = slow_except(["none", "mirrored_4"], "none")
# The row that is made invalid, in the last batch but one.
BAD = 9


def changed(array, value):
    array = array.copy()
    array[BAD] = value
    return array


def model(name, *metrics, weighted=(), jit_compile=False):
    """Return a model whose loss accepts any targets."""
    with strategy(name).scope():
        network = tf.keras.Sequential(
            [tf.keras.Input([4]), tf.keras.layers.Dense(3, activation="softmax")]
        )
        network.compile(
            "sgd",
            lambda y_true, y_pred: tf.reduce_sum(y_pred**2, axis=-1),
            metrics=[make() for make in metrics],
            weighted_metrics=[make() for make in weighted],
            jit_compile=jit_compile,
        )
    return network


def f1(**options):
    return lambda: dist_f1.F1Score("macro", **options)


def fit(network, x, y, weight=None, callbacks=(), **options):
    """Return the history and the warnings about rows that were not counted."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        history = network.fit(
            x, y, BATCH, EPOCHS, 0, list(callbacks), shuffle=False, sample_weight=weight, **options
        ).history
    return history, [str(w.message) for w in caught if "not counted" in str(w.message)]


class Calls(tf.keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.epochs, self.ended = [], False

    def on_epoch_end(self, epoch, logs=None):
        self.epochs.append(epoch)

    def on_train_end(self, logs=None):
        self.ended = True


IDS = {
    "num_classes": (changed(Y, 3), "numbered from 1"),
    "negative_one": (changed(Y, -1), "ignore_class=-1"),
    "value_255": (changed(Y, 255), "ignore_class=255"),
    "label": (changed(Y, 77), "0 to 2"),
}
TARGETS = {
    "fraction": (changed(ONE_HOT, 0.25), "label smoothing or mixup"),
    "value_255": (changed(ONE_HOT, 255), "divide it by 255"),
    "target": (changed(ONE_HOT, 5), "neither 0 nor 1"),
}


@pytest.mark.parametrize("name", STRATEGIES)
@pytest.mark.parametrize("causes", [IDS, TARGETS], ids=["ids", "one_hot"])
def test_every_cause_gives_nan_and_one_warning_an_epoch_and_all_callbacks_run(name, causes):
    with strategy(name).scope():
        metric = f1()()
    network = model(name, lambda: metric)
    for cause, (y, remedy) in causes.items():
        calls = Calls()
        history, messages = fit(network, X, y, callbacks=[calls])
        assert np.isnan(history["f1_score"]).all()
        assert np.isfinite(history["loss"]).all()
        assert (calls.epochs, calls.ended) == ([0, 1], True)
        assert len(messages) == EPOCHS
        assert all(f"f1_score is NaN: 1 of {ROWS} rows" in text for text in messages)
        assert all(remedy in text for text in messages)
        found = metric.counts().invalid_causes
        assert {name: int(number) for name, number in found.items() if number} == {cause: 1}


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_nan_input_ends_training_quietly_with_terminate_on_nan(name):
    calls, network = Calls(), model(name, f1())
    stop = tf.keras.callbacks.TerminateOnNaN()
    history, messages = fit(network, changed(X, np.nan), ONE_HOT, callbacks=[stop, calls])
    assert calls.ended
    assert calls.epochs == [0]
    assert np.isnan(history["f1_score"]).all()
    # The update of the batch with NaN makes all weights NaN, and so the predictions of later ones.
    assert len(messages) == 1
    assert "NaN prediction" in messages[0]


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_weight_that_is_not_finite_is_a_cause(name):
    network = model(name, weighted=[f1()])
    weight = changed(np.ones(ROWS, np.float32), np.inf)
    history, messages = fit(network, X, Y, weight)
    (key,) = [key for key in history if key.endswith("f1_score")]
    assert np.isnan(history[key]).all()
    assert len(messages) == EPOCHS
    assert all("weight that is not finite" in text for text in messages)


@pytest.mark.parametrize("name", STRATEGIES)
def test_metrics_that_cannot_count_the_same_rows_warn_together(name):
    network = model(name, f1(), lambda: dist_f1.Recall("micro"), lambda: dist_f1.Accuracy())
    history, messages = fit(network, X, changed(Y, 3), validation_data=(X, Y))
    assert len(messages) == EPOCHS
    for score in ("f1_score", "recall", "accuracy"):
        assert np.isnan(history[score]).all()
        assert np.isfinite(history[f"val_{score}"]).all()


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_bad_validation_label_leaves_the_training_scores(name):
    best = tf.keras.callbacks.EarlyStopping("f1_score", mode="max", patience=5)
    network = model(name, f1())
    history, messages = fit(network, X, Y, validation_data=(X, changed(Y, 3)), callbacks=[best])
    assert np.isfinite(history["f1_score"]).all()
    assert np.isnan(history["val_f1_score"]).all()
    assert len(messages) == EPOCHS
    assert best.best == max(history["f1_score"])


@pytest.mark.parametrize("name", STRATEGIES)
def test_on_invalid_warn_gives_the_score_of_the_other_rows(name):
    network, other = model(name, f1(on_invalid="warn")), model(name, f1())
    other.set_weights(network.get_weights())
    weight = changed(np.ones(ROWS, np.float32), 0)
    with pytest.warns(UserWarning, match="f1_score is the score of the other rows: 1 of 24"):
        value = network.evaluate(X, changed(Y, 3), BATCH, verbose=0, return_dict=True)["f1_score"]
    kept = np.flatnonzero(weight)
    expected = other.evaluate(X[kept], Y[kept], BATCH, verbose=0, return_dict=True)["f1_score"]
    assert value == pytest.approx(expected, abs=1e-6)


def test_on_invalid_raise_ends_fit():
    network = model("none", f1(on_invalid="raise"))
    with pytest.raises(ValueError, match="1 of 24 rows were not counted"):
        network.fit(X, changed(Y, 3), BATCH, verbose=0, shuffle=False)


@pytest.mark.parametrize(
    ("name", "on_invalid", "is_nan"),
    [("none", "nan", True), ("none", None, False), slow("mirrored_4", "nan", True)],
)
def test_the_running_score_in_a_step_is_nan_on_request(name, on_invalid, is_nan):
    running = []
    keep = tf.keras.callbacks.LambdaCallback(
        on_train_batch_end=lambda batch, logs: running.append(float(logs["f1_score"]))
    )
    history, _ = fit(model(name, f1(on_invalid=on_invalid)), X, changed(Y, 3), callbacks=[keep])
    # The invalid row is in the second of three batches.
    expected = [False, is_nan, is_nan]
    assert np.isnan(running).tolist() == EPOCHS * expected
    assert np.isnan(history["f1_score"]).all()
