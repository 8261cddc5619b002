"""`eval_metric_ops` derives all entries from one accumulator."""

import numpy as np
import pytest
import sessions
import tensorflow as tf

import dist_f1
from dist_f1.compat import v1
from dist_f1.inspection import graphs


def test_entries_equal_those_of_the_metric_with_the_same_names():
    names = ["f1_macro", "f2_weighted", "recall_per_class", "cohen_kappa_linear", "f1_macro_gap"]
    rng = np.random.default_rng(0)
    y, p = rng.integers(0, 3, 30), rng.random([30, 3]).astype(np.float32)
    by = np.arange(30) % 2
    options = {"class_names": ["a", "b b", "c"], "num_groups": 2, "prefix": "x/"}
    values = sessions.evaluate(
        v1.eval_metric_ops, y, p, scores=names, by=by, **options, dtype=tf.float64
    )
    metric = dist_f1.Scores(names, dtype="float64", **options)
    metric.update_state(y, p, by=by)
    expected = metric.result()
    assert values.keys() == expected.keys()
    for name, value in values.items():
        assert value == pytest.approx(float(expected[name]), abs=1e-12), name


def test_the_counts_can_be_an_entry():
    values = sessions.evaluate(
        v1.eval_metric_ops, [0, 1, 2, 2], [0, 2, 2, 1], 3, counts=True, confusion=True
    )
    assert isinstance(values["counts"], dist_f1.Counts)
    expected = dist_f1.Counts.from_labels([0, 1, 2, 2], [0, 2, 2, 1], 3, confusion=True).numpy()
    np.testing.assert_array_equal(values["counts"].confusion, expected.confusion)
    assert values["accuracy"] == pytest.approx(0.5)


def test_values_and_updates_have_names_and_collections():
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


def test_an_update_sends_nothing_and_all_scores_cost_one_collective():
    names = ["f1_macro", "f1_per_class", "accuracy", "matthews_corrcoef", "precision_micro"]

    def make(labels, scores):
        ops = v1.eval_metric_ops(labels, scores, scores=names)
        values, updates = zip(*ops.values(), strict=True)
        return list(values), updates[0]

    pairs = sessions.PairGraph(make, 1000, "mirrored_3")
    assert len(pairs.graph.get_collection(tf.compat.v1.GraphKeys.LOCAL_VARIABLES)) == 1
    assert _collectives(pairs.graph, pairs.update) == 0
    assert _collectives(pairs.graph, pairs.value) == 1


def _collectives(graph, fetches):
    names = [getattr(fetch, "op", fetch).name for fetch in tf.nest.flatten(fetches)]
    needed = tf.compat.v1.graph_util.extract_sub_graph(graph.as_graph_def(), names)
    return graphs.count_in_graph(needed)
