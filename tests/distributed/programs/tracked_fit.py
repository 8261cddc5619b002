"""`fit` with a callback for each tracker, in a worker process."""

import os
import pathlib

import numpy as np
import tensorflow as tf
from worker_steps import to_lists

import dist_f1
from dist_f1 import callbacks
from dist_f1.compat.keras3 import repair_fit

NAMES = ["cat", "dog", "fox"]


def fit(strategy, directory, *packages):
    """Train with the callbacks of these packages; return the history and the validation counts."""
    if hasattr(tf.keras, "ops"):
        repair_fit()
    # Each worker has its own working directory, where a tracker would write by default.
    index = strategy.cluster_resolver.task_id
    own = pathlib.Path(directory, f"worker_{index}")
    own.mkdir()
    os.chdir(own)
    random = np.random.default_rng(0)
    x, y = random.normal(size=(42, 4)).astype("float32"), random.integers(0, 3, 42)
    with strategy.scope():
        tf.keras.utils.set_random_seed(1)
        model = tf.keras.Sequential([tf.keras.Input([4]), tf.keras.layers.Dense(3)])
        scores = dist_f1.Scores(["f1_macro"], confusion=True, class_names=NAMES)
        sweep = dist_f1.ThresholdSweep(10, from_logits=True, class_names=NAMES)
        loss = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        model.compile(tf.keras.optimizers.SGD(0.1), loss, metrics=[scores, sweep])
    hparams = {"rate": 0.1}
    trackers = [callbacks.TensorBoardScores("tensorboard", hparams=hparams)]
    if "wandb" in packages:
        trackers.append(callbacks.WandbScores({"project": "test"}, hparams=hparams))
    if "mlflow" in packages:
        import mlflow

        mlflow.set_tracking_uri("sqlite:///mlflow.db")
        trackers.append(callbacks.MLflowScores(hparams=hparams))
    history = model.fit(
        x,
        y,
        batch_size=14,
        epochs=2,
        verbose=0,
        validation_data=(x[:21], y[:21]),
        callbacks=trackers,
    ).history
    if "wandb" in packages:
        import wandb

        # The file is complete when the process of W&B has ended.
        wandb.teardown()
    return {"history": to_lists(history), "total": int(scores.counts().total)}
