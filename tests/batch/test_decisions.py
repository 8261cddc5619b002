import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from dist_f1.batch.decision_rule import DecisionRule, comparison_threshold
from dist_f1.batch.decisions import decide

FLOATS = {"float16": tf.float16, "bfloat16": tf.bfloat16, "float32": tf.float32}


def _scores(dtype):
    # Few distinct values, so that ties are common.
    return hnp.arrays(
        dtype, st.tuples(st.integers(0, 6), st.integers(2, 5)), elements=st.integers(-2, 2)
    )


@given(_scores(np.float32))
def test_argmax_and_its_ties_are_those_of_numpy(scores):
    decision = decide(tf.constant(scores), DecisionRule())
    np.testing.assert_array_equal(decision.ids, np.argmax(scores, axis=-1))


@given(_scores(np.float32), st.integers(1, 2))
def test_top_k_takes_the_best_and_breaks_ties_by_index(scores, k):
    decision = decide(tf.constant(scores), DecisionRule(top_k=k))
    expected = np.argsort(-scores, axis=-1, kind="stable")[:, :k]
    np.testing.assert_array_equal(decision.ids, expected)


@pytest.mark.parametrize("position", [0, 1, 7, 99])
@pytest.mark.parametrize("rule", [DecisionRule(), DecisionRule(0.5), DecisionRule(top_k=2)])
def test_a_nan_anywhere_leaves_the_row_undecided(rule, position):
    scores = np.random.default_rng(0).random((4, 100), np.float32)
    scores[2, position] = np.nan
    decision = decide(tf.constant(scores), rule)
    known = np.reshape(decision.valid, [4, -1]).all(axis=-1)
    np.testing.assert_array_equal(known, [True, True, False, True])


def test_threshold_is_exclusive_and_may_differ_by_class():
    scores = tf.constant([[0.5, 0.5, 0.5], [0.6, 0.2, 0.9]])
    np.testing.assert_array_equal(
        decide(scores, DecisionRule(0.5)).multi_hot, [[False] * 3, [True, False, True]]
    )
    np.testing.assert_array_equal(
        decide(scores, DecisionRule([0.4, 0.5, 0.9])).multi_hot,
        [[True, False, False], [True, False, False]],
    )


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("from_logits", [False, True])
@given(threshold=st.floats(0.01, 1.0))
def test_narrow_scores_decide_as_if_they_were_cast_to_float32(dtype, from_logits, threshold):
    dtype = FLOATS[dtype]
    wide = comparison_threshold(threshold, from_logits, tf.float32)
    near = np.asarray(wide if np.isfinite(wide) else 1.0).astype(dtype.as_numpy_dtype)
    down, up = (np.nextafter(near, np.asarray(s * np.inf, near.dtype)) for s in (-1.0, 1.0))
    scores = tf.constant(np.stack([down, near, up])[np.newaxis])
    np.testing.assert_array_equal(
        decide(scores, DecisionRule(threshold, from_logits=from_logits)).multi_hot,
        tf.cast(scores, tf.float32) > wide,
    )


@given(st.floats(0.01, 0.99), hnp.arrays(np.float64, (5, 3), elements=st.floats(-20, 20)))
def test_a_threshold_on_logits_is_the_threshold_on_their_sigmoid(threshold, logits):
    probabilities = 1.0 / (1.0 + np.exp(-logits))
    clear = np.abs(probabilities - threshold) > 1e-9
    chosen = decide(tf.constant(logits), DecisionRule(threshold, from_logits=True)).multi_hot
    np.testing.assert_array_equal(chosen.numpy()[clear], (probabilities > threshold)[clear])


def test_no_sigmoid_is_computed():
    rule = DecisionRule(0.3, from_logits=True)
    function = tf.function(lambda x: decide(x, rule).multi_hot)
    graph = function.get_concrete_function(tf.TensorSpec([None, 4])).graph
    assert not {op.type for op in graph.get_operations()} & {"Sigmoid", "Exp", "LogisticGrad"}


@pytest.mark.parametrize("threshold", [0.0, -0.5, 1.5, float("nan"), "0.5", True, [0.5, 2.0]])
def test_a_threshold_that_is_no_probability_is_refused(threshold):
    with pytest.raises(ValueError, match=r"0 < threshold <= 1.*from_logits"):
        DecisionRule(threshold)


@pytest.mark.parametrize("dtype", [np.float32, np.float16])
@pytest.mark.parametrize("threshold", [0.5, (0.3, 0.6, 0.1, 0.9)])
@pytest.mark.parametrize("from_logits", [False, True])
def test_top_k_with_a_threshold_predicts_those_of_the_best_that_are_above(
    dtype, threshold, from_logits
):
    scores = np.random.default_rng(0).random((50, 4)).astype(dtype)
    logits = np.log(scores / (1 - scores)).astype(dtype) if from_logits else scores
    rule = DecisionRule(threshold, top_k=2, from_logits=from_logits)
    best = np.zeros((50, 4), bool)
    np.put_along_axis(best, np.argsort(-logits, axis=1, kind="stable")[:, :2], True, axis=1)
    probabilities = 1 / (1 + np.exp(-logits.astype(np.float64))) if from_logits else logits
    expected = best & (probabilities.astype(np.float64) > np.asarray(threshold, np.float32))
    decided = decide(tf.constant(logits), rule)
    found = np.zeros((50, 4), bool)
    np.put_along_axis(found, decided.ids.numpy(), decided.where.numpy(), axis=1)
    np.testing.assert_array_equal(found, expected)
    assert 0 < found.sum() < best.sum()


@pytest.mark.parametrize("top_k", [0, -1, 1.5, True])
def test_top_k_must_be_a_positive_integer(top_k):
    with pytest.raises(ValueError, match="positive integer"):
        DecisionRule(top_k=top_k)
