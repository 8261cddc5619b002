"""Metrics in every context that TensorFlow and Keras call them in."""

import numpy as np
import pytest
import tensorflow as tf
from helpers import mirrored, per_replica, strategy
from sklearn.metrics import f1_score

import dist_f1
from dist_f1 import count_collectives

CLASSES = 3
LEGACY = not hasattr(tf.keras, "ops")


def data(rows=42, seed=0):
    """Rows sorted by class, on which the mean of the replicas' scores is far off."""
    random = np.random.default_rng(seed)
    x = random.normal(size=(rows, CLASSES)).astype("float32")
    return x, np.sort(random.integers(0, CLASSES, rows))


def model_of(chosen, metrics, **options):
    """Predicts the largest of its inputs, since its rate of learning is 0."""
    with chosen.scope():
        model = tf.keras.Sequential(
            [tf.keras.layers.Dense(CLASSES, "softmax", True, "identity", name="outputs")]
        )
        model.compile(
            tf.keras.optimizers.SGD(0.0),
            "sparse_categorical_crossentropy",
            metrics=metrics,
            **options,
        )
    return model


class Logs(tf.keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.values = []

    def on_test_batch_end(self, batch, logs=None):
        self.values.append(float(logs["f1_score"]))


def truth(x, y, rows=None):
    return f1_score(y[:rows], x.argmax(-1)[:rows], average="macro")


@pytest.mark.parametrize("name", ["none", "one_device", "central_3", "mirrored_1", "mirrored_3"])
@pytest.mark.parametrize("steps", [1, 3, 7])
@pytest.mark.parametrize("sync", ["step", "epoch"])
def test_evaluate_with_several_steps_per_execution(name, steps, sync):
    chosen, (x, y), logs = strategy(name), data(), Logs()
    with chosen.scope():
        metric = dist_f1.F1Score("macro", name="f1_score", sync=sync)
    model = model_of(chosen, [metric], steps_per_execution=steps)
    out = model.evaluate(x, y, batch_size=6, verbose=0, callbacks=[logs], return_dict=True)
    assert out["f1_score"] == pytest.approx(truth(x, y), abs=1e-6)
    assert metric.counts().total == len(y)
    if sync == "step":
        seen = [min(6 * steps * (i + 1), len(y)) for i in range(len(logs.values))]
        assert seen[-1] == len(y)
        assert logs.values == pytest.approx([truth(x, y, rows) for rows in seen], abs=1e-6)


@pytest.mark.parametrize("name", ["none", "one_device", "mirrored_1"])
def test_jit_compile_in_keras_with_one_replica(name):
    chosen, (x, y) = strategy(name), data()
    with chosen.scope():
        metric = dist_f1.F1Score("macro", num_classes=CLASSES)
    model = model_of(chosen, [metric], jit_compile=True)
    model.fit(x, y, batch_size=6, verbose=0)
    assert metric.counts().total == len(y)
    out = model.evaluate(x, y, batch_size=6, verbose=0, return_dict=True)
    assert out["f1_score"] == pytest.approx(truth(x, y), abs=1e-6)


@pytest.mark.parametrize("name", ["none", "one_device", "mirrored_1"])
@pytest.mark.parametrize("where", ["inside", "outside"])
def test_jit_compile_in_a_custom_loop_with_one_replica(name, where):
    chosen, (x, y) = strategy(name), data()
    with chosen.scope():
        metric = dist_f1.F1Score("macro", num_classes=CLASSES)
        metric.update_state(y[:1], x[:1])
        metric.reset_state()

    def replica(y_true, y_pred):
        metric.update_state(y_true, y_pred)
        return metric.result()

    if where == "inside":
        compiled = tf.function(replica, jit_compile=True)
        value = chosen.run(lambda *columns: compiled(*columns), (tf.constant(y), tf.constant(x)))
    else:
        step = tf.function(lambda *columns: chosen.run(replica, columns), jit_compile=True)
        value = step(tf.constant(y), tf.constant(x))
    assert float(value) == pytest.approx(truth(x, y), abs=1e-6)


@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
@pytest.mark.parametrize("name", ["none", "mirrored_3"])
def test_mixed_precision(policy, name):
    chosen, (x, y) = strategy(name), data()
    # Few bits tie; every row keeps a clear winner.
    x = x + 4 * np.eye(CLASSES, dtype="float32")[x.argmax(-1)]
    tf.keras.mixed_precision.set_global_policy(policy)
    try:
        with chosen.scope():
            metric = dist_f1.F1Score("macro", dtype="float32")
        model = model_of(chosen, [metric])
        if name == "none":
            # On several replicas, Keras 3 scales a loss in float16 until the weights are NaN.
            model.fit(x, y, batch_size=6, verbose=0)
        model.evaluate(x, y, batch_size=6, verbose=0)
        assert model.get_layer("outputs").compute_dtype == policy.removeprefix("mixed_")
        assert metric.counts().total == len(y)
        assert metric.result().dtype == tf.float32
        assert float(metric.result()) == pytest.approx(truth(x, y), abs=1e-6)
    finally:
        tf.keras.mixed_precision.set_global_policy("float32")


@pytest.mark.parametrize("name", ["none", "mirrored_3", "central_3"])
def test_gradients_are_those_of_the_loss_with_the_metric_inside_of_the_tape(name):
    chosen = strategy(name)
    with chosen.scope():
        metric = dist_f1.F1Score("macro", num_classes=CLASSES)
        weight = tf.Variable(2.0)

    def replica(x, y):
        with tf.GradientTape() as tape:
            scores = weight * x
            metric.update_state(y, scores)
            loss = tf.reduce_sum(scores) + 0.0 * metric.result()
        return tape.gradient(loss, weight)

    x, y = data(9)
    step = tf.function(lambda: chosen.run(replica, (tf.constant(x), tf.constant(y))))
    for gradient in chosen.experimental_local_results(step()):
        assert float(gradient) == pytest.approx(x.sum(), rel=1e-5)
    assert metric.counts().total == 9 * chosen.num_replicas_in_sync


@pytest.mark.parametrize("name", ["none", "one_device", "central_3", "mirrored_1", "mirrored_3"])
def test_updates_inside_of_a_loop_and_a_branch_of_a_replica(name):
    chosen = strategy(name)
    with chosen.scope():
        metric = dist_f1.F1Score("micro", num_classes=2, sync="epoch")

    def update(label):
        metric.update_state(tf.fill([1], label), tf.constant([[0.0, 1.0]]))
        return metric.result()

    def replica():
        def body(turn, _):
            return turn + 1, update(turn % 2)

        tf.while_loop(lambda turn, _: turn < 4, body, [0, 0.0])
        return tf.cond(tf.random.uniform([]) < 2.0, lambda: update(1), lambda: 0.0)

    step = tf.function(lambda: chosen.run(replica))
    values = chosen.experimental_local_results(step())
    # Each replica's own: 5 rows, 3 of them right.
    assert [float(value) for value in values] == pytest.approx([0.6] * len(values))
    counts = metric.counts().numpy()
    replicas = chosen.num_replicas_in_sync
    assert counts.total == 5 * replicas
    assert counts.true_positive.tolist() == [0, 3 * replicas]


def test_a_global_read_in_a_branch_of_a_replica_is_an_error_and_not_a_hang():
    """One replica might take the branch and another not: they would wait for ever."""
    chosen = mirrored(2)
    with chosen.scope():
        metric = dist_f1.F1Score("micro", num_classes=2)
        metric.update_state([0], [[0.0, 1.0]])

    def replica():
        return tf.cond(tf.random.uniform([]) < 0.5, metric.result, lambda: 0.0)

    with pytest.raises(RuntimeError, match="control flow"):
        tf.function(lambda: chosen.run(replica))()


@pytest.mark.parametrize("name", ["none", "one_device", "mirrored_1"])
def test_a_global_read_in_a_branch_of_the_only_replica(name):
    chosen = strategy(name)
    with chosen.scope():
        metric = dist_f1.F1Score("micro", num_classes=2)
        metric.update_state([0, 1], [[0.0, 1.0]] * 2)

    def replica():
        return tf.cond(tf.random.uniform([]) < 2.0, metric.result, lambda: 0.0)

    assert float(tf.function(lambda: chosen.run(replica))()) == 0.5


def _called_in_branch(chosen, replica):
    """A compiled function is called from a branch of a loop, as Keras calls its steps."""

    @tf.function
    def steps(columns):
        step = tf.function(lambda: chosen.experimental_local_results(chosen.run(replica, columns)))

        def body(turn, _):
            return turn + 1, tf.cond(turn >= 0, lambda: step()[-1], lambda: 0.0)

        return tf.while_loop(lambda turn, _: turn < 3, body, [0, 0.0])[1]

    return steps


@pytest.mark.parametrize("name", ["none", "central_3", "mirrored_2", "mirrored_8"])
@pytest.mark.parametrize("sync", ["step", "epoch"])
def test_a_read_in_a_loop_is_one_collective_a_turn_or_none(name, sync):
    chosen = strategy(name)
    with chosen.scope():
        metric = dist_f1.F1Score("micro", num_classes=2, sync=sync)

    def replica(y_true, y_pred):
        metric.update_state(y_true, y_pred)
        return metric.result()

    replicas = chosen.num_replicas_in_sync
    shards = [np.array([i % 2, 1], np.int64) for i in range(replicas)]
    columns = [per_replica(chosen, values) for values in (shards, [s * 0 + 1 for s in shards])]
    steps = _called_in_branch(chosen, replica)
    assert count_collectives(steps, columns) == int(sync == "step" and replicas > 1)
    right = [(i % 2) + 1 for i in range(replicas)]
    expected = sum(right) / (2 * replicas) if sync == "step" else right[-1] / 2
    assert float(steps(columns)) == pytest.approx(expected)
    assert metric.counts().total == 3 * 2 * replicas


def test_reads_in_the_middle_of_an_epoch_change_nothing():
    chosen = mirrored(3)
    with chosen.scope():
        metric = dist_f1.F1Score("macro", num_classes=CLASSES)
    x, y = data()

    def replica(y_true, y_pred):
        metric.update_state(y_true, y_pred)

    @tf.function
    def step(*columns):
        chosen.run(replica, columns)

    for start in range(0, len(y), 6):
        rows = slice(start, start + 6)
        cuts = [np.array_split(column[rows], 3) for column in (y, x)]
        step(*(per_replica(chosen, shards) for shards in cuts))
        seen = start + 6
        assert metric.counts().total == seen
        assert float(metric.result()) == pytest.approx(truth(x, y, seen), abs=1e-6)
        assert metric.report(output_dict=True)["macro avg"]["support"] == seen


@pytest.mark.parametrize("name", ["none", "mirrored_3", "central_3"])
def test_calling_a_metric_counts_once(name):
    chosen = strategy(name)
    with chosen.scope():
        metric = dist_f1.F1Score("micro", num_classes=2)
        assert float(metric([0, 1], np.array([0, 0]))) == 0.5
    assert metric.counts().total == 2
    chosen.run(metric, (tf.constant([0, 1]), tf.constant([0, 0])))
    assert metric.counts().total == 2 + 2 * chosen.num_replicas_in_sync


def test_a_metric_of_one_strategy_is_refused_in_a_replica_of_another():
    with strategy("central_3").scope():
        metric = dist_f1.F1Score("micro", num_classes=2)
    strategy("central_3").run(
        lambda: metric.update_state(tf.constant([0]), tf.constant([0])) and None
    )
    for name in ("one_device", "mirrored_2"):
        with pytest.raises(ValueError, match=r"CentralStorageStrategy.*another strategy"):
            strategy(name).run(lambda: metric.counts().total)
    assert metric.counts().total == 3
