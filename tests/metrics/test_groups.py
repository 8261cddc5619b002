"""Scores of groups of rows, from the same accumulator and the same collective."""

import numpy as np
import pytest
import sklearn.metrics
import tensorflow as tf
from comparisons import same
from helpers import mirrored, run_on_shards
from hypothesis import given, settings
from hypothesis import strategies as st
from tasks import tasks
from tiers import slow
from tracing import graph_function

import dist_f1
from dist_f1 import Counts, count_collectives
from dist_f1.counts.causes import CAUSES

RANDOM = np.random.default_rng(0)
Y, P, BY = RANDOM.integers(0, 3, 90), RANDOM.integers(0, 3, 90), RANDOM.integers(0, 4, 90)


def f1_of(group):
    return sklearn.metrics.f1_score(Y[group == BY], P[group == BY], average="macro")


@settings(max_examples=settings.default.max_examples // 2)
@given(task=tasks(), groups=st.integers(1, 4))
def test_counts_by_group_are_the_counts_of_the_rows_of_each_group(task, groups):
    by = np.random.default_rng(len(task.y_true)).integers(0, groups, len(task.y_true))
    arguments = {"num_classes": task.num_classes, "confusion": True}
    together = Counts.from_labels(
        task.y_true, task.y_pred, sample_weight=task.weight, by=by, num_groups=groups, **arguments
    ).numpy()
    for group in range(groups):
        own = by == group
        weight = None if task.weight is None else task.weight[own]
        alone = Counts.from_labels(
            task.y_true[own], task.y_pred[own], sample_weight=weight, **arguments
        )
        for a, b in zip(*map(_values, (together.at(group), alone.numpy())), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-12)
    whole = Counts.from_labels(task.y_true, task.y_pred, sample_weight=task.weight, **arguments)
    if task.weight is None:
        same(together.overall(), whole.with_causes(len(CAUSES)))


def _values(counts):
    # Only counts of groups have a counter for unknown groups.
    return tf.nest.flatten(counts.with_causes(len(CAUSES)))


@pytest.mark.parametrize("replicas", [slow(1), 3])
def test_scores_by_group_and_their_largest_gap(replicas):
    chosen = mirrored(replicas)
    with chosen.scope():
        metric = dist_f1.F1Score("macro", num_classes=3, num_groups=5, dtype="float64")

    def replica(y_true, y_pred, by):
        metric.update_state(y_true, y_pred, by=by)

    run_on_shards(chosen, replica, [Y, P, BY], [10, 30][: replicas - 1])
    expected = [f1_of(group) for group in range(4)]
    # The fifth group has no rows.
    np.testing.assert_allclose(metric.result_by_group(), [*expected, np.nan], atol=1e-12)
    assert float(metric.gap()) == pytest.approx(max(expected) - min(expected), abs=1e-12)
    overall = sklearn.metrics.f1_score(Y, P, average="macro")
    assert float(metric.result()) == pytest.approx(overall, abs=1e-12)
    assert metric.counts().total == 90
    assert metric.counts_by_group().total.numpy().tolist() == [*np.bincount(BY), 0]
    assert metric.report() == dist_f1.report(Counts.from_labels(Y, P, 3))


def test_scores_of_a_class_by_group():
    metric = dist_f1.Recall(num_classes=3, num_groups=4)
    metric.update_state(Y, P, by=BY)
    expected = np.array(
        [
            sklearn.metrics.recall_score(Y[g == BY], P[g == BY], average=None, labels=range(3))
            for g in range(4)
        ]
    )
    np.testing.assert_allclose(metric.result_by_group(), expected, rtol=1e-6)
    np.testing.assert_allclose(metric.gap(), np.ptp(expected, axis=0), rtol=1e-6)


def test_groups_are_read_with_the_other_scores_in_one_collective():
    chosen = mirrored(2)
    names = ["f1_macro", "f1_macro_by_group", "f1_macro_gap", "recall_per_class_gap"]
    with chosen.scope():
        metric = dist_f1.Scores(names, num_classes=3, num_groups=4, dtype="float64")

    def replica(y_true, y_pred, by):
        metric.update_state(y_true, y_pred, by=by)
        return metric.result()

    step = graph_function(lambda *args: chosen.run(replica, args))
    assert count_collectives(step, *map(tf.constant, (Y, P, BY))) == 1
    metric.reset_state()
    metric.update_state(Y, P, by=BY)
    values = {name: float(value) for name, value in metric.result().items()}
    by_group = {f"f1_macro_group_{g}": f1_of(g) for g in range(4)}
    assert {name: values[name] for name in by_group} == pytest.approx(by_group, abs=1e-12)
    gap = max(by_group.values()) - min(by_group.values())
    assert values["f1_macro_gap"] == pytest.approx(gap, abs=1e-12)
    assert {"recall_0_gap", "recall_1_gap", "recall_2_gap"} <= set(values)


def test_scores_have_an_entry_for_each_class_of_each_group():
    metric = dist_f1.Scores(["recall_per_class_by_group"], num_classes=3, num_groups=4)
    metric.update_state(Y, P, by=BY)
    values = metric.result()
    assert len(values) == 12
    for group in range(4):
        expected = sklearn.metrics.recall_score(Y[group == BY], P[group == BY], average=None)
        ours = [float(values[f"recall_{c}_group_{group}"]) for c in range(3)]
        assert ours == pytest.approx(list(expected))


def test_a_matrix_for_each_group():
    rows = {"y_true": [0, 1, 2], "y_pred": [0, 1, 1], "by": [0, 1, 1]}
    counts = dist_f1.ConfusionMatrix(num_classes=3, num_groups=3)
    fractions = dist_f1.ConfusionMatrix("true", num_classes=3, num_groups=3)
    for metric in (counts, fractions):
        metric.update_state(**rows)
    first, second, empty = counts.result_by_group().numpy()
    assert first.tolist() == [[1, 0, 0], [0, 0, 0], [0, 0, 0]]
    assert second.tolist() == [[0, 0, 0], [0, 1, 0], [0, 1, 0]]
    assert not empty.any()
    first, second, empty = fractions.result_by_group().numpy()
    assert second.tolist() == [[0, 0, 0], [0, 1, 0], [0, 1, 0]]
    assert np.isnan(empty).all()
    assert not np.isnan(first).any()
    with pytest.raises(ValueError, match="A matrix has no gap"):
        counts.gap()
    with pytest.raises(ValueError, match="f1_macro_gap"):
        dist_f1.Scores(num_groups=2).gap()


def test_the_gap_of_one_group_is_0_and_of_no_rows_is_nan():
    metric = dist_f1.F1Score("macro", num_classes=3, num_groups=2)
    metric.update_state(Y, P, by=np.zeros_like(Y))
    assert float(metric.gap()) == 0.0
    metric.reset_state()
    assert np.isnan(float(metric.gap()))


def test_rows_with_an_invalid_group_id_are_invalid():
    metric = dist_f1.F1Score("macro", num_classes=3, num_groups=2)
    metric.update_state([0, 1, 2, 2], [0, 1, 2, 2], by=[0, 1, 2, -1])
    counts = metric.counts().numpy()
    assert (counts.total, counts.invalid) == (2, 2)
    with pytest.raises(ValueError, match=r"2 of 4 rows were not counted.*group id that is not"):
        metric.gap()
    fractional = dist_f1.F1Score("macro", num_classes=3, num_groups=2)
    fractional.update_state([0, 1], [0, 1], by=[0.5, np.nan])
    assert fractional.counts().invalid == 2


def test_a_group_id_applies_to_its_leading_axes_as_a_weight_does():
    metric = dist_f1.F1Score("macro", num_classes=3, num_groups=2)
    metric.update_state(Y.reshape(2, 45), P.reshape(2, 45), by=[1, 0])
    assert metric.counts_by_group().total.numpy().tolist() == [45, 45]


def test_another_number_of_groups_is_neither_restored_nor_merged(tmp_path):
    def make(groups=4):
        return dist_f1.F1Score("macro", num_classes=3, num_groups=groups)

    metric = make()
    metric.update_state(Y, P, by=BY)
    path = tf.train.Checkpoint(f1=metric.accumulator).save(str(tmp_path / "f1"))
    with pytest.raises(ValueError, match="groups=4"):
        tf.train.Checkpoint(f1=make(3).accumulator).restore(path)
    with pytest.raises(ValueError, match="another decision"):
        make(3).merge_state([metric])


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: dist_f1.F1Score(num_groups=0), "num_groups must be a positive integer, got 0"),
        (
            lambda: dist_f1.F1Score(num_classes=3, num_groups=2).update_state(Y, P),
            "num_groups= was passed without by=",
        ),
        (
            lambda: dist_f1.F1Score(num_classes=3).update_state(Y, P, by=BY),
            "by= was passed without num_groups=",
        ),
        (
            lambda: dist_f1.F1Score(num_classes=3, num_groups=2).update_state(Y, P, by=BY[:5]),
            "by has shape",
        ),
        (
            lambda: dist_f1.F1Score(num_classes=3).gap(),
            "does not count by groups. Pass num_groups=",
        ),
        (lambda: dist_f1.F1Score(num_classes=3).counts_by_group(), "does not count by groups"),
    ],
)
def test_missing_or_extra_group_arguments_raise(call, message):
    with pytest.raises(ValueError, match=message):
        call()
