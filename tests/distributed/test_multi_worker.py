"""Several worker processes with several devices each: every worker reads the global counts."""

import functools

import numpy as np
import pytest
import tensorflow as tf
from cluster import run_workers
from shards import CLASSES, counted, fields, macro_f1, union
from sklearn.metrics import (
    accuracy_score,
    classification_report,
    cohen_kappa_score,
    f1_score,
    recall_score,
)

from dist_f1 import Counts

STEPS = 4
# The fast tier has a smaller program of two workers, in test_workers_apart.py.
SLOW_WORKERS = [pytest.param(n, marks=pytest.mark.slow) for n in (2, 3)]
LEGACY = not hasattr(tf.keras, "ops")


@functools.cache
def custom_loop(workers):
    return [worker.result for worker in run_workers("loops.custom_loop", workers, STEPS)]


@pytest.mark.parametrize("workers", SLOW_WORKERS)
def test_every_worker_reads_the_counts_of_all_rows(workers):
    replicas = 2 * workers
    y_true, y_pred, _ = union(STEPS, replicas)
    for out in custom_loop(workers):
        assert (out["replicas"], out["local"]) == (replicas, 2)
        whole = fields(counted(STEPS, replicas))
        assert out["after_first"] == fields(counted(1, replicas))
        assert out["counts"] == out["quiet"] == whole
        assert out["result"] == pytest.approx(macro_f1(y_true, y_pred), abs=1e-6)
        assert out["compiled"] == pytest.approx(macro_f1(y_true, y_pred), abs=1e-6)
        assert out["report"] == classification_report(y_true, y_pred)
        weighted = fields(counted(STEPS, replicas, weighted=True))
        for name in ("true_positive", "predicted", "actual", "total"):
            np.testing.assert_allclose(out["weighted"][name], weighted[name], rtol=1e-12)


@pytest.mark.parametrize("workers", SLOW_WORKERS)
def test_each_replica_of_each_worker_reads_the_score_of_all_rows_so_far_in_each_step(workers):
    for out in custom_loop(workers):
        for step, values in enumerate(out["logs"]):
            y_true, y_pred, _ = union(step + 1, 2 * workers)
            assert values == pytest.approx([macro_f1(y_true, y_pred)] * 2, abs=1e-6)


@pytest.mark.parametrize("workers", SLOW_WORKERS)
def test_an_update_sends_nothing_and_a_read_is_one_collective(workers):
    for out in custom_loop(workers):
        expected = {"update": 0, "update_and_read": 1, "read": 1, "sums": 1}
        assert out["collectives"] == expected


@pytest.mark.parametrize("workers", SLOW_WORKERS)
def test_all_reduce_sum_packs_every_dtype_over_all_workers(workers):
    replicas = 2 * workers
    y_true, y_pred, weight = union(1, replicas)
    for out in custom_loop(workers):
        for sums in out["sums"]:
            assert sums["rows"] == len(y_true) + replicas * 2**60
            assert sums["right"] == (y_true == y_pred).sum()
            assert sums["weight"] == pytest.approx([weight.sum(), len(weight)], rel=1e-12)
        assert out["outside"] == len(y_true)


@pytest.mark.slow
def test_an_update_outside_of_strategy_run_raises():
    for out in custom_loop(2):
        assert len(out["errors"]) == 2
        assert all("outside of strategy.run" in error for error in out["errors"])


@pytest.mark.slow
def test_two_workers_read_scores_by_group_and_counts_at_thresholds():
    y_true, y_pred, weight = union(STEPS, 4)
    odd = y_true % 2
    of_groups = [accuracy_score(y_true[odd == g], y_pred[odd == g]) for g in (0, 1)]
    expected = {
        "f1_macro": macro_f1(y_true, y_pred),
        "cohen_kappa_quadratic": cohen_kappa_score(y_true, y_pred, weights="quadratic"),
        "accuracy_group_0": of_groups[0],
        "accuracy_group_1": of_groups[1],
        "accuracy_gap": abs(of_groups[0] - of_groups[1]),
    }
    last, chosen = y_true == CLASSES - 1, weight / 3.0 > 0.5
    for out in (w.result for w in run_workers("loops.scores_and_sweeps", 2, STEPS)):
        for scores, sweep in (out["inside"], out["outside"]):
            assert scores == pytest.approx(expected, abs=1e-6)
            best = max(f1_score(last, weight / 3.0 > t) for t in (0.25, 0.5, 0.75))
            assert sweep["best_f1"] == pytest.approx(best, abs=1e-6)
        assert out["at_half"]["true_positive"] == [(last & chosen).sum()]
        assert out["at_half"]["predicted"] == [chosen.sum()]
        # One for each metric.
        assert out["collectives"] == 2


@pytest.mark.skipif(not LEGACY, reason="Keras 3 has no fit on several workers")
@pytest.mark.parametrize("workers", [2, pytest.param(3, marks=pytest.mark.slow)])
def test_fit_and_evaluate_of_tf_keras_log_the_score_of_all_rows_so_far(workers):
    for out in (w.result for w in run_workers("keras_models.keras_fit", workers)):
        y_true, y_pred = np.array(out["labels"]), np.array(out["predicted"])
        whole = fields(Counts.from_labels(y_true, y_pred, CLASSES))
        for method in ("auto", "first"):
            for split in ("train", "test"):
                logs = out[method][split]
                assert len(logs) == 5
                for batch, values in enumerate(logs):
                    seen = slice(0, 12 * (batch + 1))
                    expected = macro_f1(y_true[seen], y_pred[seen])
                    assert values["f1_score"] == pytest.approx(expected, abs=1e-6)
            for when in ("fit", "evaluate"):
                assert out[method][when]["f1_score"] == pytest.approx(macro_f1(y_true, y_pred))
                recall = recall_score(y_true, y_pred, average="macro")
                assert out[method][when]["recall"] == pytest.approx(recall)
            assert out[method]["counts"] == whole


@pytest.mark.slow
def test_callbacks_evaluate_on_every_worker_and_only_the_chief_reports(tmp_path):
    chief, other = (w.result for w in run_workers("keras_models.callbacks", 2, tmp_path / "run"))
    y_true, y_pred = np.array(chief["labels"]), np.array(chief["predicted"])
    whole = fields(Counts.from_labels(y_true, y_pred, CLASSES, confusion=True))
    for out in (chief, other):
        assert out["scores"] == {"f1_macro": pytest.approx(macro_f1(y_true, y_pred), abs=1e-6)}
        assert out["counts"] == whole
    if LEGACY:
        for out in (chief, other):
            assert out["history"] == pytest.approx([macro_f1(y_true, y_pred)] * 2, abs=1e-6)
        assert len(chief["printed"]) == 2
        assert not other["printed"]
        assert classification_report(y_true, y_pred, digits=4) in chief["printed"][1]
        assert (tmp_path / "run" / "reports" / "epoch_0002.txt").exists()
