"""The public function: scores by name or function, levels, and arguments that raise."""

import functools
import math

import numpy as np
import pytest
import tensorflow as tf
from confusion_counts import BINARY, NO_CONFUSION, THREE, binary_of, counts_of, multilabel_counts

from dist_f1 import Counts, scores
from dist_f1.intervals import confidence_interval

METHODS = ["dirichlet", "multinomial"]
ARGUMENTS = [
    ({"level": 0.0}, "level must be between 0 and 1, got 0.0"),
    ({"level": 95}, "level must be between 0 and 1, got 95"),
    ({"level": math.nan}, "level must be between 0 and 1"),
    ({"method": "bayes"}, "method must be one of auto, wilson, dirichlet, multinomial.*'bayes'"),
    ({"draws": 99}, "draws must be an integer, at least 100, got 99"),
    ({"draws": 1e3}, "draws must be an integer"),
    ({"score": "f1_makro"}, "'f1_makro' is not a score"),
    ({"score": None}, "None is not a score"),
    ({"score": "f1_macro_by_group"}, r"without _by_group, and counts\.at\(group\)"),
    ({"score": "f1_macro_gap"}, r"without _gap, and counts\.at\(group\)"),
    ({"score": "f1_macro", "method": "wilson"}, "'f1_macro' is not a proportion.*dirichlet"),
    ({"score": "f2_per_class", "method": "wilson"}, "not a proportion"),
    ({"score": "f1_micro", "labels": [0, 1], "method": "wilson"}, "not a proportion"),
    ({"score": lambda counts: 1.0, "method": "wilson"}, "not a proportion"),
    ({"score": "f1_binary"}, "needs two classes"),
    ({"score": "f1_macro", "labels": [3]}, r"labels holds \[3\]"),
    ({"score": "f1_macro", "zero_division": 0.5}, "zero_division must be 0, 1 or NaN"),
    ({"score": "accuracy", "labels": [0]}, "accuracy has no labels.*Omit labels"),
    ({"score": lambda c: scores.f1(c, "macro"), "labels": [0]}, "Pass them to the function"),
    ({"score": lambda c: scores.f1(c, "macro"), "zero_division": 1.0}, "Pass them to the function"),
    ({"score": lambda c: np.sum(c.total)}, r"has shape \(\), expected \(4000,\)"),
]


@pytest.mark.parametrize("method", ["wilson", *METHODS])
def test_a_higher_level_gives_a_wider_interval(method):
    bounds = [confidence_interval(BINARY, "f1_binary", x, method) for x in (0.5, 0.8, 0.95, 0.99)]
    lows, highs = np.transpose(bounds)
    assert np.all(np.diff(lows) < 0)
    assert np.all(np.diff(highs) > 0)


@pytest.mark.parametrize(
    "name", ["accuracy", "f1_macro", "f1_per_class", "cohen_kappa_quadratic", "f0.5_macro"]
)
def test_more_rows_give_a_narrower_interval(name):
    def width(times):
        few = counts_of(times * THREE.confusion)
        low, high = confidence_interval(few, name)
        return high - low

    assert np.all(width(10) < width(1))
    # The width is proportional to 1 / sqrt(rows).
    np.testing.assert_allclose(width(400) / width(100), 0.5, rtol=0.1)


def test_binary_counts_of_one_and_of_two_classes_have_the_same_interval():
    matrix = [[40, 5], [6, 20]]
    one, two = binary_of(matrix), counts_of(matrix)
    for name in ("f1_binary", "accuracy", "matthews_corrcoef", "cohen_kappa", "balanced_accuracy"):
        expected = confidence_interval(two, name)
        assert confidence_interval(one, name) == pytest.approx(expected, abs=1e-12)
        bare = confidence_interval(two._replace(confusion=()), name)
        assert bare == pytest.approx(expected, abs=1e-12)
    assert confidence_interval(one, "f1_macro", labels=[0, 1]) == pytest.approx(
        confidence_interval(two, "f1_macro"), abs=1e-12
    )


@pytest.mark.parametrize("method", ["auto", "dirichlet"])
@pytest.mark.parametrize(
    ("function", "name"),
    [
        (scores.accuracy, "accuracy"),
        (scores.hamming_loss, "hamming_loss"),
        (scores.matthews_corrcoef, "matthews_corrcoef"),
        (scores.cohen_kappa, "cohen_kappa"),
        (functools.partial(scores.cohen_kappa, weights="linear"), "cohen_kappa_linear"),
        (scores.f1, "f1_per_class"),
        (functools.partial(scores.recall, average=None), "recall_per_class"),
        (functools.partial(scores.f1, average="macro"), "f1_macro"),
        (functools.partial(scores.f1, average="micro"), "f1_micro"),
        (functools.partial(scores.f_beta, beta=2.0, average="macro"), "f2_macro"),
        (lambda counts: scores.f1(counts, "weighted"), "f1_weighted"),
    ],
)
def test_a_function_has_the_interval_of_its_name(function, name, method):
    np.testing.assert_array_equal(
        confidence_interval(THREE, function, method=method),
        confidence_interval(THREE, name, method=method),
    )


@pytest.mark.parametrize("name", ["f1_macro", "f1_micro", "f1_samples", "hamming_loss"])
def test_multilabel_averages_raise(name):
    with pytest.raises(ValueError, match=r"occur together.*_per_class"):
        confidence_interval(multilabel_counts(), name)


def test_without_rows_a_proportion_is_unknown_and_other_scores_are_nan():
    empty = counts_of(np.zeros([3, 3], int))
    assert confidence_interval(empty, "accuracy") == (0.0, 1.0)
    assert all(map(math.isnan, confidence_interval(empty, "f1_macro")))
    low, high = confidence_interval(empty, "f2_per_class")
    assert np.all(np.isnan([low, high]))
    assert low.shape == (3,)
    never = counts_of([[5, 0, 0], [3, 2, 0], [0, 0, 0]])
    low, high = confidence_interval(never, "f1_per_class")
    assert (low[2], high[2]) == (0.0, 1.0)


def test_eager_tensors_are_converted():
    counts = Counts.from_labels([0, 1, 1, 0, 1], [0, 1, 0, 0, 1], num_classes=1)
    assert confidence_interval(counts, "f1") == confidence_interval(counts.numpy(), "f1")


@pytest.mark.parametrize(("arguments", "message"), ARGUMENTS)
def test_invalid_arguments_raise(arguments, message):
    with pytest.raises(ValueError, match=message):
        confidence_interval(THREE, **{"score": "f1_macro", **arguments})


@pytest.mark.parametrize("score", ["f1_macro", "f2_weighted", "balanced_accuracy"])
def test_averages_of_many_classes_need_the_matrix(score):
    with pytest.raises(ValueError, match=r"keep none.*ConfusionMatrix.*confusion=True"):
        confidence_interval(NO_CONFUSION, score)


def test_rows_with_several_classes_need_the_matrix():
    counts = Counts(*map(np.array, ([2, 1], [3, 1], [4, 3], 4, 0)))
    with pytest.raises(ValueError, match="keep none"):
        confidence_interval(counts, "f1_micro")


def test_weighted_counts_raise():
    with pytest.raises(ValueError, match=r"sums of weights.*without sample_weight"):
        confidence_interval(THREE.as_float(), "accuracy")


def test_counts_of_groups_raise():
    groups = tf.nest.map_structure(lambda x: np.stack([x, x]), THREE)
    with pytest.raises(ValueError, match=r"leading axes \(2,\).*at\(index\).*overall"):
        confidence_interval(groups, "accuracy")
    assert confidence_interval(groups.at(1), "f1_macro") == confidence_interval(THREE, "f1_macro")


def test_invalid_rows_raise():
    with pytest.raises(ValueError, match="2 of 108 rows were not counted"):
        confidence_interval(THREE._replace(invalid=np.int64(2)), "accuracy")


def test_symbolic_counts_raise():
    @tf.function(autograph=False)
    def step():
        counts = THREE.map(tf.convert_to_tensor)
        with pytest.raises(ValueError, match="symbolic"):
            confidence_interval(counts, "accuracy")
        return counts.total

    step()
