"""`fit`, `evaluate` and `predict` of Keras 3 on several workers, repaired."""

import json
import os

import numpy as np
import tensorflow as tf
from worker_steps import to_lists

import dist_f1
from dist_f1.compat.keras3 import repair_fit

CLASSES = 3


def data(rows):
    """Images whose classes can be learned, sorted by class."""
    random = np.random.default_rng(0)
    y = np.sort(random.integers(0, CLASSES, rows))
    x = random.normal(size=(rows, 6, 6, 1)) + y[:, np.newaxis, np.newaxis, np.newaxis]
    return x.astype("float32"), y


def network(kind):
    """A small model without randomness in its steps, or a CNN with batch normalization."""
    layers = tf.keras.layers
    tf.keras.utils.set_random_seed(1)
    if kind == "mlp":
        body = [layers.Flatten(), layers.Dense(8, "relu")]
    else:
        body = [
            layers.Conv2D(4, 3, activation="relu"),
            layers.BatchNormalization(synchronized=True),
            layers.Flatten(),
        ]
        if kind == "dropout":
            body.append(layers.Dropout(0.2))
    return tf.keras.Sequential([tf.keras.Input([6, 6, 1]), *body, layers.Dense(CLASSES, "softmax")])


class Record(tf.keras.callbacks.Callback):
    """The logs of all batches."""

    def __init__(self):
        super().__init__()
        self.train, self.test = [], []

    def on_train_batch_end(self, batch, logs=None):
        self.train.append(to_lists(dict(logs)))

    def on_test_batch_end(self, batch, logs=None):
        self.test.append(to_lists(dict(logs)))


def fits(strategy, cases):
    """Return the results of `fit` for each of a JSON list of options."""
    return [fit(strategy, json.dumps(options)) for options in json.loads(cases)]


def fit(strategy, options):
    """Train, evaluate and predict; `options` is JSON, see the tests."""
    options = json.loads(options)
    repaired = repair_fit()
    assert repair_fit() == repaired
    x, y = data(options["rows"])
    held_out = data(options.get("validation_rows", options["rows"]))
    with strategy.scope():
        model = network(options["kind"])
        metrics = [
            dist_f1.F1Score("macro"),
            dist_f1.Scores(["recall_macro", "accuracy"], sync="epoch"),
        ]
        model.compile(
            tf.keras.optimizers.SGD(0.05),
            "sparse_categorical_crossentropy",
            metrics=metrics,
            steps_per_execution=options.get("steps_per_execution", 1),
        )
    record = Record()
    callbacks = [record]
    if options.get("callbacks"):
        keras = tf.keras.callbacks
        callbacks += [
            keras.EarlyStopping("val_f1_score", patience=2, mode="max"),
            keras.ReduceLROnPlateau("val_f1_score", mode="max", factor=0.5, patience=1),
        ]
    if "directory" in options:
        index = json.loads(os.environ.get("TF_CONFIG", '{"task": {"index": 0}}'))["task"]["index"]
        path = os.path.join(options["directory"], str(index))
        callbacks.append(tf.keras.callbacks.BackupAndRestore(path))
        best = os.path.join(options["directory"], f"best_{index}.weights.h5")
        callbacks.append(
            tf.keras.callbacks.ModelCheckpoint(
                best, "val_f1_score", save_best_only=True, save_weights_only=True, mode="max"
            )
        )
    if options.get("die_in_epoch") is not None:

        def die(epoch, logs=None):
            if epoch == options["die_in_epoch"]:
                os._exit(7)

        callbacks.append(tf.keras.callbacks.LambdaCallback(on_epoch_begin=die))
    weighting = {}
    if options.get("class_weight"):
        weighting["class_weight"] = {0: 1.0, 1: 2.0, 2: 0.5}
    if options.get("sample_weight"):
        weighting["sample_weight"] = np.linspace(0.5, 1.5, len(x))
    history = model.fit(
        x,
        y,
        batch_size=options["batch_size"],
        epochs=options.get("epochs", 2),
        shuffle=False,
        verbose=0,
        validation_data=held_out,
        validation_batch_size=options["batch_size"],
        callbacks=callbacks,
        **weighting,
    )
    evaluated = model.evaluate(
        *held_out, batch_size=options["batch_size"], verbose=0, return_dict=True
    )
    predictions = model.predict(held_out[0], batch_size=options["batch_size"], verbose=0)
    return {
        "history": to_lists(history.history),
        "train": record.train,
        "test": record.test,
        "evaluate": to_lists(evaluated),
        "counts": int(metrics[0].counts().total),
        "predicted": np.asarray(predictions).argmax(-1).tolist(),
        "labels": held_out[1].tolist(),
        "weights": [np.asarray(w).ravel().tolist() for w in model.get_weights()],
        "learning_rate": float(model.optimizer.learning_rate.numpy()),
    }
