"""Counts of independent jobs merge, as metrics and as files."""

import numpy as np
import pytest
import tensorflow as tf
from comparisons import same
from helpers import mirrored, strategy
from sklearn.metrics import f1_score
from tracing import graph_function

import dist_f1
from dist_f1 import Counts


def job(name, seed, rows, **options):
    """Return a metric of one strategy after an evaluation, and its rows."""
    chosen = strategy(name)
    random = np.random.default_rng(seed)
    columns = random.integers(0, 4, rows), random.integers(0, 4, rows)
    with chosen.scope():
        metric = dist_f1.F1Score("macro", num_classes=4, **options)
    metric.update_state(*columns)
    return metric, columns


@pytest.mark.parametrize("into", ["none", "mirrored_2", "central_3"])
def test_metrics_of_independent_jobs_merge(into):
    metrics, columns = zip(
        *(job(*spec) for spec in [("mirrored_3", 0, 11), ("none", 1, 7), ("mirrored_2", 2, 5)]),
        strict=True,
    )
    with strategy(into).scope():
        merged = dist_f1.F1Score("macro", num_classes=4)
        merged.merge_state(metrics)
    y_true, y_pred = (np.concatenate(column) for column in zip(*columns, strict=True))
    same(merged.counts(), Counts.from_labels(y_true, y_pred, 4))
    assert merged.result().numpy() == pytest.approx(f1_score(y_true, y_pred, average="macro"))
    # Merging adds to the counts, and does not change the other metrics.
    merged.merge_state(metrics[1:2])
    assert merged.counts().total == 11 + 7 + 5 + 7
    assert [int(metric.counts().total) for metric in metrics] == [11, 7, 5]


@pytest.mark.parametrize("graph", [False, True])
def test_merging_inside_replicas_adds_the_counts_of_each_replica(graph):
    chosen = mirrored(3)
    with chosen.scope():
        total, part = (dist_f1.F1Score("micro", num_classes=2) for _ in range(2))

    def replica():
        part.update_state(tf.constant([0, 1]), tf.constant([0, 0]))
        total.merge_state([part])
        part.reset_state()

    def step():
        chosen.run(replica)

    step = graph_function(step) if graph else step
    for _ in range(3):
        step()
    assert part.counts().total == 0
    assert total.counts().total == 3 * 3 * 2
    assert total.counts().true_positive.numpy().tolist() == [9, 0]


def test_weighted_unweighted_and_empty_metrics_merge():
    weighted, plain, empty = (dist_f1.F1Score("micro", num_classes=2) for _ in range(3))
    weighted.update_state([0, 1], np.eye(2), [0.5, 1.0])
    plain.update_state([0, 1], np.eye(2))
    fresh = dist_f1.F1Score("micro")
    fresh.merge_state([])
    fresh.merge_state([empty])
    fresh.merge_state(iter([plain, weighted]))
    assert fresh.counts().total == 3.5
    with pytest.raises(ValueError, match="weighted=True"):
        plain.merge_state([weighted])
    assert plain.counts().total == 2
    weighted.merge_state([weighted])
    assert weighted.counts().total == 3.0


def test_metrics_of_another_decision_raise_and_nothing_is_merged():
    metric = dist_f1.F1Score("micro", num_classes=3)
    metric.update_state([0], np.array([1]))
    more = dist_f1.F1Score("micro", num_classes=4)
    more.update_state([0], np.array([1]))
    top = dist_f1.F1Score("micro", num_classes=3, top_k=2)
    for others, match in [
        ([metric, top], "another decision"),
        ([metric, tf.keras.metrics.Mean()], "cannot be merged"),
        ([more], r"num_classes=3.*num_classes=4"),
        ([metric, more], "different shape"),
    ]:
        with pytest.raises(ValueError, match=match):
            metric.merge_state(others)
        assert metric.counts().total == 1


def test_merging_a_single_metric_raises():
    metric = dist_f1.F1Score("micro", num_classes=2)
    with pytest.raises(ValueError, match=r"Pass \[metric\]"):
        metric.merge_state(metric)


@pytest.mark.parametrize("name", ["none", "mirrored_2"])
def test_merging_and_resetting_may_be_compiled_before_the_first_update(name):
    chosen = strategy(name)
    with chosen.scope():
        total, part = (dist_f1.F1Score("micro", num_classes=2) for _ in range(2))

    @tf.function
    def merge():
        with chosen.scope():
            total.merge_state([part])
            part.reset_state()

    merge()
    for seen in (1, 2):
        part.update_state([0], np.array([1]))
        merge()
        assert part.counts().total == 0
        assert total.counts().total == seen
    with pytest.raises(ValueError, match="before its first update"):
        graph_function(dist_f1.F1Score().reset_state)()


def test_counts_in_files_merge_without_a_metric(tmp_path):
    expected = []
    for seed, name in enumerate(["mirrored_3", "none", "mirrored_2"]):
        metric, columns = job(name, seed, 5 + seed)
        metric.counts().save(tmp_path / f"{seed}.npz")
        expected.append(columns)
    merged = sum(Counts.load(path) for path in tmp_path.iterdir())
    y_true, y_pred = (np.concatenate(column) for column in zip(*expected, strict=True))
    same(merged, Counts.from_labels(y_true, y_pred, 4))
    ours = dist_f1.scores.f1(merged, "macro")
    assert ours == pytest.approx(f1_score(y_true, y_pred, average="macro"), abs=1e-12)
