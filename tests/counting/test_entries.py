"""Single entries of rows: masks and weights `[N, C]`, and ignored values in 0/1 targets."""

import numpy as np
import pytest
import sklearn.metrics
from comparisons import same
from counted_batches import count
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from dist_f1 import Counts, scores
from dist_f1.batch.decision_rule import DecisionRule

RULE = DecisionRule(0.5)


@st.composite
def batches(draw):
    """0/1 targets, 0/1 decisions, and which entries count."""
    shape = draw(st.tuples(st.integers(0, 12), st.integers(2, 5)))
    flags = hnp.arrays(np.int64, shape, elements=st.integers(0, 1))
    return draw(flags), draw(flags), draw(flags).astype(bool)


def by_numpy(y_true, y_pred, weight):
    """The counts of each class, and the rows with entries left, from NumPy alone."""
    return {
        "true_positive": (weight * y_true * y_pred).sum(0),
        "predicted": (weight * y_pred).sum(0),
        "actual": (weight * y_true).sum(0),
        "class_total": weight.sum(0),
        "total": (weight != 0).any(1).sum(),
        "invalid": 0,
    }


def assert_counts(counts, expected):
    for name, value in expected.items():
        np.testing.assert_allclose(getattr(counts, name), value, rtol=1e-12, err_msg=name)


@given(batches())
def test_a_mask_of_entries_leaves_them_out_of_every_count(batch):
    y_true, y_pred, keep = batch
    # What is left out may be anything.
    scores_of = np.where(keep, y_pred, np.nan).astype(np.float32)
    targets = np.where(keep, y_true, 7.5)
    counted = count(targets, scores_of, mask=keep, rule=RULE)
    assert_counts(counted, by_numpy(y_true, y_pred, keep.astype(np.int64)))
    assert counted.true_positive.dtype == np.int64
    same(counted, count(y_true, y_pred.astype(np.float32), keep, rule=RULE))
    assert_scores(counted, y_true, y_pred, keep)


def assert_scores(counted, y_true, y_pred, keep):
    rows = keep.any(1)
    if not rows.any():
        return
    right = ((y_true == y_pred) | ~keep)[rows]
    assert scores.accuracy(counted) == pytest.approx(right.all(1).mean())
    assert scores.hamming_loss(counted) == pytest.approx((~right).sum() / keep.sum())
    # One row after another, from the entries that are left.
    f1 = [
        sklearn.metrics.f1_score(y_true[i][keep[i]], y_pred[i][keep[i]], zero_division=0.0)
        for i in np.flatnonzero(rows)
    ]
    assert scores.f1(counted, "samples") == pytest.approx(np.mean(f1), abs=1e-12)
    negative = ((y_true == 0) & keep).sum(0)
    correct = ((y_true == 0) & (y_pred == 0) & keep).sum(0)
    specificity = np.where(negative > 0, correct / np.maximum(negative, 1), 0.0)
    np.testing.assert_allclose(scores.specificity(counted), specificity)


@given(batches(), st.sampled_from([-1, 9, 255]))
def test_an_ignored_value_is_a_mask(batch, value):
    y_true, y_pred, keep = batch
    for dtype in (np.float32, np.int32):
        targets = np.where(keep, y_true, value).astype(dtype)
        counted = count(targets, y_pred.astype(np.float32), rule=RULE, ignore_class=value)
        same(counted, count(y_true, y_pred.astype(np.float32), mask=keep, rule=RULE))
    labels = Counts.from_labels(targets, y_pred, y_pred.shape[1], ignore_class=value).numpy()
    same(labels, counted)
    same(Counts.from_labels(y_true, y_pred, y_pred.shape[1], mask=keep).numpy(), counted)


@given(batches(), st.randoms(use_true_random=False))
def test_weights_of_entries(batch, random):
    y_true, y_pred, keep = batch
    weight = np.where(keep, np.vectorize(lambda _: random.uniform(0.5, 2), otypes=[float])(keep), 0)
    counted = count(y_true, y_pred.astype(np.float32), weight, rule=RULE)
    assert_counts(counted, by_numpy(y_true, y_pred, weight))
    assert counted.samples == {}
    with pytest.raises(ValueError, match="no sums over rows of f1"):
        scores.f1(counted, "samples")


def test_an_entry_that_counts_makes_its_row_invalid_and_says_why():
    y_true = np.array([[1, 0, -1], [1, 0, 1], [0, 0.5, 1], [0, 1, 1]])
    y_score = np.array([[0.9, 0.1, 0.2]] * 3 + [[np.nan, 0.9, 0.9]], np.float32)
    counted = count(y_true, y_score, rule=RULE)
    found = {cause: int(n) for cause, n in counted.invalid_causes.items() if n}
    assert found == {"negative_one": 1, "fraction": 1, "prediction": 1}
    counted = count(y_true, y_score, rule=RULE, ignore_class=-1)
    found = {cause: int(n) for cause, n in counted.invalid_causes.items() if n}
    assert found == {"fraction": 1, "prediction": 1}
    assert counted.total == 2
    weight = np.ones_like(y_true)
    weight[1, 1] = np.inf
    counted = count(y_true, y_score, weight, rule=RULE, ignore_class=-1)
    assert int(counted.invalid_causes["weight"]) == 1


def test_rows_of_ids_are_left_out_as_a_whole():
    y_score = np.eye(3, dtype=np.float32)
    counted = count(np.array([0, -1, 2]), y_score, rule=RULE, ignore_class=-1)
    assert (counted.total, counted.invalid) == (2, 0)
    assert counted.class_total.tolist() == [2, 2, 2]
    # Argmax has one decision for each row.
    one_hot = np.array([[1, 0, 0], [-1, -1, -1], [0, 0, 1]])
    counted = count(one_hot, y_score, ignore_class=-1)
    assert (counted.total, counted.invalid, counted.class_total) == (2, 0, ())


def test_an_ignored_class_stays_in_the_macro_mean_if_it_is_predicted():
    # Rows of class 0 are left out, but a row of class 1 is predicted as class 0.
    y_true, y_pred = np.array([0, 0, 1, 1, 2]), np.array([0, 1, 0, 1, 2])
    counted = count(y_true, np.eye(3, dtype=np.float32)[y_pred], ignore_class=0)
    kept = y_true != 0
    expected = sklearn.metrics.f1_score(y_true[kept], y_pred[kept], average="macro")
    assert scores.f1(counted, "macro") == pytest.approx(expected)
    without = scores.f1(counted, "macro", labels=[1, 2])
    assert without == pytest.approx((2 / 3 + 1) / 2)
