"""`Scores`: many scores from one accumulator and one collective."""

import numpy as np
import pytest
import sklearn.metrics
import tensorflow as tf
from helpers import mirrored, run_on_shards
from tiers import slow
from tracing import graph_function

import dist_f1
from dist_f1 import count_collectives

TWELVE = (
    "f1_macro",
    "f1_micro",
    "f1_weighted",
    "f2_macro",
    "precision_macro",
    "recall_macro",
    "specificity_macro",
    "jaccard_macro",
    "accuracy",
    "balanced_accuracy",
    "matthews_corrcoef",
    "cohen_kappa",
)
RANDOM = np.random.default_rng(0)
Y, SCORES = RANDOM.integers(0, 3, 60), RANDOM.random((60, 3)).astype("float32")


def test_the_default_scores():
    metric = dist_f1.Scores()
    metric.update_state(Y, SCORES)
    values = metric.result()
    assert list(values) == ["f1_macro", "f1_micro", "precision_macro", "recall_macro", "accuracy"]
    y_pred = SCORES.argmax(-1)
    assert float(values["f1_macro"]) == pytest.approx(
        sklearn.metrics.f1_score(Y, y_pred, average="macro")
    )
    assert float(values["accuracy"]) == pytest.approx(sklearn.metrics.accuracy_score(Y, y_pred))


@pytest.mark.parametrize("replicas", [2, slow(3)])
def test_twelve_scores_need_one_collective_and_an_update_needs_none(replicas):
    chosen = mirrored(replicas)
    with chosen.scope():
        metric = dist_f1.Scores(TWELVE)
        local = dist_f1.Scores(TWELVE, sync="epoch")

    def replica(y_true, y_pred):
        metric.update_state(y_true, y_pred)
        return metric.result()

    def own(y_true, y_pred):
        local.update_state(y_true, y_pred)
        return local.result()

    batch = tf.constant(Y), tf.constant(SCORES)
    for function, expected in ((replica, 1), (own, 0)):
        step = graph_function(lambda *args, function=function: chosen.run(function, args))
        assert count_collectives(step, *batch) == expected
    with chosen.scope():
        assert count_collectives(graph_function(metric.result)) == 1


def _ops(metric):
    """Return the number of operations of an update by type."""
    step = graph_function(lambda y, p: (metric.update_state(y, p), tf.constant(0))[1])
    graph = step.get_concrete_function(tf.constant(Y), tf.constant(SCORES)).graph
    kinds = [op.type for op in graph.get_operations()]
    return {kind: kinds.count(kind) for kind in set(kinds)}


def test_an_update_of_twelve_scores_is_the_update_of_one():
    one, twelve = _ops(dist_f1.F1Score("macro")), _ops(dist_f1.Scores(TWELVE))
    assert twelve == one
    assert one["ArgMax"] == 1


def test_entries_of_classes_carry_their_names():
    metric = dist_f1.Scores(["recall_per_class", "f2_per_class"], class_names=["ant", "bee", "cow"])
    metric.update_state(Y, SCORES)
    values = metric.result()
    assert list(values) == [f"{score}_{name}" for score in ("recall", "f2") for name in NAMES]
    expected = sklearn.metrics.recall_score(Y, SCORES.argmax(-1), average=None)
    assert [float(values[f"recall_{name}"]) for name in NAMES] == pytest.approx(list(expected))
    unnamed = dist_f1.Scores(["f1_per_class"], labels=[2, 0])
    unnamed.update_state(Y, SCORES)
    assert list(unnamed.result()) == ["f1_2", "f1_0"]


NAMES = ("ant", "bee", "cow")


def test_a_binary_task_has_scores_of_its_positive_class():
    metric = dist_f1.Scores(
        ["f1", "f1_binary", "f1_per_class"], threshold=0.5, class_names=["benign", "malignant"]
    )
    y_true, y_pred = [1, 0, 1, 1], [0.9, 0.8, 0.2, 0.7]
    metric.update_state(y_true, y_pred)
    values = metric.result()
    assert list(values) == ["f1", "f1_binary", "f1_malignant"]
    expected = sklearn.metrics.f1_score(y_true, np.array(y_pred) > 0.5)
    assert [float(value) for value in values.values()] == pytest.approx([expected] * 3)


@pytest.mark.slow
@pytest.mark.parametrize("replicas", [1, 2, 3])
def test_fit_keeps_every_score_in_its_history(replicas):
    with mirrored(replicas).scope():
        model = tf.keras.Sequential([tf.keras.layers.Dense(3)])
        loss = tf.keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        metric = dist_f1.Scores(["f1_macro", "accuracy", "f1_per_class"], class_names=NAMES)
        model.compile("sgd", loss, metrics=[metric])
    batch = 6 * replicas
    history = model.fit(
        SCORES, Y, batch_size=batch, epochs=2, validation_data=(SCORES, Y), verbose=0
    ).history
    for name in ("f1_macro", "accuracy", *(f"f1_{name}" for name in NAMES)):
        assert len(history[name]) == len(history[f"val_{name}"]) == 2
    predicted = model.predict(SCORES, verbose=0).argmax(-1)
    expected = sklearn.metrics.f1_score(Y, predicted, average="macro")
    assert history["val_f1_macro"][-1] == pytest.approx(expected, abs=1e-6)
    evaluated = model.evaluate(SCORES, Y, batch_size=batch, verbose=0, return_dict=True)
    assert evaluated["f1_macro"] == pytest.approx(expected, abs=1e-6)
    f1_of_bee = sklearn.metrics.f1_score(Y, predicted, average=None, labels=[1])[0]
    assert evaluated["f1_bee"] == pytest.approx(f1_of_bee, abs=1e-6)


class BatchLogs(tf.keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.rows = []

    def on_test_batch_end(self, batch, logs=None):
        self.rows.append({name: np.asarray(value) for name, value in logs.items()})


@pytest.mark.slow
@pytest.mark.parametrize("replicas", [1, 3])
@pytest.mark.parametrize("steps", [1, 2])
def test_the_log_of_every_batch_is_the_score_of_all_rows_so_far(replicas, steps):
    order = np.argsort(Y)
    x, y, logs = SCORES[order], Y[order], BatchLogs()
    with mirrored(replicas).scope():
        layer = tf.keras.layers.Dense(3, "softmax", True, "identity")
        model = tf.keras.Sequential([layer])
        metrics = [dist_f1.Scores(["f1_macro", "accuracy"]), dist_f1.ConfusionMatrix()]
        model.compile(
            "sgd", "sparse_categorical_crossentropy", metrics=metrics, steps_per_execution=steps
        )
    model.evaluate(x, y, batch_size=12, verbose=0, callbacks=[logs])
    assert len(logs.rows) == 5 // steps + 5 % steps
    for index, row in enumerate(logs.rows):
        seen = slice(0, min(12 * steps * (index + 1), len(y)))
        predicted = x[seen].argmax(-1)
        expected = sklearn.metrics.f1_score(y[seen], predicted, average="macro")
        assert row["f1_macro"] == pytest.approx(expected, abs=1e-6)
        assert row["accuracy"] == pytest.approx(sklearn.metrics.accuracy_score(y[seen], predicted))
        matrix = sklearn.metrics.confusion_matrix(y[seen], predicted, labels=range(3))
        np.testing.assert_array_equal(row["confusion_matrix"], matrix)


def test_the_counts_keep_a_matrix_if_a_score_needs_one_or_it_is_asked_for():
    for metric in (dist_f1.Scores(["cohen_kappa_linear"]), dist_f1.Scores(confusion=True)):
        metric.update_state(Y, SCORES)
        expected = sklearn.metrics.confusion_matrix(Y, SCORES.argmax(-1))
        np.testing.assert_array_equal(metric.counts().confusion, expected)
    plain = dist_f1.Scores()
    plain.update_state(Y, SCORES)
    assert plain.counts().confusion == ()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"scores": ["f1_makro"]}, "'f1_makro' is not a score. Use one of accuracy"),
        ({"scores": ["f_macro"]}, "'f_macro' is not a score"),
        ({"scores": ["f1_macro_gap_by_group"]}, "'f1_macro_gap_by_group' is not a score"),
        ({"scores": ["accuracy_macro"]}, "'accuracy_macro' is not a score"),
        ({"scores": ["f0_macro"]}, "'f0_macro' is not a score"),
        ({"scores": [7]}, "7 is not a score"),
        ({"scores": []}, "must be a sequence of names"),
        ({"scores": "accuracy"}, "must be a sequence of names"),
        ({"scores": ["f1_macro", "f1_macro"], "num_classes": 3}, "would have the name f1_macro"),
        ({"scores": ["f1_macro_gap"]}, "Pass num_groups="),
        ({"scores": ["f1"], "num_classes": 3}, "f1 needs two classes; use e.g. f1_macro"),
        ({"scores": ["f1_samples"], "num_classes": 3}, "rows that may have several classes"),
        (
            {"scores": ["matthews_corrcoef"], "threshold": 0.5, "num_classes": 3},
            "one class per row",
        ),
        ({"scores": ["f1_samples"], "threshold": 0.5, "labels": [0]}, "covers all classes"),
        ({"scores": ["f1"], "labels": [0]}, r'"binary" is of one class.*labels= has no meaning'),
        ({"labels": [5], "num_classes": 3}, r"labels holds \[5\]"),
        (
            {
                "scores": ["f1_macro", "f1_per_class"],
                "class_names": ["micro", "macro"],
                "num_classes": 2,
            },
            "would have the name f1_macro",
        ),
    ],
)
def test_scores_that_cannot_be_are_refused_when_the_metric_is_made(arguments, message):
    with pytest.raises(ValueError, match=message):
        dist_f1.Scores(**arguments)


def test_scores_that_the_first_batch_rules_out_are_refused_then():
    metric = dist_f1.Scores(["f1"])
    with pytest.raises(ValueError, match=r"f1 needs two classes.*there are 3 classes"):
        metric.update_state(Y, SCORES)


@pytest.mark.parametrize("make", [dist_f1.MatthewsCorrCoef, dist_f1.CohenKappa])
def test_metrics_of_one_class_per_row_raise_for_multilabel_decisions(make):
    with pytest.raises(ValueError, match=r"one class per row.*threshold or top_k"):
        make(threshold=0.5).update_state(np.eye(3), np.eye(3))
    make(threshold=0.5).update_state([0, 1], [0.2, 0.7])


@pytest.mark.parametrize(
    "option", [{"labels": [1, 2]}, {"average": "macro"}, {"zero_division": 1.0}]
)
def test_metrics_of_all_classes_raise_for_arguments_about_single_classes(option):
    with pytest.raises(ValueError, match=rf"Accuracy has no {next(iter(option))}=\..*all classes"):
        dist_f1.Accuracy(**option)


def test_two_metrics_of_one_model_have_prefixes():
    low, high = (
        dist_f1.Scores(["f1"], threshold, name, prefix=f"{name}_")
        for name, threshold in (("low", 0.3), ("high", 0.7))
    )
    layer = tf.keras.layers.Dense(1, "linear", False, "ones")
    model = tf.keras.Sequential([layer])
    model.compile("sgd", "mse", metrics=[low, high])
    x, y = np.linspace(0, 1, 12)[:, None].astype("float32"), np.arange(12) % 2
    values = model.evaluate(x, y, verbose=0, return_dict=True)
    for name, threshold in (("low_f1", 0.3), ("high_f1", 0.7)):
        expected = sklearn.metrics.f1_score(y, x[:, 0] > np.float32(threshold))
        assert values[name] == pytest.approx(expected, abs=1e-6)
    assert low.direction_of("low_f1") == "up"
    assert low.direction_of("f1") is None


def test_scores_of_many_classes_are_not_sliced_one_by_one():
    metric = dist_f1.Scores(["f1_per_class"], num_classes=1000)
    metric.update_state([0, 999], [0, 999])
    graph = graph_function(metric.result).get_concrete_function().graph
    # Mostly outputs of the function; tf-keras makes two per entry.
    assert len(graph.get_operations()) < 2500


def test_top_k_accuracy_without_rows_is_undefined():
    assert np.isnan(float(dist_f1.Accuracy(top_k=2, num_classes=5).result()))


def test_specificity_has_no_sample_average():
    with pytest.raises(ValueError, match='Specificity has no average="samples"'):
        dist_f1.Specificity("samples", 0.5)


def test_each_of_two_replicas_reads_the_global_scores():
    chosen = mirrored(2)
    with chosen.scope():
        metric = dist_f1.Scores(["f1_macro", "accuracy"], sync="step")

    def replica(y_true, y_pred):
        metric.update_state(y_true, y_pred)
        return tf.identity(metric.result()["accuracy"])

    values = run_on_shards(chosen, replica, [Y, SCORES], [50])
    expected = sklearn.metrics.accuracy_score(Y, SCORES.argmax(-1))
    for value in chosen.experimental_local_results(values):
        assert float(value) == pytest.approx(expected)
