"""`ThresholdSweep`: counts at every threshold, from one accumulator and one collective."""

import numpy as np
import pytest
import sklearn.metrics
import tensorflow as tf
from comparisons import same
from helpers import mirrored, run_on_shards
from tiers import slow_except
from tracing import graph_function

import dist_f1
from dist_f1 import count_collectives

RANDOM = np.random.default_rng(0)
TARGETS = RANDOM.integers(0, 2, (80, 3))
SCORES = RANDOM.random((80, 3)).astype("float32")


@pytest.mark.parametrize("replicas", slow_except([1, 2, 8], 2))
def test_replicas_together_have_the_counts_of_all_rows(replicas):
    chosen = mirrored(replicas)
    with chosen.scope():
        metric = dist_f1.ThresholdSweep(50)
    cuts = sorted(RANDOM.integers(0, 80, replicas - 1))
    run_on_shards(chosen, metric.update_state, [TARGETS, SCORES], cuts)
    for threshold in (0.02, 0.5, 0.98):
        counts = metric.sweep().at(threshold)
        whole = dist_f1.Counts.from_labels(
            TARGETS, (np.float32(threshold) < SCORES).astype(int), num_classes=3
        ).numpy()
        assert counts.true_positive.tolist() == whole.true_positive.tolist()
        assert counts.predicted.tolist() == whole.predicted.tolist()
        assert counts.actual.tolist() == whole.actual.tolist()


def test_an_update_sends_nothing_and_a_read_is_one_collective():
    chosen = mirrored(2)
    with chosen.scope():
        metric = dist_f1.ThresholdSweep()
        local = dist_f1.ThresholdSweep(sync="epoch")

    def step(metric):
        def replica(y_true, y_pred):
            metric.update_state(y_true, y_pred)
            return metric.result()

        return graph_function(lambda *args: chosen.run(replica, args))

    batch = tf.constant(TARGETS), tf.constant(SCORES)
    assert count_collectives(step(metric), *batch) == 1
    assert count_collectives(step(local), *batch) == 0


def test_an_update_has_as_many_operations_for_two_thresholds_as_for_two_thousand():
    def operations(thresholds):
        metric = dist_f1.ThresholdSweep(thresholds)
        step = graph_function(lambda y, p: (metric.update_state(y, p), tf.constant(0))[1])
        graph = step.get_concrete_function(tf.constant(TARGETS), tf.constant(SCORES)).graph
        return len(graph.get_operations())

    assert operations(2) == operations(2000)


@pytest.mark.slow
def test_fit_logs_average_precision_and_the_best_threshold():
    x = RANDOM.random((80, 4)).astype("float32")
    with mirrored(2).scope():
        model = tf.keras.Sequential([tf.keras.layers.Dense(3, activation="sigmoid")])
        model.compile("sgd", "binary_crossentropy", metrics=[dist_f1.ThresholdSweep(1000)])
    history = model.fit(x, TARGETS.astype("float32"), batch_size=40, verbose=0).history
    assert {"average_precision", "best_f1", "best_threshold"} <= set(history)
    values = model.evaluate(
        x, TARGETS.astype("float32"), batch_size=40, verbose=0, return_dict=True
    )
    predicted = model.predict(x, verbose=0)
    at_best = predicted > np.float32(values["best_threshold"])
    expected = sklearn.metrics.f1_score(TARGETS, at_best, average="macro")
    assert values["best_f1"] == pytest.approx(expected, abs=0.01)


def test_logits_are_compared_as_probabilities():
    logits = np.log(SCORES / (1 - SCORES))
    metric = dist_f1.ThresholdSweep(20, from_logits=True)
    metric.update_state(TARGETS, logits)
    plain = dist_f1.F1Score("macro", 0.3, from_logits=True)
    plain.update_state(TARGETS, logits)
    np.testing.assert_array_equal(
        metric.sweep().at(0.3).true_positive, plain.counts().true_positive
    )


def test_invalid_rows_raise_and_ignored_rows_do_not():
    metric = dist_f1.ThresholdSweep(10, ignore_class=9)
    scores = np.array([[0.9, 0.2], [np.nan, 0.5], [0.3, 0.4], [0.6, 0.1]])
    metric.update_state([0, 1, 7, 9], scores)
    counts = metric.counts().numpy()
    assert (counts.total[0], counts.invalid[0]) == (1, 2)
    assert counts.at(4).predicted.tolist() == [1, 0]
    for read in (metric.result, metric.sweep):
        with pytest.raises(ValueError, match="2 of 3 rows were not counted"):
            read()


def test_weights_count_as_weights():
    metric = dist_f1.ThresholdSweep(10)
    weight = RANDOM.random(80)
    metric.update_state(TARGETS, SCORES, sample_weight=weight)
    chosen = np.float32(0.4) < SCORES
    expected = (weight[:, None] * (TARGETS * chosen)).sum(axis=0)
    np.testing.assert_allclose(metric.sweep().at(0.4).true_positive, expected, rtol=1e-12)


def test_a_sweep_is_restored_into_the_same_thresholds_only(tmp_path):
    with mirrored(2).scope():
        metric = dist_f1.ThresholdSweep(20)
    metric.update_state(TARGETS, SCORES)
    path = tf.train.Checkpoint(sweep=metric.accumulator).save(str(tmp_path / "sweep"))
    again = dist_f1.ThresholdSweep(20, num_classes=3)
    tf.train.Checkpoint(sweep=again.accumulator).restore(path).assert_consumed()
    same(again.counts(), metric.counts())
    other = dist_f1.ThresholdSweep([i / 20.5 for i in range(1, 21)], num_classes=3)
    with pytest.raises(ValueError, match="The checkpoint holds counts of"):
        tf.train.Checkpoint(sweep=other.accumulator).restore(path)
    f1 = dist_f1.F1Score("macro", 0.5, num_classes=3)
    with pytest.raises(ValueError, match="The checkpoint holds counts of"):
        tf.train.Checkpoint(sweep=f1.accumulator).restore(path)


def test_a_report_accepts_the_best_threshold_of_the_result():
    metric = dist_f1.ThresholdSweep(300)
    metric.update_state([0, 0, 1, 1], [0.1, 0.3, 0.35, 0.8])
    found = float(metric.result()["best_threshold"])
    assert found != 0.3
    assert metric.report(threshold=found) == metric.report()


def test_groups_raise():
    with pytest.raises(ValueError, match="by= was passed without num_groups="):
        dist_f1.ThresholdSweep().update_state([0, 1], [0.1, 0.9], by=[0, 1])


def test_two_sweeps_in_one_model_have_prefixes():
    first = dist_f1.ThresholdSweep(10, prefix="fine_")
    first.update_state([0, 1], [0.2, 0.7])
    assert [*first.result()] == ["fine_average_precision", "fine_best_f1", "fine_best_threshold"]
    assert first.direction_of("fine_best_f1") == "up"
    assert first.direction_of("best_f1") is None


def test_sweeps_of_other_thresholds_do_not_merge():
    whole = dist_f1.ThresholdSweep(20)
    whole.update_state(TARGETS, SCORES)
    with pytest.raises(ValueError, match="another decision"):
        dist_f1.ThresholdSweep(21).merge_state([whole])
    with pytest.raises(ValueError, match="another decision"):
        dist_f1.F1Score("macro", 0.5).merge_state([whole])


def test_the_report_is_that_at_the_best_or_at_a_given_threshold():
    metric = dist_f1.ThresholdSweep(20, class_names=["a", "b", "c"])
    metric.update_state(TARGETS, SCORES)
    best = metric.sweep().best("macro")
    assert metric.report() == dist_f1.report(best.counts, ["a", "b", "c"])
    row = metric.report(output_dict=True, threshold=0.9)["b"]
    expected = sklearn.metrics.recall_score(TARGETS[:, 1], SCORES[:, 1] > np.float32(0.9))
    assert row["recall"] == pytest.approx(expected)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"thresholds": 1}, "at least 2"),
        ({"average": "samples"}, 'average must be "micro", "macro" or "weighted"'),
        ({"top_k": 2}, "has no top_k="),
        ({"num_groups": 2}, "has no num_groups="),
        ({"zero_division": 1.0}, "has no zero_division="),
        ({"threshold": 0.5}, "has no threshold="),
        ({"num_classes": 1, "labels": [0]}, r"labels=\[0\], but .*positive class, 1"),
        ({"num_classes": 3, "labels": [3]}, r"labels holds \[3\]"),
    ],
)
def test_invalid_arguments_raise(arguments, message):
    with pytest.raises(ValueError, match=message):
        dist_f1.ThresholdSweep(**arguments)
