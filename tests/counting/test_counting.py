"""Every form of targets and predictions that an update accepts counts the same rows."""

import numpy as np
import pytest
import tensorflow as tf
from comparisons import only_valid, same
from counted_batches import ARGMAX, SCORES, Y_PRED, Y_TRUE, count, count_tensors, expected
from hypothesis import given
from hypothesis import strategies as st
from tasks import tasks

from dist_f1 import Counts, kernels
from dist_f1.batch.decision_rule import DecisionRule


@pytest.mark.parametrize("shape", [(6,), (6, 1), (2, 3), (2, 3, 1), (1, 2, 3)])
@pytest.mark.parametrize(
    "dtype", ["int32", "int64", "uint8", "float32", "float64", "float16", "bfloat16"]
)
def test_ids_of_any_dtype_and_leading_shape(shape, dtype):
    leading = shape[:-1] if shape[-1] == 1 else shape
    y_true = tf.reshape(tf.cast(Y_TRUE, dtype), shape)
    same(
        count(y_true, SCORES.reshape(*leading, 3)),
        expected(Y_TRUE, Y_PRED, 3),
    )


@pytest.mark.parametrize("dtype", ["bool", "int32", "uint8", "float32", "float16"])
@pytest.mark.parametrize("leading", [(6,), (2, 3), (1, 2, 3)])
def test_one_hot_targets_count_as_their_ids(dtype, leading):
    y_true = tf.reshape(tf.cast(tf.one_hot(Y_TRUE, 3), dtype), [*leading, 3])
    same(count(y_true, SCORES.reshape(*leading, 3)), expected(Y_TRUE, Y_PRED, 3))


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64"])
def test_scores_of_any_float_dtype(dtype):
    same(count(Y_TRUE, tf.cast(SCORES, dtype)), expected(Y_TRUE, Y_PRED, 3))


@pytest.mark.parametrize("shape", [(6,), (6, 1), (2, 3)])
def test_integer_predictions_are_labels(shape):
    same(
        count(Y_TRUE.reshape(shape), Y_PRED.reshape(shape), num_classes=3),
        expected(Y_TRUE, Y_PRED, 3),
    )
    same(count(Y_TRUE, Y_PRED.reshape(6, 1), num_classes=3), expected(Y_TRUE, Y_PRED, 3))
    for y_pred in (Y_PRED, Y_PRED.reshape(6, 1)):
        same(count(np.eye(3)[Y_TRUE], y_pred, num_classes=3), expected(Y_TRUE, Y_PRED, 3))


def test_integer_predictions_of_one_class_are_binary_labels():
    same(
        count(np.array([0, 1, 1]), np.array([0, 1, 0]), num_classes=1),
        expected([0, 1, 1], [0, 1, 0], 1),
    )


@pytest.mark.parametrize("y_true_shape", [(4,), (4, 1)])
@pytest.mark.parametrize("y_pred_shape", [(4,), (4, 1)])
@pytest.mark.parametrize("dtype", ["int32", "float32", "bool"])
def test_binary_scores_with_and_without_an_axis(y_true_shape, y_pred_shape, dtype):
    y_true = tf.reshape(tf.cast([0, 1, 1, 0], dtype), y_true_shape)
    y_pred = np.reshape(np.float32([0.2, 0.9, 0.4, 0.6]), y_pred_shape)
    same(count(y_true, y_pred, rule=DecisionRule(0.5)), expected([0, 1, 1, 0], [0, 1, 0, 1], 1))


def test_num_classes_of_one_makes_every_element_a_binary_score():
    y_true = np.array([[0, 1, 1], [0, 0, 1]])
    y_pred = np.float32([[0.1, 0.7, 0.3], [0.8, 0.2, 0.9]])
    same(
        count(y_true, y_pred, rule=DecisionRule(0.5), num_classes=1),
        expected([0, 1, 1, 0, 0, 1], [0, 1, 0, 1, 0, 1], 1),
    )


@given(tasks(["multilabel"]), st.booleans())
def test_multilabel_scores_count_as_their_indicators(task, with_time):
    if with_time and len(task.y_true) % 2:
        return
    shape = (2, -1, task.num_classes) if with_time else (-1, task.num_classes)
    y_pred = np.where(task.y_pred, 0.9, 0.1)
    weight = None if task.weight is None else task.weight.reshape(shape[:-1])
    same(
        count(task.y_true.reshape(shape), y_pred.reshape(shape), weight, rule=DecisionRule(0.5)),
        expected(task.y_true, task.y_pred, task.num_classes, task.weight),
    )


def test_a_threshold_with_integer_ids_asks_each_class_on_its_own():
    y_pred = np.float32([[0.9, 0.8, 0.1], [0.2, 0.3, 0.1], [0.1, 0.2, 0.7]])
    y_true = np.array([1, 1, 2])
    rule = DecisionRule(0.5)
    same(
        count(y_true, y_pred, rule=rule),
        expected(np.eye(3, dtype=int)[y_true], (y_pred > 0.5).astype(int), 3),
    )


@pytest.mark.parametrize("k", [1, 2, 3])
@pytest.mark.parametrize("weighted", [False, True])
def test_top_k_counts_as_the_indicators_of_the_k_best(k, weighted):
    random = np.random.default_rng(1)
    y_pred = random.random((20, 4)).astype(np.float32)
    best = np.argsort(-y_pred, axis=-1)[:, :k]
    chosen = np.zeros((20, 4), int)
    np.put_along_axis(chosen, best, 1, axis=-1)
    weight = random.random(20) if weighted else None
    rule = DecisionRule(top_k=k)
    ids = random.integers(0, 4, 20)
    multi_hot = random.integers(0, 2, (20, 4))
    for y_true, indicator in ((ids, np.eye(4, dtype=int)[ids]), (multi_hot, multi_hot)):
        for ours, reference in zip(
            tf.nest.flatten(count(y_true, y_pred, weight, rule=rule)),
            tf.nest.flatten(expected(indicator, chosen, 4, weight)),
            strict=True,
        ):
            np.testing.assert_allclose(ours, reference, rtol=1e-12)


@pytest.mark.parametrize("as_weight", [False, True])
def test_masked_rows_leave_no_trace_and_counts_stay_integers(as_weight):
    mask = np.array([True, False, True, True, False, True])
    y_true = np.where(mask, Y_TRUE, -5)
    y_pred = np.where(mask[:, np.newaxis], SCORES, np.nan).astype(np.float32)
    counted = count(y_true, y_pred, **{"weight" if as_weight else "mask": mask})
    same(counted, expected(Y_TRUE[mask], Y_PRED[mask], 3))


def test_the_mask_that_keras_attaches_is_honoured_beside_a_given_one():
    y_pred = tf.constant(SCORES.reshape(2, 3, 3))
    y_pred._keras_mask = tf.constant([[True, True, False], [True, False, True]])
    both = np.array([True, True, False, False, False, False])
    counted = count(Y_TRUE.reshape(2, 3), y_pred, mask=np.array([True, False]))
    same(counted, expected(Y_TRUE[both], Y_PRED[both], 3))


@pytest.mark.parametrize(
    "shape", [(), (2,), (2, 1), (2, 3), (2, 3, 1), (1, 3), (2, 3, 4), (2, 3, 4, 1)]
)
def test_weights_broadcast_over_the_axes_that_follow(shape):
    random = np.random.default_rng(0)
    y_true = random.integers(0, 5, (2, 3, 4))
    y_pred = random.random((2, 3, 4, 5)).astype(np.float32)
    weight = random.random(shape)
    lead = weight.squeeze(-1) if len(shape) == 4 else weight
    if shape == (2, 3, 1):
        lead = weight
    full = np.broadcast_to(lead.reshape(lead.shape + (1,) * (3 - lead.ndim)), (2, 3, 4))
    ours = count(y_true, y_pred, weight)
    reference = expected(y_true.ravel(), y_pred.argmax(-1).ravel(), 5, full.ravel())
    for a, b in zip(tf.nest.flatten(ours), tf.nest.flatten(reference), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)
    assert ours.total.dtype == np.float64


def test_rows_of_weight_zero_leave_no_trace_even_if_they_are_invalid():
    y_true = np.concatenate([Y_TRUE, [99]])
    y_pred = np.concatenate([SCORES, [[np.nan] * 3]])
    weight = [1.0] * 6 + [0.0]
    same(count(y_true, y_pred, weight), expected(Y_TRUE, Y_PRED, 3, [1.0] * 6))


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_weight_that_is_not_finite_is_invalid_and_reaches_no_sum(bad):
    counted = count(Y_TRUE, SCORES, [bad] + [0.5] * 5)
    assert counted.invalid == 1
    same(only_valid(counted), expected(Y_TRUE[1:], Y_PRED[1:], 3, [0.5] * 5))


@pytest.mark.parametrize("rule", [ARGMAX, DecisionRule(0.5), DecisionRule(top_k=2)])
def test_rows_with_a_nan_score_are_invalid_and_count_as_no_class(rule):
    broken = SCORES.copy()
    broken[1, 2] = broken[4, 0] = np.nan
    keep = [0, 2, 3, 5]
    counted = count(Y_TRUE, broken, rule=rule)
    assert counted.invalid == 2
    same(only_valid(counted), count(Y_TRUE[keep], SCORES[keep], rule=rule))


@pytest.mark.parametrize("rule", [ARGMAX, DecisionRule(0.5), DecisionRule(top_k=2)])
@pytest.mark.parametrize("weight", [None, np.zeros(0)])
def test_an_empty_batch_counts_nothing(rule, weight):
    counted = count(np.zeros(0, int), np.zeros((0, 3), np.float32), weight, rule=rule)
    assert all(not np.any(field) for field in tf.nest.flatten(counted))


@pytest.mark.slow
@pytest.mark.parametrize("rule", [ARGMAX, DecisionRule(0.5), DecisionRule(top_k=2)])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("one_hot", [False, True])
def test_xla_gives_the_same_counts(rule, weighted, one_hot):
    weight = np.linspace(0.0, 1.0, 6) if weighted else None
    y_true = np.eye(3, dtype=np.float32)[Y_TRUE] if one_hot else Y_TRUE

    @tf.function(jit_compile=True)
    def compiled(y_true, y_pred):
        return count_tensors(y_true, y_pred, weight, rule=rule, ignore_class=1)

    counted = compiled(tf.constant(y_true), tf.constant(SCORES)).numpy()
    reference = count(y_true, SCORES, weight, rule=rule, ignore_class=1)
    for a, b in zip(tf.nest.flatten(counted), tf.nest.flatten(reference), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)


def test_an_argmax_is_correct_if_its_class_is_among_multi_hot_targets():
    y_true = np.array([[1, 1, 0], [0, 0, 0], [0, 1, 1]])
    y_pred = np.float32([[0.1, 0.9, 0.2], [0.8, 0.1, 0.1], [0.7, 0.1, 0.2]])
    counted = count(y_true, y_pred)
    assert counted.true_positive.tolist() == [0, 1, 0]
    assert counted.predicted.tolist() == [2, 1, 0]
    assert counted.actual.tolist() == [1, 2, 1]


def test_labels_that_are_no_class_are_invalid_beside_one_hot_targets():
    counted = count(np.eye(3), np.array([0, 7, -1]), num_classes=3)
    assert (int(counted.total), int(counted.invalid)) == (1, 2)
    assert Counts.from_labels(np.eye(3)[[0, 1]], np.array([0, 9]), 3).numpy().invalid == 1


@pytest.mark.parametrize("rule", [DecisionRule(0.5), DecisionRule(top_k=2)], ids=["each", "top"])
@pytest.mark.parametrize("by_ids", [False, True], ids=["multi_hot", "ids"])
@pytest.mark.parametrize("classes", [3, 15, 16, 60])
def test_sample_averages_of_few_distinct_rows_equal_those_of_single_rows(classes, by_ids, rule):
    random = np.random.default_rng(classes)
    y_pred = random.random((700, classes)).astype(np.float32)
    y_pred[::50, 1] = np.nan
    y_true = (random.random((700, classes)) < 0.4).astype(np.float32)
    y_true = random.integers(-1, classes, 700) if by_ids else y_true
    mask = random.random(700) < 0.9
    arguments = {"rule": rule, "betas": (2.0,), "mask": mask}
    counted = count(y_true, y_pred, **arguments)
    # With weights, equal rows are not counted together.
    one_by_one = count(y_true, y_pred, np.ones(700), **arguments)
    assert counted.samples.keys() == one_by_one.samples.keys() >= {"f2", "all_right"}
    for name, sums in counted.samples.items():
        np.testing.assert_array_equal(sums, one_by_one.samples[name])


@pytest.mark.parametrize(
    "override",
    [{}, pytest.param({"argmax": "lanes", "compiled": True}, marks=pytest.mark.slow, id="xla")],
)
@pytest.mark.parametrize("rule", [ARGMAX, DecisionRule(0.5)], ids=["best", "each"])
@pytest.mark.parametrize("dtype", ["bool", "float32"])
@pytest.mark.parametrize("classes", [2, 17, 100])
def test_multi_hot_targets_give_the_counts_of_numpy(classes, dtype, rule, override):
    random = np.random.default_rng(classes)
    y_pred = random.random((90, classes)).astype(np.float32)
    y_pred[::7, 1] = np.nan
    single = rule.threshold is None
    multi_hot = np.eye(classes)[random.integers(0, classes, 90)] > 0
    multi_hot = multi_hot if single else random.random((90, classes)) < 0.4
    y_true = multi_hot.astype(dtype)
    known = ~np.isnan(y_pred).any(axis=-1)
    if dtype == "float32":
        y_true[::11, 0] = 0.5
        known[::11] = False
    with kernels.override(**override):
        counted = tf.function(
            lambda y, p: count_tensors(y, p, rule=rule, confusion=single),
            autograph=False,
        )(y_true, y_pred).numpy()
    if single:
        best = np.eye(classes, dtype=bool)[np.argmax(np.nan_to_num(y_pred), axis=-1)]
        expected = multi_hot[known].T.astype(int) @ best[known]
        np.testing.assert_array_equal(counted.confusion, expected)
    chosen = best if single else y_pred > 0.5
    np.testing.assert_array_equal(counted.true_positive, (multi_hot & chosen)[known].sum(axis=0))
    np.testing.assert_array_equal(counted.predicted, chosen[known].sum(axis=0))
    np.testing.assert_array_equal(counted.actual, multi_hot[known].sum(axis=0))
    assert (counted.total, counted.invalid) == (known.sum(), (~known).sum())
