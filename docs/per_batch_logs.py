"""Print the F1 that `model.evaluate` logs after each batch on four replicas.

The columns compare the metrics of Keras and dist_f1 with scikit-learn on all samples so far. The
data is sorted by class, so replicas see different classes.

    python docs/per_batch_logs.py
"""

import numpy as np
import sklearn.metrics
import tensorflow as tf

import dist_f1

REPLICAS, CLASSES, ROWS, BATCH = 4, 5, 600, 100


class Logs(tf.keras.callbacks.Callback):
    """Store the logs of each batch."""

    def __init__(self) -> None:
        super().__init__()
        self.batches: list[dict[str, float]] = []

    def on_test_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Copy the logs."""
        self.batches.append(dict(logs or {}))


def main() -> None:
    """Evaluate one untrained model with both metrics."""
    tf.config.set_logical_device_configuration(
        tf.config.list_physical_devices("CPU")[0],
        [tf.config.LogicalDeviceConfiguration()] * REPLICAS,
    )
    tf.keras.utils.set_random_seed(0)
    random = np.random.default_rng(0)
    labels = np.sort(random.integers(0, CLASSES, ROWS))
    features = random.normal(size=(ROWS, CLASSES)).astype(np.float32)
    features[np.arange(ROWS), labels] += 1.5

    with tf.distribute.MirroredStrategy([f"CPU:{i}" for i in range(REPLICAS)]).scope():
        model = tf.keras.Sequential([tf.keras.Input([CLASSES]), tf.keras.layers.Softmax()])
        model.compile(
            loss="categorical_crossentropy",
            metrics=[
                tf.keras.metrics.F1Score("macro", name="keras"),
                dist_f1.F1Score("macro", name="dist_f1"),
            ],
        )
    logs = Logs()
    model.evaluate(features, np.eye(CLASSES)[labels], BATCH, verbose=0, callbacks=[logs])

    predicted = features.argmax(axis=-1)
    print(f"{'samples':>7}  {'keras':>6}  {'dist_f1':>7}  {'scikit-learn':>12}")
    for batch, log in enumerate(logs.batches):
        stop = min(ROWS, (batch + 1) * BATCH)
        expected = sklearn.metrics.f1_score(labels[:stop], predicted[:stop], average="macro")
        print(f"{stop:>7}  {log['keras']:>6.4f}  {log['dist_f1']:>7.4f}  {expected:>12.4f}")


if __name__ == "__main__":
    main()
