"""Each error names the cause and the remedy, and keeps the counts."""

import json

import numpy as np
import pytest
import tensorflow as tf
from helpers import strategy
from tracing import graph_function

import dist_f1

Y, SCORES = np.array([0, 1, 2]), np.eye(3, dtype=np.float32)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"average": "makro"}, r"average must be None or one of .*'makro'"),  # codespell:ignore
        ({"threshold": 1.5}, r"0 < threshold <= 1, got 1.5"),
        ({"on_invalid": "ignore"}, r"on_invalid must be.*'ignore'"),
        ({"top_k": 0}, r"top_k must be a positive integer"),
        ({"num_classes": 0}, r"num_classes must be a positive integer"),
        ({"num_classes": 2.5}, r"num_classes must be a positive integer"),
        ({"labels": [5], "num_classes": 3}, r"labels holds \[5\]"),
        ({"labels": [1, 1]}, r"sequence of different class ids"),
        ({"zero_division": 2.0}, r"zero_division must be 0, 1 or NaN"),
        ({"sync": "batch"}, r'sync must be "step" or "epoch"'),
        ({"class_names": ["a"], "num_classes": 3}, r"1 names for 3 classes"),
        ({"class_names": "abc"}, r"class_names must be a sequence of names"),
        ({"labels": [1.7]}, r"must be a sequence of different class ids"),
        ({"zero_division": "warn"}, r"must be 0, 1 or NaN, got 'warn'"),
        ({"threshold": []}, r"threshold is an empty sequence"),
        ({"threshold": [0.5, 0.5], "num_classes": 3}, r"2 values for 3 classes"),
        ({"top_k": 5, "num_classes": 3}, r"top_k=5 is more than the 3 classes"),
        ({"ignore_class": 2.5}, r"ignore_class must be an integer"),
        ({"weighted": "no"}, r"weighted must be True, False or None"),
        ({"average": "samples"}, r"may predict several"),
        ({"average": "samples", "threshold": 0.5, "num_classes": 1}, r"may predict several"),
        ({"average": "samples", "threshold": 0.5, "labels": [0]}, r"covers all classes"),
        ({"average": "binary", "num_classes": 5}, r"needs two classes"),
        ({"average": "binary", "top_k": 2}, r"needs two classes"),
    ],
)
def test_arguments_are_checked_when_the_metric_is_made(arguments, message):
    with pytest.raises(ValueError, match=message):
        dist_f1.F1Score(**arguments)


def test_arguments_may_be_numpy_scalars():
    metric = dist_f1.FBetaScore(
        beta=np.float32(2.0),
        threshold=np.array(0.5),
        num_classes=np.int64(3),
        ignore_class=np.int32(1),
        labels=np.array([0, 2]),
        zero_division=np.float64(1.0),
    )
    assert json.loads(json.dumps(metric.get_config())) == metric.get_config()
    assert type(metric).from_config(metric.get_config()).get_config() == metric.get_config()


def test_sample_averages_of_another_beta_raise():
    counts = dist_f1.Counts.from_labels([[0, 1]], [[1, 1]], num_classes=2)
    with pytest.raises(ValueError, match=r"have no sums over rows of f2.*betas="):
        dist_f1.scores.f_beta(counts, 2.0, "samples")


def test_class_names_that_do_not_fit_the_first_batch_raise():
    with pytest.raises(ValueError, match=r"2 names for 3 classes"):
        dist_f1.F1Score(class_names=["a", "b"]).update_state(Y, SCORES)


def test_labels_of_a_binary_metric_are_the_two_classes_in_result_and_report():
    for labels in ([0], [1]):
        metric = dist_f1.F1Score("micro", 0.5, labels=labels, dtype="float64")
        metric.update_state([0, 1, 1, 0, 1], [0.2, 0.7, 0.4, 0.6, 0.9])
        report = metric.report(output_dict=True)
        assert float(metric.result()) == report[str(labels[0])]["f1-score"]


def test_an_unknown_argument_is_named():
    with pytest.raises(TypeError, match=r"Unknown argument num_class. Did you mean num_classes\?"):
        dist_f1.F1Score(num_class=3)


@pytest.mark.parametrize("beta", [0, -1.0, "2", True, float("nan")])
def test_beta_must_be_positive(beta):
    with pytest.raises(ValueError, match=r"beta must be a number greater than 0"):
        dist_f1.FBetaScore(beta=beta)


@pytest.mark.parametrize(
    ("y_true", "y_pred", "message"),
    [
        (np.zeros((3, 1, 1)), SCORES, r"y_true has shape \(3, 1, 1\).*pass ids \(3,\)"),
        (np.zeros((3, 2)), SCORES, r"y_true has shape \(3, 2\).*targets \(3, 3\)"),
        (Y, np.zeros((3, 4)), r"num_classes=3.*num_classes=4"),
        (Y, Y, r"integer labels.*Pass num_classes="),
        (Y, np.zeros(3, np.float32), r"without a class axis"),
    ],
)
@pytest.mark.parametrize("graph", [False, True])
def test_a_batch_that_does_not_fit_raises_and_keeps_the_counts(y_true, y_pred, message, graph):
    metric = dist_f1.F1Score("macro")
    metric.update_state(Y, SCORES)
    update = graph_function(metric.update_state) if graph else metric.update_state
    with pytest.raises(ValueError, match=message):
        update(y_true, y_pred)
    assert metric.counts().total == 3
    assert metric.result() == 1.0


@pytest.mark.parametrize("label", [3, -1])
def test_labels_out_of_range_raise_on_reading_with_their_number(label):
    metric = dist_f1.F1Score("macro")
    metric.update_state([0, 1, label, label], np.eye(3)[[0, 1, 2, 2]])
    for read in (metric.result, metric.report):
        with pytest.raises(ValueError, match=r"2 of 4 rows were not counted.*ignore_class="):
            read()
    assert metric.counts().invalid == 2
    assert metric.counts().total == 2
    metric.reset_state()
    metric.update_state(Y, SCORES)
    assert metric.result() == 1.0


def test_nan_scores_raise_on_reading_with_their_number():
    metric = dist_f1.F1Score("macro")
    metric.update_state(Y, np.where([[False], [True], [False]], np.nan, SCORES))
    with pytest.raises(ValueError, match=r"1 of 3 rows were not counted.*NaN"):
        metric.result()


@pytest.mark.parametrize("graph", [False, True])
def test_weights_after_an_unweighted_update_raise_and_are_never_truncated(graph):
    metric = dist_f1.F1Score("macro")
    metric.update_state(Y, SCORES)
    update = graph_function(metric.update_state) if graph else metric.update_state
    with pytest.raises(ValueError, match=r"sample_weight was passed to.*weighted=True"):
        update(Y, SCORES, [0.5, 0.5, 0.5])
    assert metric.counts().total == 3


def test_weights_raise_if_the_metric_was_made_without():
    metric = dist_f1.F1Score("macro", weighted=False)
    with pytest.raises(ValueError, match=r"weighted=False. Pass weighted=True"):
        metric.update_state(Y, SCORES, [1.0, 1.0, 1.0])


def test_the_first_update_decides_whether_counts_are_weighted():
    metric = dist_f1.F1Score("micro")
    metric.update_state(Y, SCORES, [0.5, 0.25, 0.25])
    metric.update_state(Y, SCORES)
    assert metric.counts().total.numpy() == 4.0
    assert metric.counts().total.dtype == tf.float64


def test_a_weighted_metric_accepts_rows_without_weights():
    metric = dist_f1.F1Score("micro", weighted=True)
    metric.update_state(Y, SCORES)
    metric.update_state(Y, SCORES, [0.5, 0.5, 0.5])
    assert metric.counts().total.numpy() == 4.5


def test_reading_before_the_first_update_needs_num_classes():
    with pytest.raises(ValueError, match=r"before its first update.*num_classes="):
        dist_f1.F1Score("macro").result()
    assert dist_f1.F1Score("macro", num_classes=3).result() == 0.0
    assert dist_f1.F1Score("macro", num_classes=3, zero_division=1.0).result() == 1.0


def test_labels_of_a_binary_task_and_a_second_strategy_are_named():
    for metric in (
        dist_f1.Precision(threshold=0.5, labels=[2]),
        dist_f1.Scores(["f1_macro"], threshold=0.5, labels=[2]),
        dist_f1.Scores(["f1_per_class", "accuracy"], threshold=0.5, labels=[2]),
        dist_f1.ThresholdSweep(labels=[2]),
    ):
        with pytest.raises(ValueError, match=r"holds \[2\].* 0 to 1 \(no and yes"):
            metric.update_state([0, 1], [0.2, 0.8])
    with pytest.raises(ValueError, match=r"holds \[2\].* 0 to 1 \(no and yes"):
        dist_f1.Precision(threshold=0.5, labels=[2], num_classes=1)
    first = strategy("mirrored_2")
    with first.scope():
        metric = dist_f1.F1Score("macro")
    first.run(metric.update_state, ([0, 1], [[0.9, 0.1], [0.2, 0.8]]))
    second = strategy("mirrored_3")
    with pytest.raises(ValueError, match=r"another strategy, a Mirrored.*one metric for each"):
        second.run(metric.update_state, ([0, 1], [[0.9, 0.1], [0.2, 0.8]]))
    assert int(metric.counts().total) == 4


def rows_of_objects(*values):
    array = np.empty(len(values), object)
    array[:] = values
    return array


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (rows_of_objects([0.1, 0.9], [0.2]), r"shape \[2\].*rows as objects of type list.*a mask"),
        (rows_of_objects(np.ones(2), np.ones(1)), "objects of type ndarray.*equal lengths"),
        (rows_of_objects("cat", "dog"), "names, e.g. 'cat'. Convert names to ids"),
        (rows_of_objects(1, None), r"e.g. 1. Convert it with array.astype\(dtype\)"),
        (np.array(["cat", "dog"]), "got string. Convert names to ids"),
        ([[0.1, 0.9], [0.2]], r"a list that is not .*non-rectangular.*equal lengths"),
        ({"a": 1}, "a dict that is not a tensor of numbers"),
    ],
)
@pytest.mark.parametrize("argument", ["y_true", "y_pred", "sample_weight"])
def test_inputs_that_are_no_numbers_are_named(argument, value, message):
    arguments = {"y_true": [0, 1], "y_pred": np.eye(2), argument: value}
    with pytest.raises(ValueError, match=f"{argument} (is|must be) .*{message}"):
        dist_f1.F1Score("macro").update_state(**arguments)


def test_a_target_of_none_is_named():
    with pytest.raises(ValueError, match="y_true is a NoneType"):
        dist_f1.F1Score("macro").update_state(None, np.eye(2))


@pytest.mark.parametrize("num_classes", [None, 3])
@pytest.mark.parametrize("shape", [[3], [3, 1]])
def test_float_ids_as_predictions_are_named(shape, num_classes):
    ids = np.reshape([0.0, 2.0, 2.0], shape)
    metrics = [dist_f1.F1Score("macro", num_classes=num_classes), dist_f1.Accuracy()]
    for metric in [*metrics, dist_f1.Scores(num_classes=num_classes)]:
        with pytest.raises(ValueError, match="integers for ids of classes"):
            metric.update_state([0, 1, 2], ids)


@pytest.mark.slow
@pytest.mark.parametrize("first", ["none", "mirrored_2"])
def test_a_metric_in_the_fit_of_a_second_strategy_is_named(first):
    metric = dist_f1.F1Score("macro")

    def fit(chosen):
        with chosen.scope():
            model = tf.keras.Sequential([tf.keras.layers.Dense(2, "softmax")])
            model.compile("sgd", "sparse_categorical_crossentropy", metrics=[metric])
        model.fit(np.ones([12, 3], "float32"), np.arange(12) % 2, verbose=0)

    fit(strategy(first))
    with pytest.raises(ValueError, match=r"outside of the strategy|one metric for each strategy"):
        fit(strategy("mirrored_3"))
    # Keras 3 has reset the metric before.
    assert int(metric.counts().total) in (0, 12)
