"""Logits without `from_logits`, and probabilities with it, are warned of once."""

import warnings

import numpy as np
import pytest
import tensorflow as tf
from helpers import strategy
from tiers import slow_except

import dist_f1

RANDOM = np.random.default_rng(0)
Y = RANDOM.integers(0, 2, 40)
LOGITS = RANDOM.normal(size=40).astype(np.float32) * 3
PROBABILITIES = RANDOM.random(40).astype(np.float32)
MAKE = {
    "threshold": lambda **options: dist_f1.F1Score("binary", threshold=0.5, **options),
    "sweep": lambda **options: dist_f1.ThresholdSweep(10, **options),
}


def caught(function):
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        function()
    return [str(w.message) for w in found if "predictions look like" in str(w.message)]


@pytest.mark.parametrize("kind", MAKE)
def test_the_first_eager_batch_is_looked_at(kind):
    metric = MAKE[kind]()
    assert ["look like logits" in x for x in caught(lambda: metric.update_state(Y, LOGITS))] == [
        True
    ]
    assert not caught(lambda: metric.update_state(Y, LOGITS))
    metric = MAKE[kind](from_logits=True)
    (message,) = caught(lambda: metric.update_state(Y, PROBABILITIES))
    assert "look like probabilities" in message


@pytest.mark.parametrize("kind", MAKE)
def test_predictions_of_the_right_kind_are_silent(kind):
    assert not caught(lambda: MAKE[kind]().update_state(Y, PROBABILITIES))
    assert not caught(lambda: MAKE[kind](from_logits=True).update_state(Y, LOGITS))
    # A few logits may lie between 0 and 1, and argmax needs no probabilities.
    few = MAKE[kind](from_logits=True)
    assert not caught(lambda: few.update_state(Y[:5], PROBABILITIES[:5]))
    argmax = dist_f1.F1Score("macro")
    assert not caught(lambda: argmax.update_state(Y, np.stack([LOGITS, -LOGITS], 1)))
    with_nan = np.where(np.arange(40) == 3, np.nan, PROBABILITIES)
    assert not caught(lambda: MAKE[kind](from_logits=True).update_state(Y, with_nan))


@pytest.mark.parametrize("name", slow_except(["none", "mirrored_3"], "none"))
@pytest.mark.parametrize(
    ("activation", "from_logits", "number"),
    [(None, False, 1), ("sigmoid", True, 1), (None, True, 0), ("sigmoid", False, 0)],
)
def test_fit_shows_it_by_the_operations_of_the_model(name, activation, from_logits, number):
    with strategy(name).scope():
        dense = tf.keras.layers.Dense(1, activation)
        model = tf.keras.Sequential([tf.keras.Input([4]), dense])
        metric = dist_f1.F1Score("binary", threshold=0.5, from_logits=from_logits)
        model.compile("sgd", "mse", metrics=[metric])
    x = RANDOM.normal(size=(24, 4)).astype(np.float32)
    found = caught(lambda: model.fit(x, Y[:24], batch_size=6, epochs=2, verbose=0))
    assert len(found) == number
