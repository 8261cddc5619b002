"""What `Model.fit` and `Model.evaluate` become on the cores of a TPU, and what they log."""

import numpy as np
import pytest
import sklearn.metrics
import tensorflow as tf
from helpers import tpu

import dist_f1
from dist_f1 import testing
from tpu import checks, fits, tables
from tpu.cases import CASES


@pytest.mark.parametrize(
    ("kind", "replicas"), [(kind, n) for kind in tables.KINDS for n in checks.REPLICAS]
)
def test_each_metric_with_sync_step_is_one_sum_and_those_with_epoch_are_none(kind, replicas):
    row = checks.fit(kind, replicas)
    assert row.problems == []
    assert len(row.sums) == len(fits.cases(kind))


def test_all_metrics_that_take_these_rows_are_in_the_steps():
    kinds = {case.metric for kind in tables.KINDS for case in fits.cases(kind).values()}
    assert kinds == {case.metric for case in CASES.values()}


class Logs(tf.keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.test = []

    def on_test_batch_end(self, batch, logs=None):
        self.test.append(dict(logs))


@pytest.mark.parametrize("steps_per_execution", [1, 2])
def test_logs_of_each_batch_are_of_all_replicas_although_keras_takes_the_first_ones(
    steps_per_execution,
):
    strategy, replicas, logs = tpu(8), 8, Logs()
    rng = np.random.default_rng(0)
    rows = 12 * replicas + 5  # The last batch is smaller, and on some replicas empty.
    x, y = rng.random((rows, 5), np.float32), rng.integers(0, 3, rows)
    with testing.emulated_tpu():
        with strategy.scope():
            model = tf.keras.Sequential(
                [tf.keras.Input([5]), tf.keras.layers.Dense(3, activation="softmax")]
            )
            at_the_end = dist_f1.F1Score("macro", name="f1_at_the_end", sync="epoch")
            model.compile(
                optimizer="sgd",
                loss="sparse_categorical_crossentropy",
                metrics=[
                    dist_f1.F1Score("macro", name="f1"),
                    dist_f1.Scores(["recall_macro", "accuracy"]),
                    at_the_end,
                ],
                steps_per_execution=steps_per_execution,
            )
        history = model.fit(x, y, batch_size=4 * replicas, epochs=2, verbose=0).history
        totals = int(at_the_end.counts().total)
        final = model.evaluate(
            x, y, batch_size=4 * replicas, verbose=0, return_dict=True, callbacks=[logs]
        )
        best = model.predict(x, batch_size=4 * replicas, verbose=0).argmax(-1)
    assert totals == rows
    assert len(history["f1"]) == 2
    seen = [min(k, rows) for k in range(4 * replicas, rows + 4 * replicas, 4 * replicas)]
    assert len(logs.test) == -(-len(seen) // steps_per_execution)
    logged = seen[steps_per_execution - 1 :: steps_per_execution]
    for entry, upto in zip(logs.test, logged, strict=True):
        assert_logged(entry, y[:upto], best[:upto])
    assert_logged(final, y, best)


def assert_logged(entry, y_true, y_pred):
    expected = {
        "f1": sklearn.metrics.f1_score(y_true, y_pred, average="macro"),
        "recall_macro": sklearn.metrics.recall_score(y_true, y_pred, average="macro"),
        "accuracy": sklearn.metrics.accuracy_score(y_true, y_pred),
    }
    assert {name: entry[name] for name in expected} == pytest.approx(expected, abs=1e-6)
