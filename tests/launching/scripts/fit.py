"""A user's script: Keras fit in several workers, with the global F1."""

import sys

import tensorflow as tf
from sklearn import datasets

import dist_f1
import dist_f1.compat.keras3

if "--repair" in sys.argv:
    dist_f1.compat.keras3.repair_fit()

strategy = tf.distribute.MultiWorkerMirroredStrategy()
tf.keras.utils.set_random_seed(0)
x, y = datasets.load_digits(return_X_y=True)
data = tf.data.Dataset.from_tensor_slices(((x / 16.0).astype("float32"), y)).batch(100)
with strategy.scope():
    model = tf.keras.Sequential([tf.keras.layers.Dense(10, input_shape=[64])])
    f1 = dist_f1.F1Score("macro", name="f1")
    model.compile(
        optimizer=tf.keras.optimizers.Adam(0.01),
        loss=tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=[f1, "accuracy"],
    )
history = model.fit(data, epochs=2, verbose=0).history
for epoch, value in enumerate(history["f1"]):
    print(f"epoch {epoch}: f1 {value:.6f}", flush=True)
print(f"rows {int(f1.counts().total)}, f1 {f1.result():.6f}", flush=True)
counts = f1.counts().numpy()
print(f"integers {[x.tolist() for x in (counts.true_positive, counts.predicted, counts.actual)]}")
