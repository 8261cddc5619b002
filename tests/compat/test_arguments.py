"""Labels and predictions of Estimators are supported, and wrong arguments raise."""

import numpy as np
import pytest
import sessions
import tensorflow as tf
from sklearn import metrics as sk
from tiers import slow

import dist_f1
from dist_f1.compat import v1

EXACT = {"dtype": tf.float64}
Y, P = np.array([0, 1, 1, 0, 1]), np.array([0.2, 0.55, 0.4, 0.9, 0.8], np.float32)
BINARY_F1 = sk.f1_score(Y, P > 0.5)


@pytest.mark.parametrize(
    ("labels", "predictions", "options"),
    [
        (Y, P, {"threshold": 0.5}),
        (Y[:, np.newaxis], P[:, np.newaxis], {"threshold": 0.5}),
        (Y, np.log(P / (1 - P)), {"threshold": 0.5, "from_logits": True}),
        (Y.astype(bool), P > 0.5, {}),
        (Y.astype(np.float32), (P > 0.5)[:, np.newaxis], {}),
        (Y[:, np.newaxis], (P > 0.5).astype(int)[:, np.newaxis], {"num_classes": 2}),
        (Y, P > 0.5, {"num_classes": 2}),
        (Y, np.stack([1 - P, P], -1), {}),
        (np.eye(2)[Y], np.stack([1 - P, P], -1), {}),
        (np.append(Y, 9), np.append(P, 0.9), {"threshold": 0.5, "ignore_class": 9}),
        (np.append(Y, 1), np.append(P, 0), {"threshold": 0.5, "mask": [True] * 5 + [False]}),
    ],
)
def test_labels_and_predictions_of_estimators_are_supported(labels, predictions, options):
    value = sessions.evaluate(v1.f1_score, labels, predictions, **options, **EXACT)
    assert value == pytest.approx(BINARY_F1, abs=1e-12)


def test_sample_averages_of_multilabel_rows_equal_scikit_learn():
    rng = np.random.default_rng(0)
    y, p = rng.integers(0, 2, [20, 4]), rng.random([20, 4]).astype(np.float32)
    expected = sk.fbeta_score(y, p > 0.5, beta=0.5, average="samples")
    options = {"threshold": 0.5, **EXACT}
    value = sessions.evaluate(v1.f_beta, y, p, average="samples", beta=0.5, **options)
    assert value == pytest.approx(expected, abs=1e-12)
    values = sessions.evaluate(v1.eval_metric_ops, y, p, scores=["f0.5_samples"], **options)
    assert values["f0.5_samples"] == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("scores", [["f1_samples"], ["f1_macro"]])
def test_pairs_of_counts_have_the_sums_of_a_sample_average(scores):
    random = np.random.default_rng(0)
    y, p = random.integers(0, 2, (50, 3)), random.random((50, 3)).astype(np.float32)
    options = {"threshold": 0.5, "scores": scores, "counts": True, **EXACT}
    values = sessions.evaluate(v1.eval_metric_ops, y, p, **options)
    expected = sk.f1_score(y, p > 0.5, average="samples", zero_division=0)
    found = dist_f1.scores.f1(values["counts"], "samples")
    assert float(found) == pytest.approx(expected, abs=1e-12)
    if scores == ["f1_samples"]:
        assert values["f1_samples"] == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(("classes", "given"), [(2, False), (3, False), (3, True)])
def test_booleans_for_each_class_are_decisions(classes, given):
    rng = np.random.default_rng(0)
    y, p = rng.integers(0, 2, [2, 30, classes]).astype(bool)
    number = classes if given else None
    value = sessions.evaluate(v1.f1_score, y, p, number, "macro", **EXACT)
    assert value == pytest.approx(sk.f1_score(y, p, average="macro"), abs=1e-12)
    assert sessions.evaluate(v1.confusion_counts, y, p, number).total == 30


def test_values_are_float32_by_default():
    for options, dtype in (({}, np.float32), ({"dtype": "float64"}, np.float64)):
        value = sessions.evaluate(v1.f1_score, [0, 1, 2], [0, 1, 1], 3, "macro", **options)
        assert value.dtype == dtype
        expected = sk.f1_score([0, 1, 2], [0, 1, 1], average="macro")
        assert abs(np.float64(value) - expected) <= np.finfo(dtype).eps


def test_averaged_labels_and_zero_division_equal_scikit_learn():
    y_true, y_pred = [0, 0, 1, 2], [0, 0, 2, 2]
    for zero in (0.0, 1.0):
        value = sessions.evaluate(
            v1.precision,
            y_true,
            y_pred,
            4,
            "macro",
            averaged_labels=[1, 2, 3],
            zero_division=zero,
            **EXACT,
        )
        expected = sk.precision_score(
            y_true, y_pred, labels=[1, 2, 3], average="macro", zero_division=zero
        )
        assert value == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("name", ["none", slow("mirrored_2")])
def test_fetching_a_score_of_invalid_rows_raises_but_other_rows_are_counted(name):
    good = (np.array([0, 1]), np.array([[0.9, 0.1], [0.2, 0.8]], np.float32))
    bad = (np.array([0, 5]), np.array([[0.9, 0.1], [np.nan, 0.8]], np.float32))
    replicas = sessions.replicas_of(name)

    def make(labels, scores):
        score, _ = v1.f1_score(labels, scores)
        counts, update = v1.confusion_counts(labels, scores)
        return (score, counts), (update, _)

    pairs = sessions.PairGraph(make, 2, name)
    score, counts = pairs.value
    update, update_of_score = pairs.update
    message = rf"1\].*of.*{2 * replicas}\].*rows were not counted:.*1 have a NaN prediction"
    with sessions.session(pairs.graph) as session:
        session.run(pairs.initializer)
        feed = pairs.feed([bad] + [good] * (replicas - 1))
        session.run(update, feed)
        if replicas > 1:
            session.run(update_of_score, feed)
        else:
            with pytest.raises(tf.errors.InvalidArgumentError, match=message):
                session.run(update_of_score, feed)
        with pytest.raises(tf.errors.InvalidArgumentError, match=message):
            session.run(score)
        assert session.run([counts.total, counts.invalid]) == [2 * replicas - 1, 1]


def test_invalid_rows_of_weighted_counts_raise_with_their_number():
    with pytest.raises(tf.errors.InvalidArgumentError, match=r"\[1\] \[rows were not counted"):
        sessions.evaluate(v1.f1_score, [0, 1], [0, 1], 2, weights=[0.4, np.inf])


@pytest.mark.parametrize("function", sessions.FUNCTIONS)
def test_class_ids_without_num_classes_raise(function):
    with tf.Graph().as_default(), pytest.raises(ValueError, match="Pass num_classes="):
        getattr(v1, function)(tf.constant([0, 1]), tf.constant([0, 1]))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"predictions": np.zeros([2], np.float32)}, "set threshold=0.5"),
        ({"predictions": np.zeros([2, 3], np.float32)}, "[Cc]hoose another average"),
        (
            {"predictions": np.zeros([3, 2], np.float32)},
            r"pass ids \(3,\).*y_true is labels, y_pred is predictions",
        ),
        (
            {"thresholds": 0.5},
            "Unknown argument thresholds. Pass threshold=.*Supported are",
        ),
        ({"average": "both"}, "average must be None or one of"),
        ({"beta": -1.0}, "beta must be a number of at least 0"),
        ({"num_classes": 3, "average": "macro"}, "but num_classes is 3"),
        ({"num_classes": np.ones(2)}, "third argument, and weights is the fifth"),
        ({"average": "macro", "averaged_labels": [7]}, r"labels holds \[7\].*averaged_labels"),
        ({"dtype": tf.int32}, "dtype is int32; pass a floating-point type"),
        (
            {"predictions": np.zeros([2], bool), "num_classes": 4, "average": "macro"},
            "booleans, which are not labels of 4 classes",
        ),
        ({"predictions": np.array(["a", "b"]), "num_classes": 2}, "Convert names to ids first"),
    ],
)
def test_wrong_arguments_raise_with_a_remedy(options, message):
    predictions = options.pop("predictions", np.zeros([2, 2], np.float32))
    with tf.Graph().as_default(), pytest.raises((ValueError, TypeError), match=message):
        v1.f1_score([0, 1], predictions, **options)
