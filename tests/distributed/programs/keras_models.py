"""Keras models on several workers."""

import numpy as np
import tensorflow as tf
from shards import CLASSES
from worker_steps import fields, to_lists

import dist_f1


def keras_fit(strategy):
    """Run `fit` and `evaluate` on rows that do not divide evenly, and record each batch log."""
    random = np.random.default_rng(0)
    x = random.normal(size=(57, CLASSES)).astype("float32")
    y = np.sort(random.integers(0, CLASSES, len(x)))

    class Logs(tf.keras.callbacks.Callback):
        def __init__(self):
            super().__init__()
            self.values = {"train": [], "test": []}

        def on_train_batch_end(self, batch, logs=None):
            self.values["train"].append(to_lists(dict(logs)))

        def on_test_batch_end(self, batch, logs=None):
            self.values["test"].append(to_lists(dict(logs)))

    out = {"labels": y.tolist(), "predicted": x.argmax(-1).tolist()}
    for reduction_method in ("auto", "first"):
        with strategy.scope():
            model = tf.keras.Sequential(
                [tf.keras.layers.Dense(CLASSES, "softmax", True, "identity", input_shape=[CLASSES])]
            )
            metrics = [dist_f1.F1Score("macro"), dist_f1.Recall("macro", sync="epoch")]
            # A learning rate of 0 keeps the predictions known; the gradients are still sent.
            model.compile(
                tf.keras.optimizers.SGD(0.0), "sparse_categorical_crossentropy", metrics=metrics
            )
        model.distribute_reduction_method = reduction_method
        logs = Logs()
        options = {"batch_size": 12, "verbose": 0, "callbacks": [logs]}
        history = model.fit(x, y, epochs=1, shuffle=False, **options)
        result = model.evaluate(x, y, return_dict=True, **options)
        out[reduction_method] = {
            **logs.values,
            "fit": to_lists({name: value[-1] for name, value in history.history.items()}),
            "evaluate": to_lists(result),
            "counts": fields(metrics[0].counts()),
        }
    return out


def callbacks(strategy, run_dir):
    """Run the callbacks, in `fit` too if this Keras supports several workers."""
    random = np.random.default_rng(0)
    x = random.normal(size=(57, CLASSES)).astype("float32")
    y = np.sort(random.integers(0, CLASSES, len(x)))
    with strategy.scope():
        model = tf.keras.Sequential(
            [tf.keras.layers.Dense(CLASSES, "softmax", True, "identity", input_shape=[CLASSES])]
        )
        model.compile(tf.keras.optimizers.SGD(0.0), "sparse_categorical_crossentropy")
    evaluation = dist_f1.callbacks.EvaluateScores(
        (x, y), ["f1_macro"], batch_size=12, confusion=True
    )
    out = {"labels": y.tolist(), "predicted": x.argmax(-1).tolist()}
    out["scores"] = evaluation.evaluate(model)
    out["counts"] = fields(evaluation.counts())
    if not hasattr(tf.keras, "ops"):
        printed = []
        report = dist_f1.callbacks.ScoreReport(evaluation, run_dir=run_dir, print_fn=printed.append)
        history = model.fit(
            x, y, batch_size=12, epochs=2, verbose=0, callbacks=[evaluation, report]
        ).history
        out["history"] = to_lists(history["val_f1_macro"])
        out["printed"] = printed
    return out
