"""Keras `fit` and `evaluate`: every log is the score of all samples of all replicas so far."""

import numpy as np
import pytest
import sklearn.metrics
import tensorflow as tf
from helpers import strategy
from tiers import slow_except

import dist_f1

CLASSES = 3


def sorted_data(rows=90):
    """Return rows sorted by class, so the replicas get different classes in every batch."""
    random = np.random.default_rng(3)
    y = np.sort(random.integers(0, CLASSES, rows))
    x = random.normal(size=(rows, 4)).astype(np.float32)
    x[np.arange(rows), y] += 1.0
    return x, y


def model(*metrics, units=CLASSES, weighted_metrics=None, **arguments):
    network = tf.keras.Sequential([tf.keras.Input([4]), tf.keras.layers.Dense(units)])
    loss = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    arguments.setdefault("loss", loss)
    network.compile(
        optimizer=tf.keras.optimizers.SGD(0.5),
        metrics=list(metrics),
        weighted_metrics=weighted_metrics,
        **arguments,
    )
    return network


class Logs(tf.keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.train, self.test = [], []

    def on_train_batch_end(self, batch, logs=None):
        self.train.append(dict(logs))

    def on_test_batch_end(self, batch, logs=None):
        self.test.append(dict(logs))


class Recorder(tf.keras.metrics.Metric):
    """Records the batches of all replicas for scikit-learn."""

    def __init__(self, **arguments):
        super().__init__(name="recorder", **arguments)
        self.batches = []

    def update_state(self, y_true, y_pred, sample_weight=None):
        def record(*batch):
            self.batches.append(batch)
            return np.int64(0)

        tf.numpy_function(record, [y_true, y_pred], tf.int64)

    def result(self):
        return tf.constant(0.0)

    def reset_state(self):
        pass

    def __deepcopy__(self, memo):
        return self


def macro_f1(y_true, y_pred):
    return sklearn.metrics.f1_score(np.ravel(y_true), np.argmax(y_pred, -1), average="macro")


@pytest.mark.parametrize(
    "name",
    slow_except(["one_device", "mirrored_2", "mirrored_4"], "mirrored_2"),
)
def test_every_batch_log_of_fit_and_evaluate_is_the_f1_of_all_samples_so_far(name):
    x, y = sorted_data(90)
    chosen, logs, recorder = strategy(name), Logs(), Recorder()
    with chosen.scope():
        network = model(dist_f1.F1Score("macro"), recorder, jit_compile=False)
    batch = 12  # The last batch has 6 rows, so some replicas are empty.
    history = network.fit(x, y, batch, epochs=2, shuffle=False, verbose=0, callbacks=[logs])
    assert len(logs.train) == 16
    seen = iter(recorder.batches)
    for epoch in range(2):
        y_true, y_pred = [], []
        for step in range(8):
            rows = 0
            while rows < min(batch, 90 - step * batch):
                labels, outputs = next(seen)
                rows += len(labels)
                y_true.extend(labels)
                y_pred.extend(outputs)
            log = logs.train[8 * epoch + step]["f1_score"]
            assert log == pytest.approx(macro_f1(y_true, y_pred), abs=1e-6)
        assert len(y_true) == 90
        assert history.history["f1_score"][epoch] == pytest.approx(
            macro_f1(y_true, y_pred), abs=1e-6
        )

    value = network.evaluate(x, y, batch, verbose=0, callbacks=[logs], return_dict=True)
    outputs = network.predict(x, batch, verbose=0)
    for step, log in enumerate(logs.test):
        stop = min(90, (step + 1) * batch)
        assert log["f1_score"] == pytest.approx(macro_f1(y[:stop], outputs[:stop]), abs=1e-6)
    assert value["f1_score"] == pytest.approx(macro_f1(y, outputs), abs=1e-6)


@pytest.mark.parametrize("name", slow_except(["none", "mirrored_4"], "none"))
def test_validation_during_fit_and_every_shape_and_dtype_of_labels(name):
    x, y = sorted_data(50)
    with strategy(name).scope():
        network = model(dist_f1.F1Score("macro"), dist_f1.Recall("micro"))
    history = network.fit(
        tf.data.Dataset.from_tensor_slices((x, y[:, np.newaxis])).batch(16),
        validation_data=(x, y.astype(np.float64)),
        epochs=2,
        verbose=0,
    ).history
    outputs = network.predict(x, verbose=0)
    assert history["val_f1_score"][-1] == pytest.approx(macro_f1(y, outputs), abs=1e-6)
    assert history["val_recall"][-1] == pytest.approx(np.mean(outputs.argmax(-1) == y), abs=1e-6)


@pytest.mark.parametrize("name", slow_except(["none", "mirrored_4"], "none"))
def test_weighted_metrics_get_the_weights_and_metrics_do_not(name):
    x, y = sorted_data(50)
    weight = np.random.default_rng(0).random(50).astype(np.float32)
    plain, heavy = dist_f1.F1Score("macro", name="plain"), dist_f1.F1Score("macro", name="heavy")
    with strategy(name).scope():
        network = model(plain, weighted_metrics=[heavy])
    logs = network.evaluate(x, y, sample_weight=weight, verbose=0, return_dict=True)
    decided = network.predict(x, verbose=0).argmax(-1)
    assert logs["plain"] == pytest.approx(
        sklearn.metrics.f1_score(y, decided, average="macro"), abs=1e-6
    )
    assert logs["heavy"] == pytest.approx(
        sklearn.metrics.f1_score(y, decided, average="macro", sample_weight=weight), abs=1e-6
    )
    assert plain.counts().true_positive.dtype == tf.int64
    assert heavy.counts().true_positive.dtype == tf.float64


@pytest.mark.slow
def test_a_score_per_class_is_an_array_in_the_logs():
    x, y = sorted_data(50)
    with strategy("mirrored_4").scope():
        network = model(dist_f1.F1Score())
    logs = network.evaluate(x, y, verbose=0, return_dict=True)
    decided = network.predict(x, verbose=0).argmax(-1)
    np.testing.assert_allclose(
        logs["f1_score"], sklearn.metrics.f1_score(y, decided, average=None), atol=1e-6
    )


@pytest.mark.slow
def test_fit_of_a_binary_model_logs_the_f1_of_the_positive_class():
    x, y = sorted_data(50)
    y = (y == 1).astype(np.float32)
    with strategy("mirrored_4").scope():
        network = model(
            dist_f1.F1Score("binary", 0.5, from_logits=True),
            units=1,
            loss=tf.keras.losses.BinaryCrossentropy(from_logits=True),
        )
    network.fit(x, y, epochs=2, verbose=0)
    logs = network.evaluate(x, y, verbose=0, return_dict=True)
    decided = network.predict(x, verbose=0)[:, 0] > 0.0
    assert logs["f1_score"] == pytest.approx(sklearn.metrics.f1_score(y, decided), abs=1e-6)


def test_masks_of_a_token_model_are_honoured():
    tokens = np.array([[3, 1, 2, 0, 0], [1, 1, 0, 0, 0], [2, 3, 3, 1, 0]] * 5)
    network = tf.keras.Sequential(
        [
            tf.keras.layers.Embedding(4, 8, mask_zero=True),
            tf.keras.layers.Dense(3),
        ]
    )
    metric = dist_f1.F1Score("micro")
    network.compile(
        loss=tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True), metrics=[metric]
    )
    labels = np.where(tokens > 0, tokens % 3, 99)
    network.evaluate(tokens, np.minimum(labels, 2), verbose=0)
    assert metric.counts().total == np.count_nonzero(tokens)


def test_labels_out_of_range_give_nan_and_one_warning_and_keep_the_counts():
    x, y = sorted_data(50)
    y[7] = 12
    metric = dist_f1.F1Score("macro")
    with strategy("none").scope():
        network = model(metric, loss=lambda y_true, y_pred: tf.reduce_sum(y_pred**2, -1))
    with pytest.warns(UserWarning, match=r"f1_score is NaN: 1 of 50 rows were not") as caught:
        logs = network.evaluate(x, y, verbose=0, return_dict=True)
    assert np.isnan(logs["f1_score"])
    assert len([w for w in caught if "not counted" in str(w.message)]) == 1
    with pytest.raises(ValueError, match=r"1 of 50 rows were not counted.*ignore_class"):
        metric.result()
    counts = metric.counts()
    assert counts.invalid == 1
    assert counts.total == 49
