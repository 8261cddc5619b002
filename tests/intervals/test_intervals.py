import functools
import math

import numpy as np
import pytest
import scipy.stats
import tensorflow as tf

from dist_f1 import Counts, scores
from dist_f1.intervals import confidence_interval, resampling
from dist_f1.scores.score_names import parse

METHODS = ["dirichlet", "multinomial"]


def counts_of(matrix):
    """The counts of a confusion matrix."""
    matrix = np.asarray(matrix)
    kind = matrix.dtype.type
    return Counts(
        np.diagonal(matrix),
        matrix.sum(axis=0),
        matrix.sum(axis=1),
        kind(matrix.sum()),
        kind(0),
        (),
        matrix,
    )


def binary_of(matrix):
    """The counts of the second class of two."""
    c = counts_of(matrix)
    return c._replace(
        true_positive=c.true_positive[1:],
        predicted=c.predicted[1:],
        actual=c.actual[1:],
        confusion=(),
    )


def multilabel(rows=300, classes=3, seed=0):
    random = np.random.default_rng(seed)
    y_true = random.integers(0, 2, (rows, classes))
    y_pred = np.where(random.random((rows, classes)) < 0.8, y_true, 1 - y_true)
    return Counts.from_labels(y_true, y_pred, classes).numpy()


BINARY = binary_of([[880, 20], [30, 70]])
THREE = counts_of([[50, 4, 1], [6, 30, 4], [0, 2, 9]])
NO_CONFUSION = THREE._replace(confusion=())


def stacked(names):
    """Several scores of counts at once, `[..., len(names)]`."""
    parsed = [parse(name) for name in names]
    return lambda counts: np.stack([score(counts) for score in parsed], axis=-1)


def classes(shares, recalls):
    share = np.asarray(shares, float) / np.sum(shares)
    mistakes = np.tile(share, (len(share), 1)) * (1 - np.eye(len(share)))
    mistakes *= ((1 - np.asarray(recalls)) / mistakes.sum(axis=1))[:, np.newaxis]
    return share[:, np.newaxis] * (mistakes + np.diag(recalls))


def binary(positive, f1):
    right, wrong = positive * f1, positive * (1 - f1)
    return np.array([[1 - positive - wrong, wrong], [wrong, right]])


def samples_of(population, rows, number):
    drawn = np.random.default_rng(1).multinomial(rows, population.ravel(), number)
    return drawn.reshape(number, *population.shape)


@pytest.mark.parametrize("rows", [200, 1000])
@pytest.mark.parametrize("positive", [0.1, 0.5])
@pytest.mark.parametrize("name", ["f1_binary", "precision", "accuracy"])
def test_closed_forms_cover(name, positive, rows):
    population = binary(positive, 0.75)
    true = parse(name)(binary_of(population))
    found = [
        confidence_interval(binary_of(sample), name)
        for sample in samples_of(population, rows, 3000)
    ]
    assert 0.93 <= np.mean([low <= true <= high for low, high in found]) <= 0.97


@pytest.mark.parametrize(
    ("population", "rows", "names"),
    [
        (binary(0.02, 0.7), 1000, ["f1_binary", "matthews_corrcoef", "cohen_kappa"]),
        (binary(0.5, 0.8), 200, ["f1_binary", "matthews_corrcoef", "balanced_accuracy"]),
        (classes([1, 1, 1], [0.9, 0.8, 0.7]), 200, ["f1_macro", "cohen_kappa", "f1_weighted"]),
        (
            classes([30, 10, 5, 2, 1], [0.95, 0.9, 0.8, 0.7, 0.6]),
            1000,
            ["f1_macro", "f1_weighted", "balanced_accuracy", "matthews_corrcoef"],
        ),
    ],
)
def test_resampled_scores_cover(population, rows, names):
    of = binary_of if len(population) == 2 else counts_of
    true = stacked(names)(of(population))
    covered = []
    for seed, sample in enumerate(samples_of(population, rows, 2000)):
        low, high = confidence_interval(of(sample), stacked(names), draws=500, seed=seed)
        covered.append((low <= true) & (true <= high))
    share = np.mean(covered, axis=0)
    assert np.all((share >= 0.93) & (share <= 0.97)), dict(zip(names, share, strict=True))


@pytest.mark.parametrize("level", [0.5, 0.9, 0.95, 0.999])
@pytest.mark.parametrize(("right", "whole"), [(0, 7), (3, 7), (7, 7), (940, 1000)])
def test_wilson_is_that_of_scipy(right, whole, level):
    expected = scipy.stats.binomtest(right, whole).proportion_ci(level, "wilson")
    counts = binary_of([[50, whole - right], [20, right]])
    low, high = confidence_interval(counts, "precision", level)
    assert low == pytest.approx(expected.low, abs=1e-12)
    assert high == pytest.approx(expected.high, abs=1e-12)
    assert low.dtype == high.dtype == np.float64


def test_wilson_of_ten_rows_that_are_all_right_is_the_published_one():
    low, high = confidence_interval(counts_of([[5, 0], [0, 5]]), "accuracy")
    assert low == pytest.approx(0.7225, abs=5e-5)
    assert high == 1.0


@pytest.mark.parametrize(
    ("name", "same"),
    [
        ("f1_micro", "accuracy"),
        ("precision_micro", "accuracy"),
        ("recall_weighted", "accuracy"),
        ("f1_macro", "f1_macro"),
    ],
)
def test_scores_that_are_equal_have_one_interval(name, same):
    assert parse(name)(THREE) == parse(same)(THREE)
    assert confidence_interval(THREE, name) == confidence_interval(THREE, same)


@pytest.mark.parametrize("name", ["jaccard_micro", "specificity_micro", "hamming_loss"])
def test_functions_of_accuracy_have_its_bounds(name):
    bounds = confidence_interval(NO_CONFUSION, "accuracy")
    # A share of right rows that is the bound, in a sample so large that rounding is no matter.
    right = np.round(np.array(bounds) * 3e9).astype(int)
    at_bounds = [
        parse(name)(counts_of([[x, 3 * 10**9 - x, 0], [0, 0, 0], [0, 0, 0]])) for x in right
    ]
    found = confidence_interval(NO_CONFUSION, name)
    assert sorted(found) == list(found)
    np.testing.assert_allclose(found, np.sort(at_bounds), atol=1e-8)


@pytest.mark.parametrize("method", ["auto", *METHODS])
@pytest.mark.parametrize("score", ["f1_macro", "matthews_corrcoef", "f2_weighted"])
def test_one_seed_gives_one_interval(score, method):
    def interval(seed):
        return confidence_interval(THREE, score, method=method, seed=seed)

    assert interval(3) == interval(3)
    assert interval(3) != interval(4)


def test_chunks_of_draws_are_only_a_matter_of_memory(monkeypatch):
    whole = confidence_interval(THREE, "f1_macro", method="multinomial")
    monkeypatch.setattr(resampling, "_CELLS_AT_ONCE", 9 * 300)
    assert confidence_interval(THREE, "f1_macro", method="multinomial") == whole


@pytest.mark.parametrize("method", ["wilson", *METHODS])
def test_a_higher_level_is_wider(method):
    bounds = [confidence_interval(BINARY, "f1_binary", x, method) for x in (0.5, 0.8, 0.95, 0.99)]
    lows, highs = np.transpose(bounds)
    assert np.all(np.diff(lows) < 0)
    assert np.all(np.diff(highs) > 0)


@pytest.mark.parametrize(
    "name", ["accuracy", "f1_macro", "f1_per_class", "cohen_kappa_quadratic", "f0.5_macro"]
)
def test_more_rows_are_narrower(name):
    def width(times):
        few = counts_of(times * THREE.confusion)
        low, high = confidence_interval(few, name)
        return high - low

    assert np.all(width(10) < width(1))
    # Four times the rows are half the width.
    np.testing.assert_allclose(width(400) / width(100), 0.5, rtol=0.1)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("name", ["f1", "precision", "recall", "specificity", "accuracy"])
def test_resampling_agrees_with_the_closed_form_for_many_rows(name, method):
    counts = binary_of([[8800, 200], [300, 700]])
    closed = confidence_interval(counts, name, method="wilson")
    np.testing.assert_allclose(
        confidence_interval(counts, name, method=method), closed, atol=0.1 * (closed[1] - closed[0])
    )


@pytest.mark.parametrize("score", ["f1", "precision", "recall", "specificity", "jaccard"])
def test_each_class_is_a_binary_task(score):
    low, high = confidence_interval(NO_CONFUSION, f"{score}_per_class")
    assert low.shape == high.shape == (3,)
    for label in range(3):
        picked = confidence_interval(NO_CONFUSION, f"{score}_macro", labels=[label])
        assert picked == (low[label], high[label])
        matrix = THREE.confusion
        one, rest = matrix[label, label], matrix.sum()
        missed, false = matrix[label].sum() - one, matrix[:, label].sum() - one
        alone = binary_of([[rest - one - missed - false, false], [missed, one]])
        assert confidence_interval(alone, score) == picked


@pytest.mark.parametrize("counts", [NO_CONFUSION, multilabel()])
def test_f2_of_each_class_is_resampled_on_its_own_table(counts):
    low, high = confidence_interval(counts, "f2_per_class")
    point = parse("f2_per_class")(counts)
    assert np.all((low < point) & (point < high))
    only_last = confidence_interval(counts, "f2_macro", labels=[2])
    assert only_last == (low[2], high[2])
    chosen = confidence_interval(counts, "f2_per_class", labels=[2, 0])
    np.testing.assert_array_equal(chosen, np.stack([low[[2, 0]], high[[2, 0]]]))


def test_one_class_and_two_classes_are_the_same_task():
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
def test_functions_are_the_scores_of_their_names(function, name, method):
    np.testing.assert_array_equal(
        confidence_interval(THREE, function, method=method),
        confidence_interval(THREE, name, method=method),
    )


def test_multilabel_accuracy_and_classes_have_closed_forms():
    counts = multilabel()
    low, high = confidence_interval(counts, "accuracy")
    expected = scipy.stats.binomtest(int(counts.samples["all_right"]), 300).proportion_ci(
        method="wilson"
    )
    assert (low, high) == pytest.approx((expected.low, expected.high))
    low, high = confidence_interval(counts, "f1_per_class")
    assert np.all((low < scores.f1(counts)) & (scores.f1(counts) < high))


@pytest.mark.parametrize("name", ["f1_macro", "f1_micro", "f1_samples", "hamming_loss"])
def test_multilabel_averages_are_refused(name):
    with pytest.raises(ValueError, match=r"which occur together.*_per_class"):
        confidence_interval(multilabel(), name)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("diagonal", [[30, 20], [40, 3, 1], [20] * 20, [0, 25, 0]])
def test_a_perfect_score_is_not_certain(diagonal, method):
    for name in ("accuracy", "f1_macro", "f1_weighted"):
        low, high = confidence_interval(counts_of(np.diag(diagonal)), name, method=method)
        assert 0.3 < low < 0.995
        assert high == 1.0


@pytest.mark.parametrize("method", METHODS)
def test_the_interval_holds_the_score_in_the_sample(method):
    random = np.random.default_rng(0)
    names = ["f1_macro", "precision_macro", "balanced_accuracy", "matthews_corrcoef", "f1_micro"]
    for _ in range(50):
        counts = counts_of(random.integers(0, 4, (4, 4)) * random.integers(0, 2, (4, 4)))
        if counts.total == 0:
            continue
        low, high = confidence_interval(counts, stacked(names), method=method, draws=100)
        point = stacked(names)(counts)
        assert np.all((low <= point) & (point <= high))


def test_a_class_that_is_absent_stays_out_of_the_macro_mean():
    wider = np.pad(THREE.confusion, [(0, 2), (0, 2)])
    assert confidence_interval(counts_of(wider), "f1_macro", method="dirichlet") == pytest.approx(
        confidence_interval(THREE, "f1_macro", method="dirichlet"), abs=0.01
    )


def test_without_rows_a_proportion_may_be_anything_and_other_scores_are_nan():
    empty = counts_of(np.zeros([3, 3], int))
    assert confidence_interval(empty, "accuracy") == (0.0, 1.0)
    assert all(map(math.isnan, confidence_interval(empty, "f1_macro")))
    low, high = confidence_interval(empty, "f2_per_class")
    assert np.all(np.isnan([low, high]))
    assert low.shape == (3,)
    never = counts_of([[5, 0, 0], [3, 2, 0], [0, 0, 0]])
    low, high = confidence_interval(never, "f1_per_class")
    assert (low[2], high[2]) == (0.0, 1.0)


def test_resamples_without_a_score_are_left_out():
    def defined_half_the_time(counts):
        value = scores.accuracy(counts)
        return np.where(value < 0.88, value, np.nan)

    low, high = confidence_interval(THREE, defined_half_the_time)
    assert low < scores.accuracy(THREE) <= high <= 0.88
    nothing = confidence_interval(THREE, lambda counts: scores.accuracy(counts) * np.nan)
    assert np.all(np.isnan(nothing))


def test_eager_tensors_are_read():
    counts = Counts.from_labels([0, 1, 1, 0, 1], [0, 1, 0, 0, 1], num_classes=1)
    assert confidence_interval(counts, "f1") == confidence_interval(counts.numpy(), "f1")


ARGUMENTS = [
    ({"level": 0.0}, "level must be between 0 and 1, got 0.0"),
    ({"level": 95}, "level must be between 0 and 1, got 95"),
    ({"level": math.nan}, "level must be between 0 and 1"),
    ({"method": "bayes"}, "method must be one of auto, wilson, dirichlet, multinomial.*'bayes'"),
    ({"draws": 99}, "draws must be an integer from 100 up, got 99"),
    ({"draws": 1e3}, "draws must be an integer"),
    ({"score": "f1_makro"}, "'f1_makro' is no score"),
    ({"score": None}, "None is no score"),
    ({"score": "f1_macro_by_group"}, r"without _by_group, and counts\.at\(group\)"),
    ({"score": "f1_macro_gap"}, r"without _gap, and counts\.at\(group\)"),
    ({"score": "f1_macro", "method": "wilson"}, "'f1_macro' is no proportion.*dirichlet"),
    ({"score": "f2_per_class", "method": "wilson"}, "no proportion"),
    ({"score": "f1_micro", "labels": [0, 1], "method": "wilson"}, "no proportion"),
    ({"score": lambda counts: 1.0, "method": "wilson"}, "no proportion"),
    ({"score": "f1_binary"}, "needs two classes"),
    ({"score": "f1_macro", "labels": [3]}, r"labels holds \[3\]"),
    ({"score": "f1_macro", "zero_division": 0.5}, "zero_division must be 0, 1 or NaN"),
    ({"score": "accuracy", "labels": [0]}, "accuracy is of all classes at once; leave labels out"),
    ({"score": lambda c: scores.f1(c, "macro"), "labels": [0]}, "Give them to the function"),
    ({"score": lambda c: scores.f1(c, "macro"), "zero_division": 1.0}, "Give them to the function"),
    ({"score": lambda c: np.sum(c.total)}, r"has shape \(\), expected \(4000,\)"),
]


@pytest.mark.parametrize(("arguments", "message"), ARGUMENTS)
def test_arguments_out_of_range_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        confidence_interval(THREE, **{"score": "f1_macro", **arguments})


@pytest.mark.parametrize("score", ["f1_macro", "f2_weighted", "balanced_accuracy"])
def test_averages_of_many_classes_need_the_matrix(score):
    with pytest.raises(ValueError, match=r"keep none.*ConfusionMatrix.*confusion=True"):
        confidence_interval(NO_CONFUSION, score)


def test_targets_that_name_several_classes_are_not_taken_for_one():
    counts = Counts(*map(np.array, ([2, 1], [3, 1], [4, 3], 4, 0)))
    with pytest.raises(ValueError, match="keep none"):
        confidence_interval(counts, "f1_micro")


def test_weighted_counts_are_refused():
    with pytest.raises(ValueError, match=r"sums of weights.*without sample_weight"):
        confidence_interval(THREE.as_float(), "accuracy")


def test_counts_of_groups_are_refused():
    groups = tf.nest.map_structure(lambda x: np.stack([x, x]), THREE)
    with pytest.raises(ValueError, match=r"leading axes \(2,\).*at\(index\).*overall"):
        confidence_interval(groups, "accuracy")
    assert confidence_interval(groups.at(1), "f1_macro") == confidence_interval(THREE, "f1_macro")


def test_invalid_rows_are_an_error():
    with pytest.raises(ValueError, match="2 of 108 rows were not counted"):
        confidence_interval(THREE._replace(invalid=np.int64(2)), "accuracy")


def test_symbolic_counts_are_refused():
    @tf.function
    def step():
        counts = Counts.from_labels([0, 1], [0, 1], num_classes=2)
        with pytest.raises(ValueError, match="symbolic"):
            confidence_interval(counts, "accuracy")
        return counts.total

    step()
