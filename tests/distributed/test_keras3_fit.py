"""Keras 3 on several workers, after `dist_f1.compat.keras3.repair_fit()`."""

import json

import numpy as np
import pytest
import sklearn.metrics
import tensorflow as tf
from cluster import run_alone, run_workers

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(tf.keras, "ops"), reason="tf-keras has no such fault"),
]
FIT, FITS = "keras3_fit.fit", "keras3_fit.fits"

EVEN = {"rows": 48, "batch_size": 12}
UNEVEN = {"batch_size": 12, "epochs": 4}
FIRST = {"kind": "cnn", "rows": 25, "batch_size": 7, "epochs": 1}
CASES = {
    "mlp": {**EVEN, "kind": "mlp"},
    "cnn": {**EVEN, "kind": "cnn", "epochs": 4},
    "sample_weight": {
        **UNEVEN,
        "kind": "cnn",
        "rows": 57,
        "validation_rows": 31,
        "sample_weight": True,
    },
    "callbacks": {
        **UNEVEN,
        "kind": "dropout",
        "rows": 46,
        "class_weight": True,
        "callbacks": True,
        "steps_per_execution": 3,
    },
    # Of the last two rows, some replicas get none. Convolutions are left out because oneDNN gives
    # such a batch the wrong shape on some CPUs.
    "no_rows": {"kind": "mlp", "rows": 50, "batch_size": 12},
    "first_batch": FIRST,
    "first_batch_in_one_of_three_steps": {**FIRST, "steps_per_execution": 3},
}


def run(workers, devices, cases):
    """Return the results of all workers for each case."""
    options = json.dumps([CASES[case] for case in cases])
    if workers == 1:
        results = [run_alone(FITS, options, devices=devices).result]
    else:
        results = [worker.result for worker in run_workers(FITS, workers, options, devices=devices)]
    return dict(zip(cases, zip(*results, strict=True), strict=True))


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


@pytest.mark.parametrize(
    ("workers", "uneven", "alone"),
    [(2, [], ["first_batch_in_one_of_three_steps"]), (3, ["sample_weight"], [])],
)
def test_workers_train_alike_and_with_even_batches_as_one_process(workers, uneven, alone):
    even = ["mlp", "cnn"]
    found = run(workers, 1, [*even, *uneven])
    for results in found.values():
        assert_workers_agree(results)
        assert_scores_are_those_of_the_predictions(results[0])
    expected = run(1, workers, [*even, *alone])
    for (result,) in expected.values():
        assert_scores_are_those_of_the_predictions(result)
    for case in even:
        assert_equal_training(found[case][0], expected[case][0])


def assert_equal_training(one, other):
    assert one["history"].keys() == other["history"].keys()
    for key, values in other["history"].items():
        np.testing.assert_allclose(one["history"][key], values, atol=1e-6, err_msg=key)
    for ours, theirs in zip(one["weights"], other["weights"], strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)
    for ours, theirs in zip(one["train"], other["train"], strict=True):
        assert ours["f1_score"] == pytest.approx(theirs["f1_score"], abs=1e-6)


def test_callbacks_decide_alike_on_two_workers_of_two_replicas():
    for results in run(2, 2, ["callbacks", "no_rows"]).values():
        assert_workers_agree(results)
        assert_scores_are_those_of_the_predictions(results[0])


def test_a_first_batch_that_does_not_divide_by_four_replicas():
    ((result,),) = run(1, 4, ["first_batch"]).values()
    assert_scores_are_those_of_the_predictions(result)


def test_a_restart_after_a_kill_continues_as_if_there_had_been_none(tmp_path):
    interrupted = {**CASES["cnn"], "directory": str(tmp_path)}
    dying = run_workers(FIT, 2, json.dumps({**interrupted, "die_in_epoch": 2}), devices=1)
    assert {worker.returncode for worker in dying} == {7}
    resumed = [w.result for w in run_workers(FIT, 2, json.dumps(interrupted), devices=1)]
    ((whole,),) = run(1, 2, ["cnn"]).values()
    assert_workers_agree(resumed)
    assert_scores_are_those_of_the_predictions(resumed[0])
    for key, values in whole["history"].items():
        np.testing.assert_allclose(resumed[0]["history"][key], values[2:], atol=1e-6, err_msg=key)
    for ours, theirs in zip(resumed[0]["weights"], whole["weights"], strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)
