"""Custom training loops: `update_state` in `strategy.run`, `result()` anywhere."""

import numpy as np
import pytest
import sklearn.metrics
import tensorflow as tf
from helpers import STRATEGIES, strategy
from tiers import slow

import dist_f1


@pytest.mark.parametrize(
    ("name", "made_in_scope"),
    [
        *(("mirrored_2", True) if x == "mirrored_2" else slow(x, True) for x in STRATEGIES),
        slow("central_3", False),
        slow("mirrored_3", False),
    ],
)
def test_a_training_loop_reads_the_global_score_inside_and_outside_of_its_step(name, made_in_scope):
    chosen = strategy(name)
    random = np.random.default_rng(0)
    x = random.normal(size=(70, 4)).astype(np.float32)
    y = np.sort(random.integers(0, 3, 70))
    with chosen.scope():
        layer = tf.keras.layers.Dense(3)
        layer.build([None, 4])
        optimizer = tf.keras.optimizers.Adam(0.1)
        optimizer.build(layer.trainable_variables)
    if made_in_scope:
        with chosen.scope():
            metric = dist_f1.F1Score("macro", dtype="float64")
    else:
        metric = dist_f1.F1Score("macro", dtype="float64")

    @tf.function
    def train_step(batch):
        def replica(x, y):
            with tf.GradientTape() as tape:
                logits = layer(x)
                loss = tf.reduce_sum(
                    tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=logits)
                )
                metric.update_state(y, logits)
            grads = tape.gradient(loss, layer.trainable_variables)
            optimizer.apply_gradients(zip(grads, layer.trainable_variables, strict=True))
            return logits, y, metric.result()

        return chosen.run(replica, batch)

    data = tf.data.Dataset.from_tensor_slices((x, y)).batch(16)
    for _ in range(2):
        metric.reset_state()
        y_true, y_pred = [], []
        for batch in chosen.experimental_distribute_dataset(data):
            logits, labels, values = (
                chosen.experimental_local_results(out) for out in train_step(batch)
            )
            y_true.extend(np.concatenate(labels))
            y_pred.extend(np.concatenate(logits).argmax(-1))
            expected = sklearn.metrics.f1_score(y_true, y_pred, average="macro")
            for value in [*values, metric.result()]:
                assert float(value) == pytest.approx(expected, abs=1e-12)
        assert len(y_true) == 70


@pytest.mark.parametrize("policy", ["mixed_bfloat16", "mixed_float16"])
def test_scores_of_mixed_precision_layers_are_exact(policy):
    tf.keras.mixed_precision.set_global_policy(policy)
    try:
        layer = tf.keras.layers.Dense(3)
        metric = dist_f1.F1Score("macro")
        x = np.random.default_rng(0).normal(size=(20, 4)).astype(np.float32)
        logits = layer(x)
        assert logits.dtype in (tf.bfloat16, tf.float16)
        y = np.arange(20) % 3
        metric.update_state(y, logits)
        decided = tf.cast(logits, tf.float32).numpy().argmax(-1)
        assert float(metric.result()) == pytest.approx(
            sklearn.metrics.f1_score(y, decided, average="macro"), abs=1e-6
        )
        assert metric.result().dtype == tf.float32
    finally:
        tf.keras.mixed_precision.set_global_policy("float32")
