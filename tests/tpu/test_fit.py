"""`Model.fit` and `Model.evaluate` on TPU cores: their collectives and their logs."""

import numpy as np
import pytest
import sklearn.metrics
import tensorflow as tf
from helpers import tpu

import dist_f1
from dist_f1 import testing
from tpu import checks, fits
from tpu.cases import CASES


@pytest.mark.slow
@pytest.mark.parametrize(("is_multilabel", "replicas"), [(False, 8), (True, 32)])
def test_each_metric_with_sync_step_is_one_sum_and_with_sync_epoch_none(is_multilabel, replicas):
    row = checks.fit(is_multilabel, replicas)
    assert row.problems == []
    assert len(row.sums) == len(fits.cases(is_multilabel))


def test_every_metric_is_in_a_step_of_fit():
    cases = [*fits.cases(is_multilabel=False), *fits.cases(is_multilabel=True)]
    assert {case.metric for case in cases} == {case.metric for case in CASES.values()}


class BatchLogs(tf.keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.test = []

    def on_test_batch_end(self, batch, logs=None):
        self.test.append(dict(logs))


@pytest.mark.parametrize(
    ("replicas", "epochs", "steps_per_execution"),
    [(2, 0, 1), pytest.param(4, 1, 2, marks=pytest.mark.slow)],
)
def test_batch_logs_are_of_all_replicas_although_keras_shows_the_first_ones(
    replicas, epochs, steps_per_execution
):
    strategy, logs = tpu(replicas), BatchLogs()
    rng = np.random.default_rng(0)
    # The last batch is smaller, and empty on some replicas.
    batch, rows = 4 * replicas, 12 * replicas + replicas // 2
    x, y = rng.random((rows, 5), np.float32), rng.integers(0, 3, rows)
    with testing.emulated_tpu():
        with strategy.scope():
            model = tf.keras.Sequential(
                [tf.keras.Input([5]), tf.keras.layers.Dense(3, activation="softmax")]
            )
            at_epoch_end = dist_f1.F1Score("macro", name="f1_at_epoch_end", sync="epoch")
            model.compile(
                optimizer="sgd",
                loss="sparse_categorical_crossentropy",
                metrics=[
                    dist_f1.Scores(["f1_macro", "recall_macro", "accuracy"]),
                    at_epoch_end,
                ],
                steps_per_execution=steps_per_execution,
            )
        history = {}
        if epochs:
            history = model.fit(x, y, batch_size=batch, epochs=epochs, verbose=0).history
        final = model.evaluate(
            x, y, batch_size=batch, verbose=0, return_dict=True, callbacks=[logs]
        )
    assert int(at_epoch_end.counts().total) == rows
    kernel, bias = model.get_weights()
    best = (x @ kernel + bias).argmax(-1)
    assert len(history.get("f1_macro", [])) == epochs
    seen = [min(k, rows) for k in range(batch, rows + batch, batch)]
    assert len(logs.test) == -(-len(seen) // steps_per_execution)
    logged = seen[steps_per_execution - 1 :: steps_per_execution]
    for entry, count in zip(logs.test, logged, strict=True):
        assert_logged(entry, y[:count], best[:count])
    assert_logged(final, y, best)


def assert_logged(entry, y_true, y_pred):
    expected = {
        "f1_macro": sklearn.metrics.f1_score(y_true, y_pred, average="macro"),
        "recall_macro": sklearn.metrics.recall_score(y_true, y_pred, average="macro"),
        "accuracy": sklearn.metrics.accuracy_score(y_true, y_pred),
    }
    assert {name: entry[name] for name in expected} == pytest.approx(expected, abs=1e-6)
