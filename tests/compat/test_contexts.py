"""Pairs count in every graph that a session can run, and raise in other contexts."""

import functools
import subprocess
import sys

import numpy as np
import pytest
import sessions
import tensorflow as tf
from sklearn import metrics as sk
from tiers import slow

import dist_f1
from dist_f1.compat import v1


@pytest.mark.parametrize("function", sessions.FUNCTIONS)
def test_without_a_session_graph_functions_raise(function):
    call = functools.partial(getattr(v1, function), [0, 1], [0, 1], 2)
    with pytest.raises(
        RuntimeError, match=f"v1.{function} adds ops to the graph of a session.*F1Scor"
    ):
        call()
    with pytest.raises(RuntimeError, match="Call it in the model_fn"):
        tf.function(lambda: call()[0], autograph=False)()


def test_in_cross_replica_context_functions_raise():
    strategy = sessions.strategy("mirrored_2")
    with (
        tf.Graph().as_default(),
        strategy.scope(),
        pytest.raises(ValueError, match=r"strategy\.run"),
    ):
        v1.f1_score([0, 1], [0, 1], 2)


def test_in_the_graph_of_a_function_functions_raise():
    with tf.Graph().as_default(), pytest.raises(RuntimeError, match=r"tracing a tf\.function"):
        tf.function(lambda: v1.f1_score([0, 1], [0, 1], 2)[0], autograph=False)()


@pytest.mark.parametrize("name", ["one_device", "mirrored_2"])
def test_in_a_branch_one_replica_counts_and_several_raise(name):
    def make(labels, scores):
        def branch():
            value, update = v1.f1_score(labels, scores)
            values.append(value)
            return update

        values = []
        update = tf.cond(tf.size(labels) > 0, branch, lambda: tf.constant(0.0))
        return tf.zeros([]), update

    if name == "mirrored_2":
        with pytest.raises(ValueError, match="in a branch or a loop"):
            sessions.PairGraph(make, 2, name)
        return
    pairs = sessions.PairGraph(make, 2, name)
    with sessions.session(pairs.graph) as session:
        session.run(pairs.initializer)
        batch = (np.array([0, 1]), np.eye(2, dtype=np.float32))
        assert session.run(pairs.update, pairs.feed([batch])) == (1.0,)


def central_storage(*devices):
    return tf.compat.v1.distribute.experimental.CentralStorageStrategy(devices)


@pytest.mark.parametrize(
    "make",
    [
        lambda: tf.compat.v1.distribute.OneDeviceStrategy("CPU:0"),
        slow(lambda: tf.compat.v1.distribute.MirroredStrategy(["CPU:0", "CPU:1"])),
        slow(lambda: central_storage("CPU:0")),
        slow(lambda: tf.compat.v1.distribute.experimental.ParameterServerStrategy()),
    ],
)
def test_strategies_of_tensorflow_1_are_supported(make):
    strategy = make()
    replicas = strategy.num_replicas_in_sync
    with tf.Graph().as_default(), strategy.scope():
        # An Estimator calls its model_fn like this.
        value, update = strategy.extended.call_for_each_replica(
            lambda: v1.confusion_counts([0, 1, 1], [0, 1, 0], 2)
        )
        updates = strategy.experimental_local_results(update)
        with sessions.session() as session:
            session.run(tf.compat.v1.local_variables_initializer())
            session.run(updates)
            session.run(updates)
            assert session.run(value.true_positive).tolist() == [2 * replicas, 2 * replicas]


def test_a_worker_with_parameter_servers_has_its_own_counts():
    device = "/job:worker/task:1"
    setter = tf.compat.v1.train.replica_device_setter(ps_tasks=2, worker_device=device)
    with tf.Graph().as_default(), tf.compat.v1.device(setter):
        v1.f1_score([0, 1], [0, 1], 2)
        (variable,) = tf.compat.v1.local_variables()
        assert variable.device == device


def test_replicas_that_share_variables_raise():
    shared = central_storage("CPU:0", "CPU:1")
    error = pytest.raises(ValueError, match="replicas share their variables")
    with tf.Graph().as_default(), shared.scope(), error:
        shared.run(lambda: v1.f1_score([0, 1], [0, 1], 2))


def test_replicas_with_and_without_weights_raise():
    def make(labels, scores):
        first = tf.get_static_value(tf.distribute.get_replica_context().replica_id_in_sync_group)
        return v1.f1_score(labels, scores, weights=2.0 if first else None)

    with pytest.raises(ValueError, match="Some replicas count with weights and others without"):
        sessions.PairGraph(make, 2, "mirrored_2")


def test_a_keras_metric_in_a_session_graph_names_compat_v1():
    with tf.Graph().as_default(), pytest.raises(RuntimeError, match=r"compat\.v1\.f1_score"):
        dist_f1.F1Score(num_classes=2).update_state([0, 1], [0, 1])


TENSORFLOW_1 = """
import numpy as np
import tensorflow.compat.v1 as tf
tf.disable_v2_behavior()
import dist_f1

labels, scores = tf.placeholder(tf.int64, [None]), tf.placeholder(tf.float32, [None, 3])
weights = tf.placeholder(tf.float32, [None])
any_scores = tf.placeholder_with_default(scores, [None, None])
pairs = [
    dist_f1.compat.v1.f1_score(labels, any_scores, 3, "macro"),
    dist_f1.compat.v1.f1_score(labels, scores, average="macro"),
    dist_f1.compat.v1.f1_score(labels, tf.argmax(scores, -1), 3, "macro", weights),
    dist_f1.compat.v1.f1_score(
        tf.one_hot(labels, 3), scores, average="samples", threshold=0.5, weights=weights
    ),
    dist_f1.compat.v1.eval_metric_ops(labels, scores, scores=["cohen_kappa_linear"])[
        "cohen_kappa_linear"
    ],
]
values, updates = zip(*pairs)
rng = np.random.default_rng(0)
with tf.Session() as session:
    session.run(tf.local_variables_initializer())
    for _ in range(3):
        y, p = rng.integers(0, 3, 9), rng.random([9, 3])
        session.run(updates, {labels: y, scores: p, weights: np.arange(9) / 4})
    print("RESULT", *session.run(values))
"""


@pytest.mark.slow
def test_pairs_work_with_the_behavior_of_tensorflow_1():
    script = [sys.executable, "-c", TENSORFLOW_1]
    ended = subprocess.run(script, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    line = next(line for line in ended.stdout.splitlines() if line.startswith("RESULT"))
    values = [float(value) for value in line.split()[1:]]

    rng = np.random.default_rng(0)
    batches = [(rng.integers(0, 3, 9), rng.random([9, 3]).astype(np.float32)) for _ in range(3)]
    y, p = (np.concatenate(parts) for parts in zip(*batches, strict=True))
    w, ids = np.tile(np.arange(9) / 4, 3), p.argmax(-1)
    one_hot, chosen = np.eye(3, dtype=int)[y], p > 0.5
    expected = [
        sk.f1_score(y, ids, average="macro"),
        sk.f1_score(y, ids, average="macro"),
        sk.f1_score(y, ids, average="macro", sample_weight=w),
        sk.f1_score(one_hot, chosen, average="samples", sample_weight=w),
        sk.cohen_kappa_score(y, ids, weights="linear"),
    ]
    assert values == pytest.approx(expected, abs=1e-6)
