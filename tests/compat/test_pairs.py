"""Pairs equal scikit-learn on all batches and replicas, and fetches and updates are in order."""

import functools
import itertools
import threading

import numpy as np
import pytest
import sessions
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics as sk
from tiers import slow, slow_except

import dist_f1
from dist_f1.compat import v1

EXACT = {"dtype": tf.float64}
STRATEGIES = ("none", "one_device", "mirrored_2", "mirrored_3")


def every_score(averages):
    """Return a function that makes a pair of nests: each score with each of its averages."""

    def make(labels, scores):
        pairs = {
            (function, average): getattr(v1, function)(labels, scores, average=average, **EXACT)
            for function in averages
            for average in averages[function]
        }
        return (
            {f"{f}_{a}": value for (f, a), (value, _) in pairs.items()},
            [update for _, update in pairs.values()],
        )

    return make


@pytest.mark.parametrize(
    ("name", "classes", "all_averages"),
    [
        ("mirrored_2", 2, False),
        *(slow(name, classes, True) for name in STRATEGIES for classes in (2, 5)),
    ],
)
def test_scores_of_all_batches_and_replicas_equal_scikit_learn(name, classes, all_averages):
    steps = sessions.random_steps(sessions.replicas_of(name), classes)
    averages = ["micro", "macro", "weighted", None] + ["binary"] * (classes == 2)
    others = averages if all_averages else ["macro"]
    make = every_score({"f1_score": averages, "precision": others, "recall": others})
    values = sessions.run(make, classes, steps, name)
    y_true, y_pred = sessions.union(steps)
    oracles = {
        "f1_score": sk.f1_score,
        "precision": sk.precision_score,
        "recall": sk.recall_score,
    }
    for key, value in values.items():
        function = next(name for name in oracles if key.startswith(name))
        average = key.removeprefix(f"{function}_")
        average = None if average == "None" else average
        expected = oracles[function](
            y_true, y_pred, average=average, labels=range(classes) if average is None else None
        )
        np.testing.assert_allclose(value, expected, rtol=0, atol=1e-12, err_msg=key)


@functools.cache
def counts_of(classes):
    """Return a graph of counts and a session that stays open."""
    pairs = sessions.PairGraph(v1.confusion_counts, classes)
    return pairs, tf.compat.v1.Session(graph=pairs.graph)


@settings(max_examples=20)
@given(st.data())
def test_any_split_into_batches_gives_the_counts_of_all_rows(data):
    classes = data.draw(st.integers(2, 4))
    labels = np.array(data.draw(st.lists(st.integers(0, classes - 1), max_size=12)), np.int64)
    scores = np.random.default_rng(0).random((len(labels), classes)).astype(np.float32)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(labels)), max_size=3)))
    edges = [0, *cuts, len(labels)]
    pairs, session = counts_of(classes)
    session.run(pairs.initializer)
    for start, stop in itertools.pairwise(edges):
        batch = labels[start:stop], scores[start:stop]
        session.run(pairs.update, pairs.feed([batch]))
    counts = session.run(pairs.value)
    expected = dist_f1.Counts.from_labels(labels, scores.argmax(-1), classes).numpy()
    for ours, theirs in zip(counts[:5], expected[:5], strict=True):
        assert ours.dtype == np.int64
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("name", slow_except(STRATEGIES, "none", "mirrored_2"))
def test_a_value_fetched_with_the_update_is_from_before_it(name):
    replicas = sessions.replicas_of(name)
    steps = sessions.random_steps(replicas, 3, steps=30)
    pairs = sessions.PairGraph(v1.confusion_counts, 3, name)
    total = 0
    with sessions.session(pairs.graph) as session:
        session.run(pairs.initializer)
        for batches in steps:
            before, _ = session.run([pairs.value, pairs.update], pairs.feed(batches))
            assert before.total == before.actual.sum() == before.predicted.sum() == total
            total += sum(len(labels) for labels, _ in batches)
            assert session.run(pairs.value.total) == total
        # Fetching does not change the counts.
        assert session.run(pairs.value.total) == total


def test_with_one_replica_the_update_is_the_value_after_it():
    steps = sessions.random_steps(1, 3, steps=6, seed=3)
    pairs = sessions.PairGraph(
        lambda labels, scores: v1.f1_score(labels, scores, average="macro", **EXACT), 3
    )
    with sessions.session(pairs.graph) as session:
        session.run(pairs.initializer)
        for k, batches in enumerate(steps):
            after = session.run(pairs.update, pairs.feed(batches))
            assert after == session.run(pairs.value)
            assert after == pytest.approx(
                sk.f1_score(*sessions.union(steps[: k + 1]), average="macro"), abs=1e-12
            )


def test_with_several_replicas_the_update_has_no_value():
    pairs = sessions.PairGraph(v1.f1_score, 2, "mirrored_2")
    assert all(isinstance(op, tf.Operation) for op in pairs.update)
    assert isinstance(pairs.value, tf.Tensor)


def test_after_a_control_dependency_on_the_update_the_value_is_from_before_it():
    with tf.Graph().as_default(), sessions.session() as session:
        value, update = v1.f1_score([0, 1], [0, 1], 2)
        with tf.control_dependencies([update]):
            after = tf.identity(value)
        session.run(tf.compat.v1.local_variables_initializer())
        assert [session.run(after) for _ in range(2)] == [0.0, 1.0]


@pytest.mark.parametrize("name", ["none", slow("mirrored_2")])
def test_counts_are_int64_local_variables_that_the_initializer_resets(name):
    steps = sessions.random_steps(sessions.replicas_of(name), 2)
    pairs = sessions.PairGraph(v1.confusion_counts, 2, name)
    keys = tf.compat.v1.GraphKeys
    for key in (keys.LOCAL_VARIABLES, keys.METRIC_VARIABLES):
        (variable,) = pairs.graph.get_collection(key)
        assert variable.dtype == tf.int64
    for key in (keys.GLOBAL_VARIABLES, keys.TRAINABLE_VARIABLES):
        assert not pairs.graph.get_collection(key)
    with sessions.session(pairs.graph) as session:
        for _ in range(2):
            session.run(pairs.initializer)
            assert session.run(pairs.value.total) == 0
            for batches in steps:
                session.run(pairs.update, pairs.feed(batches))
            assert session.run(pairs.value.total) == len(sessions.union(steps)[0]) > 0


def test_counts_are_exact_beyond_float32():
    pairs = sessions.PairGraph(v1.confusion_counts, 2)
    with sessions.session(pairs.graph) as session:
        session.run(pairs.initializer)
        with pairs.graph.as_default():
            (variable,) = tf.compat.v1.local_variables()
            session.run(variable.assign(tf.fill(variable.shape, tf.constant(2**53, tf.int64))))
        batch = (np.array([1]), np.array([[0.1, 0.9]], np.float32))
        session.run(pairs.update, pairs.feed([batch]))
        assert session.run(pairs.value.true_positive).tolist() == [2**53, 2**53 + 1]


def test_the_counters_of_tensorflow_stop_at_the_documented_number():
    with tf.Graph().as_default(), sessions.session() as session:
        value, update = tf.compat.v1.metrics.true_positives([1], [1])
        (variable,) = tf.compat.v1.local_variables()
        session.run(variable.assign(2.0**24))
        session.run(update)
        assert session.run(value) == 2.0**24


def test_updates_and_fetches_of_many_threads_are_atomic():
    rows, each, threads = 4, 50, 8
    pairs = sessions.PairGraph(v1.confusion_counts, 3)
    batch = (np.arange(rows) % 3, np.eye(3, dtype=np.float32)[np.arange(rows) % 3])
    inconsistent = []
    with sessions.session(pairs.graph) as session:
        session.run(pairs.initializer)

        def work():
            for _ in range(each):
                counts, _ = session.run([pairs.value, pairs.update], pairs.feed([batch]))
                if not counts.total == counts.actual.sum() == counts.true_positive.sum():
                    inconsistent.append(counts)

        workers = [threading.Thread(target=work) for _ in range(threads)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert session.run(pairs.value.total) == rows * each * threads
    assert not inconsistent


def test_weights_make_float64_counts():
    rng = np.random.default_rng(0)
    y_true, y_pred = rng.integers(0, 3, [2, 40])
    weights = rng.uniform(0, 3, 40)
    with tf.Graph().as_default(), sessions.session() as session:
        value, update = v1.f1_score(y_true, y_pred, 3, "weighted", weights, **EXACT)
        (variable,) = tf.compat.v1.local_variables()
        assert variable.dtype == tf.float64
        session.run(variable.initializer)
        session.run(update)
        expected = sk.f1_score(y_true, y_pred, average="weighted", sample_weight=weights)
        assert session.run(value) == pytest.approx(expected, abs=1e-12)
