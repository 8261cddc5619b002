"""`(value, update_op)` pairs in the graphs of sessions, on one and on several replicas."""

import functools
import itertools
import subprocess
import sys
import threading

import numpy as np
import pytest
import sessions
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as sk

import dist_f1
from dist_f1.compat import v1
from dist_f1.inspection import graphs

EXACT = {"dtype": tf.float64}
STRATEGIES = ("none", "one_device", "mirrored_2", "mirrored_3")


def replicas_of(name):
    return int(name.partition("_")[2]) if name.startswith("mirrored") else 1


def every_score(classes):
    """A pair of nests: each function with each average."""
    averages = ["micro", "macro", "weighted", None] + ["binary"] * (classes == 2)

    def make(labels, scores):
        pairs = {
            (function, average): getattr(v1, function)(labels, scores, average=average, **EXACT)
            for function in ("f1_score", "precision", "recall")
            for average in averages
        }
        return (
            {f"{f}_{a}": value for (f, a), (value, _) in pairs.items()},
            [update for _, update in pairs.values()],
        )

    return make


@pytest.mark.parametrize("classes", [2, 5])
@pytest.mark.parametrize("name", STRATEGIES)
def test_scores_of_all_batches_and_replicas_equal_scikit_learn(name, classes):
    steps = sessions.random_steps(replicas_of(name), classes)
    values = sessions.run(every_score(classes), classes, steps, name)
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


@given(st.data())
def test_any_split_into_batches_gives_the_counts_of_the_metric(data):
    classes = data.draw(st.integers(2, 4))
    labels = np.array(data.draw(st.lists(st.integers(0, classes - 1), max_size=12)), np.int64)
    scores = np.random.default_rng(0).random((len(labels), classes)).astype(np.float32)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(labels)), max_size=3)))
    edges = [0, *cuts, len(labels)]
    steps = [[(labels[a:b], scores[a:b])] for a, b in itertools.pairwise(edges)]
    counts = sessions.run(_counts_of(classes), classes, steps)
    metric = dist_f1.F1Score(num_classes=classes)
    metric.update_state(labels, scores)
    for ours, theirs in zip(counts[:5], metric.counts().numpy()[:5], strict=True):
        assert ours.dtype == np.int64
        np.testing.assert_array_equal(ours, theirs)


@functools.cache
def _counts_of(classes):
    return lambda labels, scores: v1.confusion_counts(labels, scores)


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_value_fetched_with_the_update_is_the_one_before_it(name):
    replicas = replicas_of(name)
    steps = sessions.random_steps(replicas, 3, steps=30)
    streamed = sessions.Streamed(v1.confusion_counts, 3, name)
    total = 0
    with sessions.session(streamed.graph) as session:
        session.run(streamed.initializer)
        for batches in steps:
            before, _ = session.run([streamed.value, streamed.update], streamed.feed(batches))
            assert before.total == before.actual.sum() == before.predicted.sum() == total
            total += sum(len(labels) for labels, _ in batches)
            assert session.run(streamed.value.total) == total
        # Reading changes nothing.
        assert session.run(streamed.value.total) == total


def test_with_one_replica_the_update_is_the_value_after_it():
    steps = sessions.random_steps(1, 3, steps=6, seed=3)
    streamed = sessions.Streamed(
        lambda labels, scores: v1.f1_score(labels, scores, average="macro", **EXACT), 3
    )
    with sessions.session(streamed.graph) as session:
        session.run(streamed.initializer)
        for k, batches in enumerate(steps):
            after = session.run(streamed.update, streamed.feed(batches))
            assert after == session.run(streamed.value)
            assert after == pytest.approx(
                sk.f1_score(*sessions.union(steps[: k + 1]), average="macro"), abs=1e-12
            )


def test_with_several_replicas_the_update_has_no_value_that_could_be_taken_for_the_score():
    streamed = sessions.Streamed(v1.f1_score, 2, "mirrored_2")
    assert all(isinstance(op, tf.Operation) for op in streamed.update)
    assert isinstance(streamed.value, tf.Tensor)


def test_an_update_sends_nothing_and_all_scores_take_one_sum():
    names = ["f1_macro", "f1_per_class", "accuracy", "matthews_corrcoef", "precision_micro"]

    def make(labels, scores):
        ops = v1.eval_metric_ops(labels, scores, scores=names)
        values, updates = zip(*ops.values(), strict=True)
        return list(values), updates[0]

    streamed = sessions.Streamed(make, 1000, "mirrored_3")
    assert len(streamed.graph.get_collection(tf.compat.v1.GraphKeys.LOCAL_VARIABLES)) == 1
    assert _collectives(streamed.graph, streamed.update) == 0
    assert _collectives(streamed.graph, streamed.value) == 1


def _collectives(graph, fetches):
    names = [getattr(fetch, "op", fetch).name for fetch in tf.nest.flatten(fetches)]
    needed = tf.compat.v1.graph_util.extract_sub_graph(graph.as_graph_def(), names)
    return graphs.count_in_graph(needed)


@pytest.mark.parametrize("name", ["none", "mirrored_2"])
def test_counts_are_int64_local_variables_which_their_initializer_resets(name):
    steps = sessions.random_steps(replicas_of(name), 2)
    streamed = sessions.Streamed(v1.confusion_counts, 2, name)
    keys = tf.compat.v1.GraphKeys
    for key in (keys.LOCAL_VARIABLES, keys.METRIC_VARIABLES):
        (variable,) = streamed.graph.get_collection(key)
        assert variable.dtype == tf.int64
    for key in (keys.GLOBAL_VARIABLES, keys.TRAINABLE_VARIABLES):
        assert not streamed.graph.get_collection(key)
    with sessions.session(streamed.graph) as session:
        for _ in range(2):
            session.run(streamed.initializer)
            assert session.run(streamed.value.total) == 0
            for batches in steps:
                session.run(streamed.update, streamed.feed(batches))
            assert session.run(streamed.value.total) == len(sessions.union(steps)[0]) > 0


def test_counts_do_not_stop_at_what_float32_can_hold():
    streamed = sessions.Streamed(v1.confusion_counts, 2)
    with sessions.session(streamed.graph) as session:
        session.run(streamed.initializer)
        with streamed.graph.as_default():
            (variable,) = tf.compat.v1.local_variables()
            session.run(variable.assign(tf.fill(variable.shape, tf.constant(2**53, tf.int64))))
        batch = (np.array([1]), np.array([[0.1, 0.9]], np.float32))
        session.run(streamed.update, streamed.feed([batch]))
        assert session.run(streamed.value.true_positive).tolist() == [2**53, 2**53 + 1]


def test_the_counters_of_tensorflow_stop_where_the_page_says():
    with tf.Graph().as_default(), sessions.session() as session:
        value, update = tf.compat.v1.metrics.true_positives([1], [1])
        (variable,) = tf.compat.v1.local_variables()
        session.run(variable.assign(2.0**24))
        session.run(update)
        assert session.run(value) == 2.0**24


def test_updates_and_reads_of_many_threads_lose_and_tear_nothing():
    rows, each, threads = 4, 50, 8
    streamed = sessions.Streamed(v1.confusion_counts, 3)
    batch = (np.arange(rows) % 3, np.eye(3, dtype=np.float32)[np.arange(rows) % 3])
    torn = []
    with sessions.session(streamed.graph) as session:
        session.run(streamed.initializer)

        def work():
            for _ in range(each):
                counts, _ = session.run([streamed.value, streamed.update], streamed.feed([batch]))
                if not counts.total == counts.actual.sum() == counts.true_positive.sum():
                    torn.append(counts)

        workers = [threading.Thread(target=work) for _ in range(threads)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        assert session.run(streamed.value.total) == rows * each * threads
    assert not torn


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


def evaluate(function, *args, **options):
    """The value after one update."""
    with tf.Graph().as_default(), sessions.session() as session:
        pair = function(*args, **options)
        pairs = pair if isinstance(pair, dict) else {"": pair}
        session.run(tf.compat.v1.local_variables_initializer())
        session.run([update for _, update in pairs.values()])
        values = session.run({name: value for name, (value, _) in pairs.items()})
        return values if isinstance(pair, dict) else values[""]


Y, P = np.array([0, 1, 1, 0, 1]), np.array([0.2, 0.55, 0.4, 0.9, 0.8], np.float32)
BINARY_F1 = sk.f1_score(Y, P > 0.5)


@pytest.mark.parametrize(
    ("labels", "predictions", "options"),
    [
        (Y, P, {"threshold": 0.5}),
        (Y[:, np.newaxis], P[:, np.newaxis], {"threshold": 0.5}),
        (Y, np.log(P / (1 - P)), {"threshold": 0.5, "from_logits": True}),
        (Y.astype(bool), P > 0.5, {}),
        (Y.astype(np.float32), (P > 0.5)[:, np.newaxis], {}),
        (Y[:, np.newaxis], (P > 0.5).astype(int)[:, np.newaxis], {"num_classes": 2}),
        (Y, P > 0.5, {"num_classes": 2}),
        (Y, np.stack([1 - P, P], -1), {}),
        (np.eye(2)[Y], np.stack([1 - P, P], -1), {}),
        (np.append(Y, 9), np.append(P, 0.9), {"threshold": 0.5, "ignore_class": 9}),
        (np.append(Y, 1), np.append(P, 0), {"threshold": 0.5, "mask": [True] * 5 + [False]}),
    ],
)
def test_labels_and_predictions_come_as_estimators_hand_them_over(labels, predictions, options):
    value = evaluate(v1.f1_score, labels, predictions, **options, **EXACT)
    assert value == pytest.approx(BINARY_F1, abs=1e-12)


def test_several_classes_a_row_are_averaged_over_rows():
    rng = np.random.default_rng(0)
    y, p = rng.integers(0, 2, [20, 4]), rng.random([20, 4]).astype(np.float32)
    expected = sk.fbeta_score(y, p > 0.5, beta=0.5, average="samples")
    options = {"threshold": 0.5, **EXACT}
    value = evaluate(v1.f_beta, y, p, average="samples", beta=0.5, **options)
    assert value == pytest.approx(expected, abs=1e-12)
    values = evaluate(v1.eval_metric_ops, y, p, scores=["f0.5_samples"], **options)
    assert values["f0.5_samples"] == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("given", [True, False])
def test_booleans_for_each_class_are_decided_already(classes, given):
    rng = np.random.default_rng(0)
    y, p = rng.integers(0, 2, [2, 30, classes]).astype(bool)
    number = classes if given else None
    value = evaluate(v1.f1_score, y, p, number, "macro", **EXACT)
    assert value == pytest.approx(sk.f1_score(y, p, average="macro"), abs=1e-12)
    assert evaluate(v1.confusion_counts, y, p, number).total == 30


def test_values_are_float32_as_those_of_tensorflow_unless_asked_otherwise():
    for options, dtype in (({}, np.float32), ({"dtype": "float64"}, np.float64)):
        value = evaluate(v1.f1_score, [0, 1, 2], [0, 1, 1], 3, "macro", **options)
        assert value.dtype == dtype
        expected = sk.f1_score([0, 1, 2], [0, 1, 1], average="macro")
        assert abs(np.float64(value) - expected) <= np.finfo(dtype).eps


def test_averaged_labels_and_zero_division_are_those_of_scikit_learn():
    y_true, y_pred = [0, 0, 1, 2], [0, 0, 2, 2]
    for zero in (0.0, 1.0):
        value = evaluate(
            v1.precision,
            y_true,
            y_pred,
            4,
            "macro",
            averaged_labels=[1, 2, 3],
            zero_division=zero,
            **EXACT,
        )
        expected = sk.precision_score(
            y_true, y_pred, labels=[1, 2, 3], average="macro", zero_division=zero
        )
        assert value == pytest.approx(expected, abs=1e-12)


def test_all_entries_equal_those_of_the_metric_with_the_same_names():
    names = ["f1_macro", "f2_weighted", "recall_per_class", "cohen_kappa_linear", "f1_macro_gap"]
    rng = np.random.default_rng(0)
    y, p = rng.integers(0, 3, 30), rng.random([30, 3]).astype(np.float32)
    by = np.arange(30) % 2
    options = {"class_names": ["a", "b b", "c"], "num_groups": 2, "prefix": "x/"}
    values = evaluate(v1.eval_metric_ops, y, p, scores=names, by=by, **options, **EXACT)
    metric = dist_f1.Scores(names, dtype="float64", **options)
    metric.update_state(y, p, by=by)
    expected = metric.result()
    assert values.keys() == expected.keys()
    for name, value in values.items():
        assert value == pytest.approx(float(expected[name]), abs=1e-12), name


def test_the_counts_come_with_the_scores():
    values = evaluate(
        v1.eval_metric_ops, [0, 1, 2, 2], [0, 2, 2, 1], 3, counts=True, confusion=True
    )
    assert isinstance(values["counts"], dist_f1.Counts)
    expected = dist_f1.Counts.from_labels([0, 1, 2, 2], [0, 2, 2, 1], 3, confusion=True).numpy()
    np.testing.assert_array_equal(values["counts"].confusion, expected.confusion)
    assert values["accuracy"] == pytest.approx(0.5)


def test_values_and_updates_are_found_by_name_and_collection():
    with tf.Graph().as_default() as graph:
        collections = {"metrics_collections": ["seen"], "updates_collections": ["updates"]}
        first = v1.f1_score([0, 1], [0, 1], 2, **collections)
        second = v1.precision([0, 1], [0, 1], 2, name="mine", **collections)
        assert first[0].name == "f1_score/value:0"
        assert second[1].name == "mine/update_op:0"
        assert graph.get_collection("seen") == [first[0], second[0]]
        assert graph.get_collection("updates") == [first[1], second[1]]
        again = v1.f1_score([0, 1], [0, 1], 2)
        assert again[0].name == "f1_score_1/value:0"
        assert len(tf.compat.v1.local_variables()) == 3


@pytest.mark.parametrize("name", ["none", "mirrored_2"])
def test_reading_rows_that_could_not_be_counted_raises_and_loses_nothing(name):
    good = (np.array([0, 1]), np.array([[0.9, 0.1], [0.2, 0.8]], np.float32))
    bad = (np.array([0, 5]), np.array([[0.9, 0.1], [np.nan, 0.8]], np.float32))
    replicas = replicas_of(name)

    def make(labels, scores):
        score, _ = v1.f1_score(labels, scores)
        counts, update = v1.confusion_counts(labels, scores)
        return (score, counts), (update, _)

    streamed = sessions.Streamed(make, 2, name)
    score, counts = streamed.value
    update, update_of_score = streamed.update
    message = rf"1\].*of.*{2 * replicas}\].*rows were not counted: their label is not one of the 2"
    with sessions.session(streamed.graph) as session:
        session.run(streamed.initializer)
        feed = streamed.feed([bad] + [good] * (replicas - 1))
        session.run(update, feed)
        if replicas > 1:
            session.run(update_of_score, feed)
        else:
            with pytest.raises(tf.errors.InvalidArgumentError, match=message):
                session.run(update_of_score, feed)
        with pytest.raises(tf.errors.InvalidArgumentError, match=message):
            session.run(score)
        assert session.run([counts.total, counts.invalid]) == [2 * replicas - 1, 1]


FUNCTIONS = ("f1_score", "f_beta", "precision", "recall", "confusion_counts", "eval_metric_ops")


@pytest.mark.parametrize("function", FUNCTIONS)
def test_where_no_graph_is_built_for_a_session_there_is_an_error(function):
    call = functools.partial(getattr(v1, function), [0, 1], [0, 1], 2)
    with pytest.raises(RuntimeError, match=f"v1.{function} adds to the graph of a session.*F1Scor"):
        call()
    with pytest.raises(RuntimeError, match="Call it in the model_fn"):
        tf.function(lambda: call()[0], autograph=False)()


@pytest.mark.parametrize("function", FUNCTIONS)
def test_class_ids_without_num_classes_are_refused(function):
    with tf.Graph().as_default(), pytest.raises(ValueError, match="pass num_classes="):
        getattr(v1, function)(tf.constant([0, 1]), tf.constant([0, 1]))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"predictions": np.zeros([2], np.float32)}, "set threshold=0.5"),
        ({"predictions": np.zeros([2, 3], np.float32)}, "choose another average|another average"),
        (
            {"predictions": np.zeros([3, 2], np.float32)},
            r"expected ids \(3,\).*y_true is labels, y_pred is predictions",
        ),
        ({"thresholds": 0.5}, "Unknown argument thresholds; known are threshold,"),
        ({"average": "both"}, "average must be None or one of"),
        ({"beta": -1.0}, "beta must be a number, 0 or more"),
        ({"num_classes": 3, "average": "macro"}, "but num_classes is 3"),
        ({"num_classes": np.ones(2)}, "third argument here, and weights the fifth"),
        ({"average": "macro", "averaged_labels": [7]}, r"labels holds \[7\].*averaged_labels"),
        ({"dtype": tf.int32}, "dtype must be one of floating point"),
        (
            {"predictions": np.zeros([2], bool), "num_classes": 4, "average": "macro"},
            "booleans, which name no class",
        ),
        ({"predictions": np.array(["a", "b"]), "num_classes": 2}, "Look the ids of names up"),
    ],
)
def test_what_is_wrong_is_named(options, message):
    predictions = options.pop("predictions", np.zeros([2, 2], np.float32))
    with tf.Graph().as_default(), pytest.raises((ValueError, TypeError), match=message):
        v1.f1_score([0, 1], predictions, **options)


def test_in_the_scope_of_a_strategy_but_on_no_replica_there_is_an_error():
    strategy = sessions.strategy("mirrored_2")
    with (
        tf.Graph().as_default(),
        strategy.scope(),
        pytest.raises(ValueError, match=r"strategy\.run"),
    ):
        v1.f1_score([0, 1], [0, 1], 2)


def _experimental():
    return tf.compat.v1.distribute.experimental


@pytest.mark.parametrize(
    "make",
    [
        lambda: tf.compat.v1.distribute.OneDeviceStrategy("CPU:0"),
        lambda: tf.compat.v1.distribute.MirroredStrategy(["CPU:0", "CPU:1"]),
        lambda: _experimental().CentralStorageStrategy(["CPU:0"]),
        lambda: _experimental().ParameterServerStrategy(),
    ],
)
def test_strategies_of_tensorflow_1_count_too(make):
    strategy = make()
    replicas = strategy.num_replicas_in_sync
    with tf.Graph().as_default(), strategy.scope():
        # As an Estimator calls its model_fn.
        value, update = strategy.extended.call_for_each_replica(
            lambda: v1.confusion_counts([0, 1, 1], [0, 1, 0], 2)
        )
        updates = strategy.experimental_local_results(update)
        with sessions.session() as session:
            session.run(tf.compat.v1.local_variables_initializer())
            session.run(updates)
            session.run(updates)
            assert session.run(value.true_positive).tolist() == [2 * replicas, 2 * replicas]


def test_on_a_worker_with_parameter_servers_the_counts_are_its_own():
    device = "/job:worker/task:1"
    setter = tf.compat.v1.train.replica_device_setter(ps_tasks=2, worker_device=device)
    with tf.Graph().as_default(), tf.compat.v1.device(setter):
        v1.f1_score([0, 1], [0, 1], 2)
        (variable,) = tf.compat.v1.local_variables()
        assert variable.device == device


def test_in_the_graph_of_a_function_there_is_an_error():
    with tf.Graph().as_default(), pytest.raises(RuntimeError, match=r"builds a tf\.function"):
        tf.function(lambda: v1.f1_score([0, 1], [0, 1], 2)[0], autograph=False)()


@pytest.mark.parametrize("name", ["one_device", "mirrored_2"])
def test_in_a_branch_pairs_count_on_one_replica_and_are_refused_on_several(name):
    def make(labels, scores):
        def branch():
            value, update = v1.f1_score(labels, scores)
            pairs.append(value)
            return update

        pairs = []
        update = tf.cond(tf.size(labels) > 0, branch, lambda: tf.constant(0.0))
        return tf.zeros([]), update

    if name == "mirrored_2":
        with pytest.raises(ValueError, match="in a branch or a loop"):
            sessions.Streamed(make, 2, name)
        return
    streamed = sessions.Streamed(make, 2, name)
    with sessions.session(streamed.graph) as session:
        session.run(streamed.initializer)
        batch = (np.array([0, 1]), np.eye(2, dtype=np.float32))
        assert session.run(streamed.update, streamed.feed([batch])) == (1.0,)


def test_replicas_that_disagree_about_weights_are_told():
    def make(labels, scores):
        first = tf.get_static_value(tf.distribute.get_replica_context().replica_id_in_sync_group)
        return v1.f1_score(labels, scores, weights=2.0 if first else None)

    with pytest.raises(ValueError, match="Some replicas count with weights and others without"):
        sessions.Streamed(make, 2, "mirrored_2")


def test_after_a_control_dependency_on_the_update_the_value_is_still_the_one_before():
    with tf.Graph().as_default(), sessions.session() as session:
        value, update = v1.f1_score([0, 1], [0, 1], 2)
        with tf.control_dependencies([update]):
            after = tf.identity(value)
        session.run(tf.compat.v1.local_variables_initializer())
        assert [session.run(after) for _ in range(2)] == [0.0, 1.0]


def test_rows_of_weighted_counts_that_could_not_be_counted_are_numbered():
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"\[1\] \[rows were not counted"):
        evaluate(v1.f1_score, [0, 1], [0, 1], 2, weights=[0.4, np.inf])


def test_a_keras_metric_in_the_graph_of_a_session_points_here():
    with tf.Graph().as_default(), pytest.raises(RuntimeError, match=r"compat\.v1\.f1_score"):
        dist_f1.F1Score(num_classes=2).update_state([0, 1], [0, 1])


def test_where_replicas_share_their_variables_there_is_an_error():
    shared = tf.compat.v1.distribute.experimental.CentralStorageStrategy(["CPU:0", "CPU:1"])
    error = pytest.raises(ValueError, match="replicas share their variables")
    with tf.Graph().as_default(), shared.scope(), error:
        shared.run(lambda: v1.f1_score([0, 1], [0, 1], 2))


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


def test_it_works_where_tensorflow_behaves_as_it_did_in_version_1():
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
