"""Metrics in every context that TensorFlow and Keras call them in."""

import numpy as np
import pytest
import tensorflow as tf
from helpers import mirrored, per_replica, strategy
from sklearn.metrics import f1_score
from tiers import slow, slow_except
from tracing import graph_function

import dist_f1
from dist_f1 import count_collectives

CLASSES = 3
SINGLE = ("none", "one_device", "mirrored_1")
ALL = (*SINGLE, "central_3", "mirrored_3")


def data(rows=42, seed=0):
    """Return rows sorted by class. The mean of the scores of replicas would be far off."""
    random = np.random.default_rng(seed)
    x = random.normal(size=(rows, CLASSES)).astype("float32")
    return x, np.sort(random.integers(0, CLASSES, rows))


def model_of(chosen, metrics, **options):
    """Return a model that predicts its largest input, because its learning rate is 0."""
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


@pytest.mark.parametrize(
    ("name", "steps", "sync"),
    [
        ("mirrored_3", 3, "step"),
        *(slow(name, steps, sync) for name in ALL for steps, sync in [(7, "step"), (3, "epoch")]),
    ],
)
def test_evaluate_with_several_steps_per_execution_logs_the_score_of_all_rows(name, steps, sync):
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


@pytest.mark.slow
@pytest.mark.parametrize("name", SINGLE)
def test_jit_compiled_fit_of_one_replica_counts_all_rows(name):
    chosen, (x, y) = strategy(name), data()
    with chosen.scope():
        metric = dist_f1.F1Score("macro", num_classes=CLASSES)
    model = model_of(chosen, [metric], jit_compile=True)
    model.fit(x, y, batch_size=6, verbose=0)
    assert metric.counts().total == len(y)
    out = model.evaluate(x, y, batch_size=6, verbose=0, return_dict=True)
    assert out["f1_score"] == pytest.approx(truth(x, y), abs=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("name", SINGLE)
@pytest.mark.parametrize("where", ["inside", "outside"])
def test_a_jit_compiled_custom_loop_of_one_replica_reads_the_score(name, where):
    chosen, (x, y) = strategy(name), data()
    with chosen.scope():
        metric = dist_f1.F1Score("macro", num_classes=CLASSES)
        metric.update_state(y[:1], x[:1])
        metric.reset_state()

    def replica(y_true, y_pred):
        metric.update_state(y_true, y_pred)
        return metric.result()

    if where == "inside":
        compiled = graph_function(replica, jit_compile=True)
        value = chosen.run(lambda *columns: compiled(*columns), (tf.constant(y), tf.constant(x)))
    else:
        step = graph_function(lambda *columns: chosen.run(replica, columns), jit_compile=True)
        value = step(tf.constant(y), tf.constant(x))
    assert float(value) == pytest.approx(truth(x, y), abs=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
@pytest.mark.parametrize("name", ["none", "mirrored_3"])
def test_a_metric_of_a_mixed_precision_model_is_exact(policy, name):
    chosen, (x, y) = strategy(name), data()
    # Scores of few bits tie. This gives every row a clear winner.
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


@pytest.mark.parametrize("name", slow_except(["none", "mirrored_3", "central_3"], "mirrored_3"))
def test_a_metric_inside_the_gradient_tape_does_not_change_the_gradients(name):
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
    step = graph_function(lambda: chosen.run(replica, (tf.constant(x), tf.constant(y))))
    for gradient in chosen.experimental_local_results(step()):
        assert float(gradient) == pytest.approx(x.sum(), rel=1e-5)
    assert metric.counts().total == 9 * chosen.num_replicas_in_sync


@pytest.mark.parametrize("name", slow_except(ALL, "mirrored_3"))
def test_updates_inside_a_loop_and_a_branch_of_a_replica_are_counted(name):
    chosen = strategy(name)
    with chosen.scope():
        metric = dist_f1.F1Score("micro", num_classes=2, sync="epoch")

    def update(label):
        metric.update_state(tf.fill([1], label), tf.constant([[0.0, 1.0]]))
        return metric.result()

    def replica():
        def body(step, _):
            return step + 1, update(step % 2)

        tf.while_loop(lambda step, _: step < 4, body, [0, 0.0])
        return tf.cond(tf.random.uniform([]) < 2.0, lambda: update(1), lambda: 0.0)

    step = graph_function(lambda: chosen.run(replica))
    values = chosen.experimental_local_results(step())
    # Each replica has its own score: 3 of 5 rows are correct.
    assert [float(value) for value in values] == pytest.approx([0.6] * len(values))
    counts = metric.counts().numpy()
    replicas = chosen.num_replicas_in_sync
    assert counts.total == 5 * replicas
    assert counts.true_positive.tolist() == [0, 3 * replicas]


def test_a_global_read_in_a_branch_of_a_replica_raises_instead_of_a_hang():
    """Replicas that take the branch would wait for those that do not."""
    chosen = mirrored(2)
    with chosen.scope():
        metric = dist_f1.F1Score("micro", num_classes=2)
        metric.update_state([0], [[0.0, 1.0]])

    def in_branch():
        return tf.cond(tf.random.uniform([]) < 0.5, metric.result, lambda: 0.0)

    def in_loop():
        return tf.while_loop(lambda _: True, lambda _: metric.result(), [0.0], maximum_iterations=2)

    remedy = r'after the branch, put the branch around strategy.run, or pass sync="epoch"'
    for replica in (in_branch, in_loop, tf.function(metric.result)):
        with pytest.raises(RuntimeError, match=remedy):
            graph_function(lambda replica=replica: chosen.run(lambda: replica()))()


@pytest.mark.parametrize("name", slow_except(SINGLE, "mirrored_1"))
def test_a_global_read_in_a_branch_of_a_single_replica_works(name):
    chosen = strategy(name)
    with chosen.scope():
        metric = dist_f1.F1Score("micro", num_classes=2)
        metric.update_state([0, 1], [[0.0, 1.0]] * 2)

    def replica():
        return tf.cond(tf.random.uniform([]) < 2.0, metric.result, lambda: 0.0)

    assert float(graph_function(lambda: chosen.run(replica))()) == 0.5


def _called_in_branch(chosen, replica):
    """Call a compiled function in a branch of a loop, as Keras calls its steps."""

    @graph_function
    def steps(columns):
        call = graph_function(
            lambda: chosen.experimental_local_results(chosen.run(replica, columns))
        )

        def body(step, _):
            return step + 1, tf.cond(step >= 0, lambda: call()[-1], lambda: 0.0)

        return tf.while_loop(lambda step, _: step < 3, body, [0, 0.0])[1]

    return steps


@pytest.mark.parametrize(
    "name", slow_except(["none", "central_3", "mirrored_2", "mirrored_8"], "mirrored_2")
)
@pytest.mark.parametrize("sync", ["step", "epoch"])
def test_a_read_in_a_loop_is_one_collective_per_step_or_none(name, sync):
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
    correct = [(i % 2) + 1 for i in range(replicas)]
    expected = sum(correct) / (2 * replicas) if sync == "step" else correct[-1] / 2
    assert float(steps(columns)) == pytest.approx(expected)
    assert metric.counts().total == 3 * 2 * replicas


def test_reads_in_the_middle_of_an_epoch_change_nothing():
    chosen = mirrored(3)
    with chosen.scope():
        metric = dist_f1.F1Score("macro", num_classes=CLASSES)
    x, y = data()

    def replica(y_true, y_pred):
        metric.update_state(y_true, y_pred)

    @graph_function
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


@pytest.mark.parametrize("name", slow_except(["none", "mirrored_3", "central_3"], "mirrored_3"))
def test_calling_a_metric_counts_once(name):
    chosen = strategy(name)
    with chosen.scope():
        metric = dist_f1.F1Score("micro", num_classes=2)
        assert float(metric([0, 1], np.array([0, 0]))) == 0.5
    assert metric.counts().total == 2
    chosen.run(metric, (tf.constant([0, 1]), tf.constant([0, 0])))
    assert metric.counts().total == 2 + 2 * chosen.num_replicas_in_sync


def test_reading_a_metric_in_a_replica_of_another_strategy_raises():
    with strategy("central_3").scope():
        metric = dist_f1.F1Score("micro", num_classes=2)
    strategy("central_3").run(
        lambda: metric.update_state(tf.constant([0]), tf.constant([0])) and None
    )
    for name in ("one_device", "mirrored_2"):
        with pytest.raises(ValueError, match=r"CentralStorageStrategy.*another strategy"):
            strategy(name).run(lambda: metric.counts().total)
    assert metric.counts().total == 3
