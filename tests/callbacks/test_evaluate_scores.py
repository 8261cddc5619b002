"""Scores evaluated by a callback are scikit-learn's on the predictions of the model."""

import numpy as np
import pytest
import sklearn.metrics
import tensorflow as tf
from helpers import strategy
from tiers import slow

import dist_f1
from dist_f1.callbacks import EvaluateScores
from dist_f1.replicas import reduction

CLASSES = 3
IS_KERAS_3 = hasattr(tf.keras, "ops")
random = np.random.default_rng(5)
# With 61 rows in batches of 24, some replicas have fewer rows, or none, in the last batch.
X = random.normal(size=(61, 4)).astype(np.float32)
Y = random.integers(0, CLASSES, 61)
WEIGHT = random.random(61)


def model(units=CLASSES, **arguments):
    network = tf.keras.Sequential([tf.keras.layers.Dense(units, input_shape=(4,))])
    loss = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    network.compile(tf.keras.optimizers.SGD(0.5), arguments.pop("loss", loss), **arguments)
    return network


def f1(y_true, y_pred, **arguments):
    return sklearn.metrics.f1_score(y_true, y_pred, average="macro", **arguments)


class Recorder(tf.keras.callbacks.Callback):
    """Record the logs and the predictions of the model after each epoch."""

    def __init__(self):
        super().__init__()
        self.logs, self.predicted = [], []

    def on_epoch_end(self, epoch, logs=None):
        self.logs.append(dict(logs))
        self.predicted.append(self.model.predict(X, 61, verbose=0).argmax(-1))


@pytest.mark.parametrize("name", ["none", *map(slow, ("one_device", "mirrored_2", "mirrored_3"))])
def test_logs_and_history_of_fit_have_the_scores_of_all_rows(name):
    with strategy(name).scope():
        network = model(run_eagerly=name == "none")
    evaluation, seen = EvaluateScores((X, Y, WEIGHT), batch_size=24, confusion=True), Recorder()
    history = network.fit(
        X[:48], Y[:48], 24, epochs=2, verbose=0, callbacks=[evaluation, seen]
    ).history
    assert seen.predicted[0].tolist() != seen.predicted[1].tolist()
    for epoch, (logs, predicted) in enumerate(zip(seen.logs, seen.predicted, strict=True)):
        expected = {
            "val_f1_macro": f1(Y, predicted, sample_weight=WEIGHT),
            "val_accuracy": sklearn.metrics.accuracy_score(Y, predicted, sample_weight=WEIGHT),
        }
        for key, value in expected.items():
            assert logs[key] == pytest.approx(value, abs=1e-6)
            assert history[key][epoch] == logs[key]
    np.testing.assert_allclose(
        evaluation.counts().confusion,
        sklearn.metrics.confusion_matrix(Y, seen.predicted[-1], sample_weight=WEIGHT),
        rtol=1e-12,
    )


@pytest.mark.parametrize("name", ["mirrored_3", slow("none"), slow("mirrored_8")])
def test_an_evaluation_is_exact_and_costs_one_collective(name, monkeypatch):
    with strategy(name).scope():
        network = model()
    reads = []
    read_sum = reduction.read_sum
    monkeypatch.setattr(reduction, "read_sum", lambda state: reads.append(1) or read_sum(state))
    evaluation = EvaluateScores((X, Y), ["f1_macro"], batch_size=24, confusion=True)
    for _ in range(2):
        values = evaluation.evaluate(network)
        predicted = (X @ network.get_weights()[0] + network.get_weights()[1]).argmax(-1)
        assert values == {"f1_macro": pytest.approx(f1(Y, predicted), abs=1e-6)}
        confusion = evaluation.counts().confusion.numpy()
        np.testing.assert_array_equal(confusion, sklearn.metrics.confusion_matrix(Y, predicted))
        network.set_weights([-weight for weight in network.get_weights()])
    assert len(reads) == 2
    assert confusion.dtype == np.int64
    batch = next(iter(evaluation._evaluation._dataset))
    assert dist_f1.count_collectives(evaluation._evaluation.step, batch) == 0


@pytest.mark.parametrize("name", ["none", slow("mirrored_2")])
def test_every_type_of_data_gives_the_same_counts(name):
    chosen = strategy(name)
    with chosen.scope():
        network = model(run_eagerly=name == "none")
    predicted = network.predict(X, 61, verbose=0).argmax(-1)
    expected = sklearn.metrics.confusion_matrix(Y, predicted)
    data = tf.data.Dataset.from_tensor_slices((X, Y))
    one_hot = np.eye(CLASSES, dtype=np.float32)[Y]
    kinds = [
        (X, Y[:, np.newaxis], np.ones(61, bool)),
        (X.tolist(), Y.tolist()),
        (X, one_hot),
        data.batch(10),
        chosen.experimental_distribute_dataset(data.batch(24)),
        chosen.distribute_datasets_from_function(lambda context: data.batch(12)),
    ]
    for kind in kinds:
        evaluation = EvaluateScores(kind, confusion=True)
        evaluation.evaluate(network)
        np.testing.assert_array_equal(evaluation.counts().confusion, expected)
    endless = EvaluateScores(data.batch(10).repeat(), steps=7)
    endless.evaluate(network)
    assert endless.counts().total == 61


def test_binary_and_multilabel_scores_with_a_threshold():
    network = model(2, loss="mse", run_eagerly=True)
    outputs = network.predict(X, 61, verbose=0)
    targets = random.integers(0, 2, (61, 2))
    options = {"threshold": 0.5, "from_logits": True}
    several = EvaluateScores((X, targets), ["f1_macro", "f1_samples", "hamming_loss"], **options)
    values = several.evaluate(network)
    assert values == {
        "f1_macro": pytest.approx(f1(targets, outputs > 0), abs=1e-6),
        "f1_samples": pytest.approx(
            sklearn.metrics.f1_score(targets, outputs > 0, average="samples"), abs=1e-6
        ),
        "hamming_loss": pytest.approx(sklearn.metrics.hamming_loss(targets, outputs > 0), abs=1e-6),
    }
    network = model(1, loss="mse", run_eagerly=True)
    yes = network.predict(X, 61, verbose=0)[:, 0] > 0
    one = EvaluateScores((X, targets[:, 0], WEIGHT), ["f1", "recall_per_class"], **options)
    values = one.evaluate(network)
    expected = sklearn.metrics.f1_score(targets[:, 0], yes, sample_weight=WEIGHT)
    assert values["f1"] == pytest.approx(expected, abs=1e-6)
    expected = sklearn.metrics.recall_score(targets[:, 0], yes, sample_weight=WEIGHT)
    assert values["recall_1"] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("name", ["none", slow("mirrored_2")])
def test_the_mask_of_the_output_is_used(name):
    tokens = np.array([[3, 1, 2, 0, 0], [1, 1, 0, 0, 0], [2, 3, 3, 1, 0]] * 3)
    labels = tokens % 3
    with strategy(name).scope():
        network = tf.keras.Sequential(
            [
                tf.keras.layers.Embedding(4, 8, mask_zero=True),
                tf.keras.layers.TimeDistributed(tf.keras.layers.Dense(3)),
            ]
        )
        network(tokens)
    evaluation = EvaluateScores((tokens, labels), ["f1_micro"], batch_size=4)
    value = evaluation.evaluate(network)["f1_micro"]
    predicted = network.predict(tokens, verbose=0).argmax(-1)
    kept = tokens > 0
    assert evaluation.counts().total == kept.sum()
    assert value == pytest.approx(np.mean((predicted == labels)[kept]), abs=1e-6)


def test_groups_are_a_function_of_the_batch():
    network = model(run_eagerly=True)
    evaluation = EvaluateScores(
        (X, Y),
        ["f1_macro_gap", "f1_macro_by_group"],
        num_groups=2,
        by=lambda x, y: tf.cast(x[:, 0] > 0, tf.int32),
    )
    values = evaluation.evaluate(network)
    predicted, group = network.predict(X, 61, verbose=0).argmax(-1), X[:, 0] > 0
    expected = [f1(Y[group == g], predicted[group == g]) for g in (False, True)]
    assert values["f1_macro_group_0"] == pytest.approx(expected[0], abs=1e-6)
    assert values["f1_macro_group_1"] == pytest.approx(expected[1], abs=1e-6)
    assert values["f1_macro_gap"] == pytest.approx(abs(expected[0] - expected[1]), abs=1e-6)
    assert evaluation.counts_by_group().total.numpy().tolist() == [61 - group.sum(), group.sum()]
    assert evaluation.counts().total == 61


def test_scores_every_second_epoch_replace_logs_of_the_same_name(capsys):
    network = model(metrics=[dist_f1.Accuracy()], run_eagerly=True)
    evaluation = EvaluateScores(
        (X, Y), ["accuracy", "f1_macro"], prefix="", every=2, batch_size=61, verbose=1
    )
    seen = Recorder()
    history = network.fit(X[:20], Y[:20], epochs=4, verbose=0, callbacks=[evaluation, seen]).history
    assert len(history["f1_macro"]) == 2
    assert len(history["accuracy"]) == 4
    # In evaluated epochs, the scores replace Keras's values of the same name.
    for epoch in (1, 3):
        expected = np.mean(seen.predicted[epoch] == Y)
        assert history["accuracy"][epoch] == pytest.approx(expected, abs=1e-6)
    lines = [line for line in capsys.readouterr().out.splitlines() if "f1_macro" in line]
    assert [line.split(":")[0] for line in lines] == ["Epoch 2", "Epoch 4"]


def test_one_callback_evaluates_several_models_under_their_own_strategies():
    evaluation = EvaluateScores((X, Y), ["accuracy"])
    for name in ("none", "one_device"):
        with strategy(name).scope():
            network = model(run_eagerly=True)
        predicted = network.predict(X, 61, verbose=0).argmax(-1)
        assert evaluation.evaluate(network)["accuracy"] == pytest.approx(np.mean(predicted == Y))


def test_mixed_precision_and_eager_models():
    tf.keras.mixed_precision.set_global_policy("mixed_bfloat16")
    try:
        network = model(run_eagerly=True)
    finally:
        tf.keras.mixed_precision.set_global_policy("float32")
    evaluation = EvaluateScores((X, Y), ["accuracy"])
    # As in argmax, a tie of rounded scores goes to the lowest class.
    predicted = network.predict(X, 61, verbose=0).astype(np.float32).argmax(-1)
    assert evaluation.evaluate(network)["accuracy"] == pytest.approx(np.mean(predicted == Y))
    assert not hasattr(evaluation._evaluation.step, "get_concrete_function")


def test_invalid_labels_give_nan_in_fit_and_raise_elsewhere():
    labels = Y.copy()
    labels[7] = 12
    evaluation = EvaluateScores((X, labels))
    network = model()
    with pytest.warns(UserWarning, match=r"scores is NaN: 1 of 61 rows"):
        history = network.fit(X, Y, verbose=0, epochs=2, callbacks=[evaluation]).history
    assert np.isnan(history["val_f1_macro"]).tolist() == [True, True]
    with pytest.raises(ValueError, match=r"1 of 61 rows were not counted.*ignore_class"):
        evaluation.evaluate(network)
    assert evaluation.counts().total == 60


def test_other_types_of_data_raise_with_a_remedy():
    data = tf.data.Dataset.from_tensor_slices(X)
    wrong = {
        "is a list": [X, Y],
        "is a ndarray": X,
        "a tuple of 1": (X,),
        "contains 3 instead of an array": (X, 3),
        "yields TensorSpec": data.batch(3),
        "yields dict": data.map(lambda x: {"x": x}).batch(3),
        r"different numbers of rows, 60 and 61": (X, Y[:60]),
        "is infinite": tf.data.Dataset.zip((data, data)).batch(3).repeat(),
    }
    for message, kind in wrong.items():
        with pytest.raises(ValueError, match=message):
            EvaluateScores(kind)
    with pytest.raises(ValueError, match="batch_size=3 was passed with a dataset"):
        EvaluateScores(tf.data.Dataset.zip((data, data)).batch(3), batch_size=3)
    with pytest.raises(ValueError, match="every must be"):
        EvaluateScores((X, Y), every=0)
    with pytest.raises(ValueError, match="by and num_groups"):
        EvaluateScores((X, Y), num_groups=2)
    with pytest.raises(ValueError, match="is not a score"):
        EvaluateScores((X, Y), ["f1_marco"])
    with pytest.raises(TypeError, match="Unknown argument digits"):
        EvaluateScores((X, Y), digits=2)
    with pytest.raises(ValueError, match="not evaluated a model"):
        EvaluateScores((X, Y)).counts()


def test_datasets_without_batches_and_targets_of_unknown_outputs_raise():
    nothing = tf.data.Dataset.from_tensor_slices((X, Y)).batch(3).take(0)
    with pytest.raises(ValueError, match="has no batches"):
        EvaluateScores(nothing).evaluate(model())
    inputs = tf.keras.Input([4])
    two = tf.keras.Model(inputs, [tf.keras.layers.Dense(3)(inputs) for _ in range(2)])
    with pytest.raises(ValueError, match=r"has the outputs .*, but the dataset has 1 target"):
        EvaluateScores((X, Y)).evaluate(two)


def test_a_callback_before_its_scores_raises():
    stopping = tf.keras.callbacks.EarlyStopping("val_f1_macro")
    with pytest.raises(ValueError, match="EarlyStopping monitors val_f1_macro, but comes before"):
        model().fit(X, Y, verbose=0, callbacks=[stopping, EvaluateScores((X, Y))])


def test_the_best_checkpoint_is_never_of_an_epoch_without_evaluation(tmp_path):
    path = str(tmp_path / "best.weights.h5")
    checkpoint = tf.keras.callbacks.ModelCheckpoint(
        path, "val_f1_macro", save_best_only=True, save_weights_only=True
    )
    callbacks = [EvaluateScores((X, Y), every=2), checkpoint]
    if IS_KERAS_3:
        with pytest.raises(ValueError, match="Pass every=1"):
            model().fit(X, Y, epochs=2, verbose=0, callbacks=callbacks)
        assert not (tmp_path / "best.weights.h5").exists()
    else:
        with pytest.warns(UserWarning, match="waits for the highest"):
            model().fit(X, Y, epochs=1, verbose=0, callbacks=callbacks)
        assert not (tmp_path / "best.weights.h5").exists()
