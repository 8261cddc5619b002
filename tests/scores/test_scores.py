import math
import warnings

import numpy as np
import pytest
import sklearn.metrics
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from tasks import AVERAGED, sklearn_score, tasks

from dist_f1 import Counts, scores

ZERO_DIVISION = st.sampled_from([0.0, 1.0, math.nan])


def counts_of(task):
    return Counts.from_labels(task.y_true, task.y_pred, task.num_classes, task.weight)


def close(actual, expected):
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("score", AVERAGED)
@pytest.mark.parametrize("average", ["micro", "macro", "weighted"])
@given(task=tasks(["multiclass", "multilabel"]), zero_division=ZERO_DIVISION)
def test_averages_over_all_classes_are_those_of_sklearn(score, average, task, zero_division):
    expected = sklearn_score(score, task, average=average, zero_division=zero_division)
    close(AVERAGED[score][0](counts_of(task).numpy(), average, zero_division), expected)


@pytest.mark.parametrize("score", AVERAGED)
@pytest.mark.parametrize("average", [None, "micro", "macro", "weighted"])
@given(task=tasks(["multiclass", "multilabel"]), zero_division=ZERO_DIVISION, data=st.data())
def test_averages_over_labels_are_those_of_sklearn(score, average, task, zero_division, data):
    labels = data.draw(
        st.lists(st.integers(0, task.num_classes - 1), min_size=1, unique=True), "labels"
    )
    arguments = {"average": average, "zero_division": zero_division, "labels": labels}
    expected = sklearn_score(score, task, **arguments)
    close(AVERAGED[score][0](counts_of(task).numpy(), **arguments), expected)


@pytest.mark.parametrize("score", AVERAGED)
@given(task=tasks(["binary"]), zero_division=ZERO_DIVISION, pos_label=st.integers(0, 1))
def test_binary_is_that_of_sklearn_for_one_and_for_two_classes(
    score, task, zero_division, pos_label
):
    if pos_label not in task.y_true and pos_label not in task.y_pred:
        return
    arguments = {"average": "binary", "zero_division": zero_division, "pos_label": pos_label}
    expected = sklearn_score(score, task, **arguments)
    ours = AVERAGED[score][0]
    close(ours(counts_of(task).numpy(), **arguments), expected)
    two = Counts.from_labels(task.y_true, task.y_pred, 2, task.weight)
    close(ours(two.numpy(), **arguments), expected)


@pytest.mark.parametrize("average", ["macro", "micro", "weighted"])
@given(task=tasks(["binary"]))
def test_both_sides_of_a_binary_task_average_as_in_sklearn(average, task):
    close(
        scores.f1(counts_of(task).numpy().to_two_class(), average),
        sklearn_score("f1", task, average=average, zero_division=0.0),
    )


@pytest.mark.parametrize("score", AVERAGED)
@given(task=tasks(["multilabel"]), zero_division=ZERO_DIVISION)
def test_sample_averages_are_those_of_sklearn(score, task, zero_division):
    expected = sklearn_score(score, task, average="samples", zero_division=zero_division)
    close(AVERAGED[score][0](counts_of(task).numpy(), "samples", zero_division), expected)


@given(
    task=tasks(["multiclass", "multilabel"]),
    beta=st.sampled_from([0.0, 0.3, 1.0, 2.0, 10.0, math.inf]),
    average=st.sampled_from(["micro", "macro", "weighted"]),
    zero_division=ZERO_DIVISION,
)
def test_f_beta_is_that_of_sklearn(task, beta, average, zero_division):
    y_true, y_pred, weight = task.weighty()
    arguments = {"beta": beta, "average": average, "zero_division": zero_division}
    expected = sklearn.metrics.fbeta_score(y_true, y_pred, sample_weight=weight, **arguments)
    close(scores.f_beta(counts_of(task).numpy(), **arguments), expected)


@given(
    task=tasks(["multilabel"]),
    beta=st.sampled_from([0.0, 0.3, 1.0, 2.0, 10.0, math.inf]),
    zero_division=ZERO_DIVISION,
)
def test_sample_averages_of_f_beta_are_those_of_sklearn(task, beta, zero_division):
    y_true, y_pred, weight = task.weighty()
    arguments = {"beta": beta, "average": "samples", "zero_division": zero_division}
    expected = sklearn.metrics.fbeta_score(y_true, y_pred, sample_weight=weight, **arguments)
    betas = [beta] if math.isfinite(beta) else []
    counts = Counts.from_labels(
        task.y_true, task.y_pred, task.num_classes, task.weight, betas=betas
    )
    close(scores.f_beta(counts.numpy(), **arguments), expected)


@given(task=tasks(["multilabel"]), zero_division=st.sampled_from([0.0, 1.0]))
def test_sample_averages_of_jaccard_are_those_of_sklearn(task, zero_division):
    y_true, y_pred, weight = task.weighty()
    arguments = {"average": "samples", "zero_division": zero_division}
    expected = sklearn.metrics.jaccard_score(y_true, y_pred, sample_weight=weight, **arguments)
    close(scores.jaccard(counts_of(task).numpy(), **arguments), expected)


@pytest.mark.parametrize("weights", ["linear", "quadratic"])
@given(task=tasks(["multiclass", "binary"]))
def test_weighted_kappa_is_that_of_sklearn(weights, task):
    y_true, y_pred, weight = task.weighty()
    classes = max(task.num_classes, 2)
    counts = Counts.from_labels(
        task.y_true, task.y_pred, task.num_classes, task.weight, confusion=True
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = sklearn.metrics.cohen_kappa_score(
            y_true, y_pred, labels=range(classes), weights=weights, sample_weight=weight
        )
    close(scores.cohen_kappa(counts.numpy(), weights), expected)
    close(scores.cohen_kappa(counts, weights), expected)


@pytest.mark.parametrize("normalize", [None, "true", "pred", "all"])
@given(task=tasks(["multiclass", "binary"]))
def test_the_confusion_matrix_is_that_of_sklearn(normalize, task):
    y_true, y_pred, weight = task.weighty()
    counts = Counts.from_labels(
        task.y_true, task.y_pred, task.num_classes, task.weight, confusion=True
    )
    expected = sklearn.metrics.confusion_matrix(
        y_true,
        y_pred,
        labels=range(max(task.num_classes, 2)),
        sample_weight=weight,
        normalize=normalize,
    )
    ours = scores.confusion_matrix(counts.numpy(), normalize)
    close(ours, expected)
    close(scores.confusion_matrix(counts, normalize), expected)
    if task.weight is None and normalize is None:
        assert ours.dtype == np.int64


@given(task=tasks(["multilabel"]))
def test_where_rows_name_several_classes_each_has_a_matrix_of_its_own(task):
    y_true, y_pred, weight = task.weighty()
    expected = sklearn.metrics.multilabel_confusion_matrix(y_true, y_pred, sample_weight=weight)
    close(scores.confusion_matrix(counts_of(task).numpy()), expected)


def test_two_classes_need_no_matrix_and_three_do():
    two = Counts.from_labels([0, 1, 1, 0], [0, 1, 0, 0], num_classes=2).numpy()
    assert scores.confusion_matrix(two).tolist() == [[2, 0], [1, 1]]
    three = Counts.from_labels([0, 1], [0, 1], num_classes=3)
    for score in (scores.confusion_matrix, lambda c: scores.cohen_kappa(c, "linear")):
        with pytest.raises(ValueError, match=r"have no confusion matrix.*confusion=True"):
            score(three)
    with pytest.raises(ValueError, match="normalize must be None or one of true, pred, all"):
        scores.confusion_matrix(two, "rows")
    with pytest.raises(ValueError, match='weights must be None, "linear" or "quadratic"'):
        scores.cohen_kappa(two, "cubic")


WHOLE = (
    scores.accuracy,
    scores.balanced_accuracy,
    scores.matthews_corrcoef,
    scores.cohen_kappa,
    scores.hamming_loss,
    scores.confusion_matrix,
    lambda counts: scores.cohen_kappa(counts, "quadratic"),
    lambda counts: scores.confusion_matrix(counts, "pred"),
)
RATIOS = (scores.f1, scores.precision, scores.recall, scores.specificity, scores.jaccard)


@given(task=tasks(), groups=st.integers(1, 4), average=st.sampled_from([None, "micro", "macro"]))
def test_scores_of_many_counts_are_the_scores_of_each(task, groups, average):
    by = np.random.default_rng(len(task.y_true)).integers(0, groups, len(task.y_true))
    arguments = {"num_classes": task.num_classes, "confusion": True}
    together = Counts.from_labels(
        task.y_true, task.y_pred, sample_weight=task.weight, by=by, num_groups=groups, **arguments
    )
    averages = ("weighted", "samples") if task.is_multilabel else ("weighted",)
    for group in range(groups):
        own = by == group
        weight = None if task.weight is None else task.weight[own]
        alone = Counts.from_labels(
            task.y_true[own], task.y_pred[own], sample_weight=weight, **arguments
        ).numpy()
        for score in RATIOS:
            for chosen in (average, *averages):
                if chosen == "samples" and score is scores.specificity:
                    continue
                for counts in (together, together.numpy()):
                    close(score(counts, chosen)[group], score(alone, chosen))
        whole = (WHOLE[0], *WHOLE[4:6]) if task.is_multilabel else WHOLE
        for score in whole:
            for counts in (together, together.numpy()):
                close(score(counts)[group], score(alone))


@given(
    task=tasks(["multiclass", "multilabel"]),
    average=st.sampled_from([None, "micro", "macro", "weighted"]),
)
def test_jaccard_is_that_of_sklearn(task, average):
    y_true, y_pred, weight = task.weighty()
    labels = list(range(task.num_classes))
    arguments = {"average": average, "labels": labels, "zero_division": 0.0}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = sklearn.metrics.jaccard_score(y_true, y_pred, sample_weight=weight, **arguments)
    close(scores.jaccard(counts_of(task).numpy(), **arguments), expected)


@given(task=tasks(["multiclass"]), zero_division=ZERO_DIVISION)
def test_specificity_is_the_recall_of_not_being_of_the_class(task, zero_division):
    y_true, y_pred, weight = task.weighty()
    expected = [
        sklearn.metrics.recall_score(
            y_true != label, y_pred != label, sample_weight=weight, zero_division=zero_division
        )
        for label in range(task.num_classes)
    ]
    close(scores.specificity(counts_of(task).numpy(), None, zero_division), expected)


@pytest.mark.parametrize(
    ("score", "reference"),
    [
        (scores.accuracy, sklearn.metrics.accuracy_score),
        (scores.balanced_accuracy, sklearn.metrics.balanced_accuracy_score),
        (scores.matthews_corrcoef, sklearn.metrics.matthews_corrcoef),
        (scores.cohen_kappa, sklearn.metrics.cohen_kappa_score),
        (scores.hamming_loss, sklearn.metrics.hamming_loss),
    ],
)
@given(task=tasks(["multiclass", "binary"]))
def test_scores_of_whole_tasks_are_those_of_sklearn(score, reference, task):
    y_true, y_pred, weight = task.weighty()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = reference(y_true, y_pred, sample_weight=weight)
    close(score(counts_of(task).numpy()), expected)


@pytest.mark.parametrize("classes", [1, 3])
@pytest.mark.parametrize("seed", range(20))
def test_degenerate_weighted_tasks_are_undefined_in_spite_of_rounding(classes, seed):
    random = np.random.default_rng(seed)
    size = random.integers(3, 60)
    weight, once = random.random(size), np.ones(size, int)
    several = random.integers(0, max(classes, 2), size)
    same = Counts.from_labels(once, once, classes, weight).numpy()
    assert scores.matthews_corrcoef(same) == 0.0
    assert math.isnan(scores.cohen_kappa(same))
    assert scores.accuracy(same) == 1.0
    for y_true, y_pred in ((several, once), (once, several)):
        counts = Counts.from_labels(y_true, y_pred, classes, weight).numpy()
        assert scores.matthews_corrcoef(counts) == pytest.approx(0.0, abs=1e-12)


@given(task=tasks(["multilabel"]))
def test_multilabel_accuracy_and_hamming_loss_are_those_of_sklearn(task):
    y_true, y_pred, weight = task.weighty()
    counts = counts_of(task).numpy()
    close(
        scores.accuracy(counts),
        sklearn.metrics.accuracy_score(y_true, y_pred, sample_weight=weight),
    )
    close(
        scores.hamming_loss(counts),
        sklearn.metrics.hamming_loss(y_true, y_pred, sample_weight=weight),
    )


@settings(max_examples=settings.default.max_examples // 3)
@given(task=tasks(), average=st.sampled_from([None, "micro", "macro", "weighted"]))
def test_tensors_in_a_graph_give_what_numpy_gives(task, average):
    counts = counts_of(task)

    def family(counts):
        return [
            score(counts, average)
            for score in (scores.f1, scores.recall, scores.specificity, scores.jaccard)
        ] + [scores.accuracy(counts), scores.hamming_loss(counts)]

    for ours, expected in zip(tf.function(family)(counts), family(counts.numpy()), strict=True):
        assert ours.dtype == tf.float64
        close(ours, expected)


def test_a_class_that_is_absent_does_not_enter_the_macro_mean():
    counts = Counts.from_labels([0, 1], [0, 1], num_classes=5).numpy()
    assert scores.f1(counts, "macro") == 1.0
    assert scores.f1(counts, "macro", labels=range(5)) == pytest.approx(0.4)


@pytest.mark.parametrize("average", ["micro", "macro", "weighted", "binary"])
@pytest.mark.parametrize("zero_division", [0.0, 1.0, math.nan])
def test_no_rows_give_zero_division(average, zero_division):
    counts = Counts.from_labels(np.zeros(0, int), np.zeros(0, int), num_classes=2).numpy()
    np.testing.assert_equal(float(scores.f1(counts, average, zero_division)), zero_division)


def test_huge_counts_keep_their_precision():
    big = np.int64(2**62)
    counts = Counts(np.array([big]), np.array([big]), np.array([big]), big, np.int64(0))
    assert scores.f1(counts, "micro") == 1.0


COUNTS = Counts.from_labels([0, 1, 2], [0, 2, 2], num_classes=3).numpy()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"average": "makro"}, "average must be None or one of .*macro.*'makro'"),
        ({"average": "binary"}, "needs two classes.*have 3"),
        ({"average": "samples"}, "may predict several"),
        ({"average": "binary", "labels": [0]}, "labels= has no meaning"),
        ({"average": 0.5}, "For a threshold, pass threshold=0.5"),
        ({"zero_division": 0.5}, "must be 0, 1 or NaN, got 0.5"),
        ({"zero_division": "warn"}, "must be 0, 1 or NaN, got 'warn'"),
        ({"zero_division": None}, "must be 0, 1 or NaN, got None"),
        ({"labels": []}, "sequence of different class ids"),
        ({"labels": [1.5]}, "must be a sequence of different class ids"),
        ({"labels": "12"}, "must be a sequence of different class ids"),
        ({"labels": 1.0}, "must be a sequence of different class ids"),
        ({"labels": [1, 1]}, "sequence of different class ids"),
        ({"labels": [0, 3]}, r"labels holds \[3\].*0 to 3 - 1"),
        ({"labels": [-1]}, r"labels holds \[-1\]"),
        ({"beta": -1.0}, "beta must be at least 0"),
        ({"beta": math.nan}, "beta must be at least 0"),
    ],
)
def test_arguments_out_of_range_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        scores.f_beta(COUNTS, **arguments)


@pytest.mark.parametrize("labels", [np.array([2, 0]), tf.constant([2, 0]), range(2, -1, -2)])
def test_labels_may_be_any_sequence_of_integers(labels):
    np.testing.assert_array_equal(
        scores.f1(COUNTS, labels=labels), scores.f1(COUNTS, labels=[2, 0])
    )


def test_sample_averages_are_over_all_classes_or_refused():
    counts = Counts.from_labels(np.eye(3, dtype=int), np.ones([3, 3], int), num_classes=3).numpy()
    assert scores.f1(counts, "samples", labels=[2, 1, 0]) == scores.f1(counts, "samples")
    with pytest.raises(ValueError, match=r"all classes.*Omit labels"):
        scores.f1(counts, "samples", labels=[0, 1])


@pytest.mark.parametrize("average", ["micro", "macro", "weighted"])
def test_labels_of_one_class_are_its_two_sides(average):
    y_true, y_pred = [0, 1, 1, 0, 1], [0, 1, 0, 1, 1]
    one = Counts.from_labels(y_true, y_pred, 1).numpy()
    two = Counts.from_labels(y_true, y_pred, 2).numpy()
    for labels in ([0], [1], [0, 1]):
        assert scores.f1(one, average, labels=labels) == scores.f1(two, average, labels=labels)
    np.testing.assert_array_equal(scores.f1(one, labels=[1, 0]), scores.f1(two, labels=[1, 0]))


def test_pos_label_must_be_one_of_two():
    counts = Counts.from_labels([0, 1], [0, 1], num_classes=2).numpy()
    with pytest.raises(ValueError, match="pos_label must be 0 or 1"):
        scores.f1(counts, "binary", pos_label=2)


@pytest.mark.parametrize(
    "score", [scores.matthews_corrcoef, scores.cohen_kappa, scores.balanced_accuracy]
)
def test_scores_of_one_class_per_row_refuse_multilabel_counts(score):
    counts = Counts.from_labels(np.eye(3, dtype=int), np.eye(3, dtype=int), num_classes=3)
    with pytest.raises(ValueError, match="one class per row"):
        score(counts)


def test_jaccard_of_a_class_that_weighs_little_is_its_own():
    counts = Counts.from_labels([0, 1], [0, 1], 2, [1e12, 1.0]).numpy()
    np.testing.assert_array_equal(scores.jaccard(counts), [1.0, 1.0])


@pytest.mark.parametrize("beta", [1e3, 1e9, 1e100])
def test_a_large_beta_is_nearly_recall(beta):
    counts = Counts(*map(np.int64, ([70, 3], [90, 5], [110, 4], 114, 0)))
    np.testing.assert_allclose(scores.f_beta(counts, beta), scores.recall(counts), rtol=1e-5)
