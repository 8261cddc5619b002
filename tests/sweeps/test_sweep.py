"""A sweep has the counts of every threshold, and curves and best thresholds like scikit-learn's."""

import warnings

import numpy as np
import pytest
import sklearn.metrics
import tensorflow as tf
from comparisons import same
from hypothesis import given, settings
from hypothesis import strategies as st

import dist_f1
from dist_f1 import scores
from dist_f1.sweeps import Sweep

KINDS = ("multiclass", "binary", "multilabel")
FIELDS = ("true_positive", "predicted", "actual", "total", "invalid")


@st.composite
def scored(draw, kinds=KINDS):
    """Targets, scores with few different values, and perhaps weights."""
    kind, rows = draw(st.sampled_from(kinds)), draw(st.integers(1, 40))
    random = np.random.default_rng(draw(st.integers(0, 10_000)))
    classes = 1 if kind == "binary" else draw(st.integers(2, 4))
    targets = random.integers(0, 2, (rows, classes))
    if kind == "multiclass":
        targets = random.integers(0, classes, rows)
    elif kind == "binary":
        targets = targets[:, 0]
    y_score = random.integers(0, 21, (rows, classes)) / 20.0
    weight = random.choice([0.25, 0.7, 1.0, 3.3], rows) if draw(st.booleans()) else None
    return targets, y_score, weight


def one_hot(targets, classes):
    if targets.ndim == 2 or classes == 1:
        return targets.reshape(len(targets), classes)
    return np.eye(classes, dtype=int)[targets]


@settings(max_examples=6)
@given(data=scored(), thresholds=st.sampled_from([2, 10, 20, (0.07, 0.35, 0.9)]))
def test_the_counts_at_each_threshold_are_those_of_a_metric_with_that_threshold(data, thresholds):
    targets, y_score, weight = data
    sweep = Sweep.from_scores(targets, y_score, thresholds, weight)
    for threshold in sweep.thresholds[[0, 1, -1]]:
        metric = dist_f1.F1Score(threshold=float(threshold))
        metric.update_state(targets, y_score, weight)
        expected, ours = metric.counts().numpy(), sweep.at(threshold)
        for field in FIELDS:
            if weight is None:
                np.testing.assert_array_equal(getattr(ours, field), getattr(expected, field))
            else:
                np.testing.assert_allclose(getattr(ours, field), getattr(expected, field), 1e-12)


# A threshold between any two of the scores k / 20, and one below them all but 0.
BETWEEN = tuple((k + 0.5) / 20.0 for k in range(20))


@pytest.mark.parametrize("average", [None, "macro", "micro", "weighted"])
@settings(max_examples=8)
@given(data=scored())
def test_average_precision_equals_that_of_sklearn(average, data):
    targets, y_score, weight = data
    expected_targets = one_hot(targets, y_score.shape[1])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = sklearn.metrics.average_precision_score(
            expected_targets, y_score, average=average, sample_weight=weight
        )
    if average == "weighted" and not expected_targets.any():
        expected = 0.0
    ours = Sweep.from_scores(targets, y_score, BETWEEN, weight).average_precision(average)
    np.testing.assert_allclose(np.ravel(ours), np.ravel(expected), 0, 1e-12)


@settings(max_examples=8)
@given(data=scored(["binary"]))
def test_the_curve_has_all_points_of_the_curve_of_sklearn(data):
    targets, y_score, weight = data
    if not targets.any():
        return
    precision, recall, _ = sklearn.metrics.precision_recall_curve(
        targets, y_score[:, 0], sample_weight=weight
    )
    curve = Sweep.from_scores(targets, y_score, BETWEEN, weight).curve()
    ours = np.stack([curve.precision[:, 0], curve.recall[:, 0]], axis=1)
    assert curve.thresholds[0] == -np.inf
    assert len(curve.thresholds) + 1 == len(ours)
    for point in zip(precision, recall, strict=True):
        assert np.abs(ours - point).max(axis=1).min() < 1e-12


@settings(max_examples=6)
@given(data=scored(), beta=st.sampled_from([0.5, 1.0, 2.0]))
def test_no_threshold_has_a_higher_score_than_the_best_one(data, beta):
    targets, y_score, weight = data
    sweep = Sweep.from_scores(targets, y_score, 10, weight)
    truth, classes = one_hot(targets, y_score.shape[1]), y_score.shape[1]
    best = sweep.best(beta=beta)
    for c in range(classes):
        values = [
            sklearn.metrics.fbeta_score(
                truth[:, c], y_score[:, c] > t, beta=beta, zero_division=0, sample_weight=weight
            )
            for t in sweep.thresholds
        ]
        assert best.score[c] == pytest.approx(max(values), abs=1e-12)
        at_best = list(sweep.thresholds).index(best.threshold[c])
        assert values[at_best] == pytest.approx(max(values), abs=1e-12)
    np.testing.assert_allclose(scores.f_beta(best.counts, beta), best.score, 1e-12)


@pytest.mark.parametrize("average", ["macro", "micro", "weighted"])
@settings(max_examples=5)
@given(data=scored(["multilabel"]))
def test_one_threshold_for_all_classes_maximises_the_average(average, data):
    targets, y_score, weight = data
    sweep = Sweep.from_scores(targets, y_score, 10, weight)
    values = [
        sklearn.metrics.f1_score(
            targets, y_score > t, average=average, zero_division=0, sample_weight=weight
        )
        for t in sweep.thresholds
    ]
    best = sweep.best(average)
    assert best.score == pytest.approx(max(values), abs=1e-12)
    same(best.counts, sweep.at(best.threshold))


def test_ties_go_to_the_lowest_threshold():
    sweep = Sweep.from_scores([0, 1], [0.2, 0.9], thresholds=10)
    assert sweep.best().threshold.tolist() == [pytest.approx(0.2)]
    assert sweep.best("macro").threshold == pytest.approx(0.2)


def test_labels_select_the_classes():
    random = np.random.default_rng(0)
    targets, y_score = random.integers(0, 2, (50, 3)), random.random((50, 3))
    sweep = Sweep.from_scores(targets, y_score)
    assert sweep.average_precision("macro", labels=[0, 2]) == pytest.approx(
        sweep.average_precision()[[0, 2]].mean()
    )
    np.testing.assert_array_equal(sweep.best(labels=[2]).threshold, sweep.best().threshold[2:])
    assert sweep.best("macro", labels=[1]).threshold == sweep.best().threshold[1]


def test_the_scores_of_a_binary_task_are_of_its_positive_class():
    sweep = Sweep.from_scores([1, 1, 0, 0], [0.9, 0.3, 0.6, 0.1], thresholds=10)
    assert sweep.best("macro", labels=[1]).score == sweep.best("macro").score
    assert sweep.average_precision("macro", labels=[1]) == sweep.average_precision("macro")
    for ask in (sweep.best, sweep.average_precision, lambda labels: sweep.best("macro", 1, labels)):
        with pytest.raises(ValueError, match=r"labels=\[0\], but .*positive class, 1"):
            ask(labels=[0])


def test_the_sum_of_sweeps_is_the_sweep_of_all_rows():
    random = np.random.default_rng(0)
    targets, y_score = random.integers(0, 2, (50, 3)), random.random((50, 3))
    parts = [Sweep.from_scores(targets[rows], y_score[rows]) for rows in (slice(9), slice(9, 50))]
    same((parts[0] + parts[1]).counts, Sweep.from_scores(targets, y_score).counts)
    with pytest.raises(ValueError, match="different thresholds"):
        parts[0] + Sweep.from_scores(targets, y_score, thresholds=7)


def test_counts_at_a_threshold_have_a_report_and_no_sample_averages():
    random = np.random.default_rng(0)
    targets, y_score = random.integers(0, 2, (50, 3)), random.random((50, 3))
    counts = Sweep.from_scores(targets, y_score).at(0.5)
    expected = sklearn.metrics.classification_report(
        targets, y_score > 0.5, output_dict=True, zero_division=0
    )
    del expected["samples avg"]
    assert dist_f1.report(counts, output_dict=True) == {
        name: pytest.approx(row, abs=1e-12) for name, row in expected.items()
    }
    with pytest.raises(ValueError, match="every class correct"):
        scores.accuracy(counts)
    with pytest.raises(ValueError, match=r"have no sums over rows of f1.*have none"):
        scores.f1(counts, "samples")
    with pytest.raises(ValueError, match=r"200 groups or thresholds.*counts.at"):
        dist_f1.report(Sweep.from_scores(targets, y_score).counts)


def test_every_score_has_a_value_for_every_threshold():
    random = np.random.default_rng(0)
    targets, y_score = random.integers(0, 2, 50), random.random(50)
    sweep = Sweep.from_scores(targets, y_score, thresholds=20)
    values = scores.matthews_corrcoef(sweep.counts)
    for threshold, value in zip(sweep.thresholds, values, strict=True):
        expected = sklearn.metrics.matthews_corrcoef(targets, y_score > threshold)
        assert value == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda s: s.at(0.123), "not one of the 20 thresholds"),
        (lambda s: s.average_precision("samples"), 'average must be None, "micro"'),
        (lambda s: s.best(labels=[7]), r"labels holds \[7\]"),
    ],
)
def test_unsupported_arguments_raise(call, message):
    sweep = Sweep.from_scores(np.eye(2), np.eye(2), thresholds=20)
    with pytest.raises(ValueError, match=message):
        call(sweep)


def test_results_in_a_graph_equal_those_of_numpy():
    random = np.random.default_rng(1)
    targets, y_score = random.integers(0, 2, (50, 3)), random.random((50, 3))
    metric = dist_f1.ThresholdSweep(50, dtype="float64")
    metric.update_state(targets, y_score)
    sweep = metric.sweep()
    inside = tf.function(metric.result, autograph=False)()
    assert float(inside["average_precision"]) == pytest.approx(sweep.average_precision("macro"))
    assert float(inside["best_f1"]) == pytest.approx(sweep.best("macro").score)
    assert float(inside["best_threshold"]) == pytest.approx(sweep.best("macro").threshold)
