"""Intervals of other scores are quantiles over resampled confusion matrices."""

import numpy as np
import pytest
from confusion_counts import NO_CONFUSION, THREE, binary_of, counts_of, multilabel_counts, stacked

from dist_f1 import scores
from dist_f1.intervals import confidence_interval, resampling
from dist_f1.scores.score_names import parse

METHODS = ["dirichlet", "multinomial"]


@pytest.mark.parametrize("method", ["auto", *METHODS])
@pytest.mark.parametrize("score", ["f1_macro", "matthews_corrcoef", "f2_weighted"])
def test_the_same_seed_gives_the_same_interval(score, method):
    def interval(seed):
        return confidence_interval(THREE, score, method=method, seed=seed)

    assert interval(3) == interval(3)
    assert interval(3) != interval(4)


def test_chunks_of_draws_do_not_change_the_interval(monkeypatch):
    whole = confidence_interval(THREE, "f1_macro", method="multinomial")
    monkeypatch.setattr(resampling, "_MAX_CELLS", 9 * 300)
    assert confidence_interval(THREE, "f1_macro", method="multinomial") == whole


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", ["f1", "precision", "recall", "specificity", "accuracy"])
def test_resampling_agrees_with_the_closed_form_for_many_rows(name, method):
    counts = binary_of([[8800, 200], [300, 700]])
    closed = confidence_interval(counts, name, method="wilson")
    np.testing.assert_allclose(
        confidence_interval(counts, name, method=method), closed, atol=0.1 * (closed[1] - closed[0])
    )


@pytest.mark.parametrize("counts", [NO_CONFUSION, multilabel_counts()])
def test_f2_of_each_class_is_resampled_on_its_own_table(counts):
    low, high = confidence_interval(counts, "f2_per_class")
    point = parse("f2_per_class")(counts)
    assert np.all((low < point) & (point < high))
    only_last = confidence_interval(counts, "f2_macro", labels=[2])
    assert only_last == (low[2], high[2])
    chosen = confidence_interval(counts, "f2_per_class", labels=[2, 0])
    np.testing.assert_array_equal(chosen, np.stack([low[[2, 0]], high[[2, 0]]]))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("diagonal", [[30, 20], [40, 3, 1], [20] * 20, [0, 25, 0]])
def test_a_perfect_score_has_a_lower_bound_below_one(diagonal, method):
    for name in ("accuracy", "f1_macro", "f1_weighted"):
        low, high = confidence_interval(counts_of(np.diag(diagonal)), name, method=method)
        assert 0.3 < low < 0.995
        assert high == 1.0


@pytest.mark.parametrize("method", METHODS)
def test_the_interval_contains_the_score_of_the_sample(method):
    random = np.random.default_rng(0)
    names = ["f1_macro", "precision_macro", "balanced_accuracy", "matthews_corrcoef", "f1_micro"]
    for _ in range(50):
        counts = counts_of(random.integers(0, 4, (4, 4)) * random.integers(0, 2, (4, 4)))
        if counts.total == 0:
            continue
        low, high = confidence_interval(counts, stacked(names), method=method, draws=100)
        point = stacked(names)(counts)
        assert np.all((low <= point) & (point <= high))


def test_an_absent_class_does_not_change_the_interval_of_a_macro_mean():
    wider = np.pad(THREE.confusion, [(0, 2), (0, 2)])
    assert confidence_interval(counts_of(wider), "f1_macro", method="dirichlet") == pytest.approx(
        confidence_interval(THREE, "f1_macro", method="dirichlet"), abs=0.01
    )


def test_resamples_with_a_nan_score_are_left_out():
    def defined_half_the_time(counts):
        value = scores.accuracy(counts)
        return np.where(value < 0.88, value, np.nan)

    low, high = confidence_interval(THREE, defined_half_the_time)
    assert low < scores.accuracy(THREE) <= high <= 0.88
    nothing = confidence_interval(THREE, lambda counts: scores.accuracy(counts) * np.nan)
    assert np.all(np.isnan(nothing))
