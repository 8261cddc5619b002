"""Every score of `Scores`, on one to eight replicas, equals scikit-learn on all rows."""

import functools
import math
import warnings

import numpy as np
import pytest
import sklearn.metrics as reference
import tensorflow as tf
from helpers import mirrored, per_replica, split
from hypothesis import given, settings
from hypothesis import strategies as st
from tasks import Task, tasks
from tiers import slow, slow_except
from tracing import graph_function, traced_once

import dist_f1

CLASSES = 4
KINDS = ("multiclass", "binary", "multilabel")
RATIOS = {
    "precision": reference.precision_score,
    "recall": reference.recall_score,
    "jaccard": reference.jaccard_score,
    "f1": reference.f1_score,
    "f2": functools.partial(reference.fbeta_score, beta=2.0),
    "f0.5": functools.partial(reference.fbeta_score, beta=0.5),
}


def kappa(weights):
    def score(y_true, y_pred, sample_weight):
        classes = range(2 if max(*y_true, *y_pred) < 2 else CLASSES)
        return reference.cohen_kappa_score(
            y_true, y_pred, labels=classes, weights=weights, sample_weight=sample_weight
        )

    return score


WHOLE = {
    "accuracy": reference.accuracy_score,
    "hamming_loss": reference.hamming_loss,
    "balanced_accuracy": reference.balanced_accuracy_score,
    "matthews_corrcoef": reference.matthews_corrcoef,
    "cohen_kappa": reference.cohen_kappa_score,
    "cohen_kappa_linear": kappa("linear"),
    "cohen_kappa_quadratic": kappa("quadratic"),
}


def averages_of(kind):
    if kind == "binary":
        return ["binary"]
    return ["micro", "macro", "weighted", *(["samples"] if kind == "multilabel" else [])]


@functools.cache
def names_of(kind):
    whole = ["accuracy", "hamming_loss"] if kind == "multilabel" else [*WHOLE]
    return [f"{ratio}_{average}" for ratio in RATIOS for average in averages_of(kind)] + whole


def expected_scores(kind, y_true, y_pred, weight):
    values = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in names_of(kind):
            ratio, _, average = name.rpartition("_")
            if ratio in RATIOS:
                values[name] = RATIOS[ratio](
                    y_true, y_pred, average=average, zero_division=0, sample_weight=weight
                )
            else:
                values[name] = WHOLE[name](y_true, y_pred, sample_weight=weight)
    return values


class Sharded:
    """A step of `Scores` on some replicas, compiled once."""

    def __init__(self, kind, replicas, weighted, read=False):
        self.strategy = mirrored(replicas)
        with self.strategy.scope():
            self.metric = dist_f1.Scores(
                names_of(kind),
                threshold=0.5 if kind == "multilabel" else None,
                num_classes=1 if kind == "binary" else CLASSES,
                weighted=weighted,
                dtype="float64",
            )
        row = [None, CLASSES] if kind == "multilabel" else [None]

        def replica(y_true, y_pred, weight):
            self.metric.update_state(y_true, y_pred, weight if weighted else None)
            # tf-keras returns one object to all replicas, which `run` would return as one value.
            return tf.nest.map_structure(tf.identity, self.metric.result()) if read else {}

        specs = [tf.TensorSpec(row, tf.int64)] * 2 + [tf.TensorSpec([None], tf.float64)]
        self.step = traced_once(
            lambda *shards: self.strategy.run(replica, shards), self.strategy, specs
        )

    def count(self, task, cuts):
        self.metric.reset_state()
        weight = np.ones(len(task.y_true)) if task.weight is None else task.weight
        shards = split([task.y_true, task.y_pred, weight], cuts)
        return self.step(*(per_replica(self.strategy, values) for values in shards))


@functools.cache
def sharded(kind, replicas, weighted):
    return Sharded(kind, replicas, weighted)


def assert_values(values, expected):
    assert list(values) == list(expected)
    for name, value in values.items():
        np.testing.assert_allclose(value, expected[name], 0, 1e-12, err_msg=name)


@pytest.mark.parametrize(
    ("kind", "replicas"),
    [("multiclass", [1, 3]), *(slow(kind, [1, 2, 5]) for kind in KINDS)],
)
@settings(max_examples=settings.default.max_examples // 2)
@given(data=st.data())
def test_every_score_on_any_split_over_any_replicas_equals_sklearn(kind, replicas, data):
    task = data.draw(tasks([kind], classes=st.just(CLASSES)))
    replicas = data.draw(st.sampled_from(replicas), "replicas")
    size = len(task.y_true)
    cuts = data.draw(
        st.lists(st.integers(0, size), min_size=replicas - 1, max_size=replicas - 1), "cuts"
    )
    chosen = sharded(kind, replicas, task.weight is not None)
    chosen.count(task, cuts)
    values = chosen.metric.score(chosen.metric.counts().numpy())
    assert_values(values, expected_scores(kind, *task.with_nonzero_weight()))


@pytest.mark.parametrize("kind", ["multiclass", slow("multilabel")])
def test_every_replica_reads_the_global_scores_inside_a_step(kind):
    random = np.random.default_rng(1)
    shape = (30, CLASSES) if kind == "multilabel" else (30,)
    y_true, y_pred = (random.integers(0, 2, shape) for _ in "ab")
    chosen = Sharded(kind, 2, weighted=False, read=True)
    inside = chosen.count(Task(y_true, y_pred, CLASSES, None), [7])
    expected = expected_scores(kind, y_true, y_pred, None)
    for index in range(2):
        local = {n: chosen.strategy.experimental_local_results(v)[index] for n, v in inside.items()}
        # A function returns a dict sorted by name.
        assert_values({name: local[name] for name in expected}, expected)
    assert_values(chosen.metric.result(), expected)


def test_the_confusion_matrix_of_binary_and_multilabel_scores():
    binary = dist_f1.ConfusionMatrix(threshold=0.5)
    binary.update_state([0, 1, 1, 0], [0.2, 0.9, 0.1, 0.3])
    assert binary.result().numpy().tolist() == [[2, 0], [1, 1]]
    assert binary.result().dtype == tf.int64
    assert dist_f1.ConfusionMatrix("true", num_classes=2).result().dtype == tf.float32
    targets, scores = np.array([[0, 1], [1, 1]]), np.array([[0.9, 0.8], [0.7, 0.1]])
    several = dist_f1.ConfusionMatrix(threshold=0.5)
    several.update_state(targets, scores)
    expected = reference.multilabel_confusion_matrix(targets, scores > 0.5)
    np.testing.assert_array_equal(several.result(), expected)


def test_scores_have_top_k_accuracy():
    random = np.random.default_rng(6)
    y_true, scores = random.integers(0, 5, 60), random.random((60, 5))
    metric = dist_f1.Scores(["accuracy"], top_k=2)
    metric.update_state(y_true, scores)
    expected = reference.top_k_accuracy_score(y_true, scores, k=2)
    assert float(metric.result()["accuracy"]) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("y_true", "y_pred"),
    [([1, 1, 1], [1, 1, 1]), ([0, 0, 0], [1, 1, 1]), ([0, 1, 2], [1, 2, 0]), ([2], [2])],
)
def test_one_class_only_and_no_correct_row_equal_sklearn(y_true, y_pred):
    metric = dist_f1.Scores(names_of("multiclass"), num_classes=CLASSES, dtype="float64")
    metric.update_state(y_true, y_pred)
    expected = expected_scores("multiclass", y_true, y_pred, None)
    for name, value in metric.result().items():
        np.testing.assert_allclose(value, expected[name], 0, 1e-12, err_msg=name)


def test_scores_without_rows_are_undefined_and_do_not_raise():
    metric = dist_f1.Scores(names_of("multiclass"), num_classes=CLASSES)
    values = {name: float(value) for name, value in metric.result().items()}
    undefined = {"accuracy", "hamming_loss", "balanced_accuracy"} | {
        name for name in values if name.startswith("cohen")
    }
    assert {name for name, value in values.items() if math.isnan(value)} == undefined
    assert {value for name, value in values.items() if name not in undefined} == {0.0}


@pytest.mark.parametrize("average", slow_except([None, "macro", "micro", "weighted"], "macro"))
@pytest.mark.parametrize(
    "kind",
    slow_except(["F1Score", "FBetaScore", "Precision", "Recall", "JaccardIndex"], "F1Score"),
)
@pytest.mark.parametrize("weighted", [False, True])
def test_a_ratio_inside_a_step_equals_the_ratio_after_it(kind, average, weighted):
    metric = getattr(dist_f1, kind)(average, weighted=weighted)
    scores = np.random.default_rng(0).random((30, CLASSES), np.float32)

    def step(y_true, y_pred, weight):
        metric.update_state(y_true, y_pred, weight if weighted else None)
        return metric.result()

    ids, weight = tf.range(30) % CLASSES, tf.linspace(0.5, 2.0, 30)
    inside = graph_function(step)(ids, scores, weight)
    np.testing.assert_allclose(inside, metric.result(), rtol=1e-6)
