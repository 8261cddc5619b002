"""Keras 3 on several workers, after `dist_f1.compat.keras3.repair_fit()`."""

import functools
import json

import numpy as np
import pytest
import sklearn.metrics
import tensorflow as tf
from cluster import run_alone, run_workers

pytestmark = pytest.mark.skipif(not hasattr(tf.keras, "ops"), reason="tf-keras has no such fault")
FIT = "keras3_fit.fit"


@functools.cache
def fit(workers, devices, **options):
    """Return the results of all workers."""
    options = json.dumps(options)
    if workers == 1:
        return [run_alone(FIT, options, devices=devices).result]
    return [worker.result for worker in run_workers(FIT, workers, options, devices=devices)]


def assert_workers_agree(results):
    first, *others = results
    for other in others:
        assert other == first


def assert_scores_are_those_of_the_predictions(result):
    y_true, y_pred = result["labels"], result["predicted"]
    f1 = sklearn.metrics.f1_score(y_true, y_pred, average="macro")
    recall = sklearn.metrics.recall_score(y_true, y_pred, average="macro")
    for logs in ({k: v[-1] for k, v in val_of(result["history"]).items()}, result["evaluate"]):
        assert logs["f1_score"] == pytest.approx(f1, abs=1e-6)
        assert logs["recall_macro"] == pytest.approx(recall, abs=1e-6)
        accuracy = sklearn.metrics.accuracy_score(y_true, y_pred)
        assert logs["accuracy"] == pytest.approx(accuracy, abs=1e-6)
    assert result["counts"] == len(y_true)
    # The step-synchronized score of the last batch is that of all batches.
    assert result["test"][-1]["f1_score"] == pytest.approx(f1, abs=1e-6)


def val_of(history):
    return {k.removeprefix("val_"): v for k, v in history.items() if k.startswith("val_")}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("workers", "devices", "kind"),
    [(2, 1, "mlp"), (2, 1, "cnn"), (3, 1, "cnn"), (3, 1, "mlp")],
)
def test_even_batches_train_as_in_one_process_with_as_many_replicas(workers, devices, kind):
    options = {"kind": kind, "rows": 48, "batch_size": 12}
    results = fit(workers, devices, **options)
    assert_workers_agree(results)
    assert_scores_are_those_of_the_predictions(results[0])
    (alone,) = fit(1, workers * devices, **options)
    assert results[0]["history"].keys() == alone["history"].keys()
    for key, values in alone["history"].items():
        np.testing.assert_allclose(results[0]["history"][key], values, atol=1e-6, err_msg=key)
    for ours, theirs in zip(results[0]["weights"], alone["weights"], strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)
    for ours, theirs in zip(results[0]["train"], alone["train"], strict=True):
        assert ours["f1_score"] == pytest.approx(theirs["f1_score"], abs=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("workers", "devices", "options"),
    [
        (3, 1, {"kind": "cnn", "rows": 57, "validation_rows": 31, "sample_weight": True}),
        (
            2,
            2,
            {
                "kind": "dropout",
                "rows": 50,
                "class_weight": True,
                "callbacks": True,
                "steps_per_execution": 3,
            },
        ),
    ],
    ids=["sample_weight", "callbacks"],
)
def test_uneven_batches_weights_and_callbacks_are_alike_on_all_workers(workers, devices, options):
    results = fit(workers, devices, **options, batch_size=12, epochs=4)
    assert_workers_agree(results)
    assert_scores_are_those_of_the_predictions(results[0])


@pytest.mark.slow
@pytest.mark.parametrize(("replicas", "steps_per_execution"), [(2, 3), (4, 1)])
def test_a_first_batch_that_does_not_divide_by_the_replicas(replicas, steps_per_execution):
    options = {"kind": "cnn", "rows": 25, "batch_size": 7, "epochs": 1}
    (result,) = fit(1, replicas, **options, steps_per_execution=steps_per_execution)
    assert_scores_are_those_of_the_predictions(result)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["cnn"])
def test_a_restart_after_a_kill_continues_as_if_there_had_been_none(kind, tmp_path):
    options = {"kind": kind, "rows": 48, "batch_size": 12, "epochs": 4}
    interrupted = {**options, "directory": str(tmp_path / "killed")}
    dying = run_workers(FIT, 2, json.dumps({**interrupted, "die_in_epoch": 2}), devices=1)
    assert {worker.returncode for worker in dying} == {7}
    resumed = [w.result for w in run_workers(FIT, 2, json.dumps(interrupted), devices=1)]
    whole = fit(2, 1, **options, directory=str(tmp_path / "whole"))
    assert_workers_agree(resumed)
    assert_scores_are_those_of_the_predictions(resumed[0])
    for key, values in whole[0]["history"].items():
        np.testing.assert_allclose(resumed[0]["history"][key], values[2:], atol=1e-6, err_msg=key)
    for ours, theirs in zip(resumed[0]["weights"], whole[0]["weights"], strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)
