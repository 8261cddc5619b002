"""A user's script: a custom loop in several workers, with the global F1."""

import tensorflow as tf
from sklearn import datasets

import dist_f1

strategy = tf.distribute.MultiWorkerMirroredStrategy()
x, y = datasets.load_digits(return_X_y=True)
x = (x / 16.0).astype("float32")
with strategy.scope():
    model = tf.keras.Sequential([tf.keras.Input([64]), tf.keras.layers.Dense(10)])
    optimizer = tf.keras.optimizers.Adam(0.01)
    f1 = dist_f1.F1Score("macro")
data = tf.data.Dataset.from_tensor_slices((x, y)).batch(100)


@tf.function
def step(batch):
    def replica(x, y):
        with tf.GradientTape() as tape:
            logits = model(x, training=True)
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=logits)
            loss = tf.reduce_sum(losses) / 100
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        f1.update_state(y, logits)

    strategy.run(replica, batch)


for epoch in range(2):
    f1.reset_state()
    for batch in strategy.experimental_distribute_dataset(data):
        step(batch)
    print(f"epoch {epoch}: rows {int(f1.counts().total)}, f1 {f1.result():.6f}", flush=True)
