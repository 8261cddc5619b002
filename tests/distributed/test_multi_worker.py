"""Several worker processes, each with several devices: every worker reads what all have seen."""

import functools

import numpy as np
import pytest
import tensorflow as tf
from cluster import run_workers
from helpers import mirrored, strategy
from shards import CLASSES, shard, union
from sklearn.metrics import classification_report, f1_score, recall_score

import dist_f1
from dist_f1 import Counts

STEPS = 4
LEGACY = not hasattr(tf.keras, "ops")


@functools.cache
def custom_loop(workers):
    return [ended.result for ended in run_workers("custom_loop", workers, STEPS)]


def fields(counts):
    return {name: np.asarray(value).tolist() for name, value in counts.numpy()._asdict().items()}


def counted(steps, replicas, weighted=False):
    y_true, y_pred, weight = union(steps, replicas)
    return Counts.from_labels(y_true, y_pred, CLASSES, weight if weighted else None)


def macro_f1(y_true, y_pred):
    return f1_score(y_true, y_pred, average="macro")


@pytest.mark.parametrize("workers", [2, 3])
def test_every_worker_reads_the_counts_of_the_union(workers):
    replicas = 2 * workers
    y_true, y_pred, _ = union(STEPS, replicas)
    for out in custom_loop(workers):
        assert (out["replicas"], out["local"]) == (replicas, 2)
        whole = fields(counted(STEPS, replicas))
        assert out["middle"] == fields(counted(1, replicas))
        assert out["counts"] == out["quiet"] == whole
        assert out["result"] == pytest.approx(macro_f1(y_true, y_pred), abs=1e-6)
        assert out["compiled"] == pytest.approx(macro_f1(y_true, y_pred), abs=1e-6)
        assert out["report"] == classification_report(y_true, y_pred)
        weighted = fields(counted(STEPS, replicas, weighted=True))
        for name in ("true_positive", "predicted", "actual", "total"):
            np.testing.assert_allclose(out["weighted"][name], weighted[name], rtol=1e-12)


@pytest.mark.parametrize("workers", [2, 3])
def test_in_each_step_each_replica_of_each_worker_reads_the_score_so_far(workers):
    for out in custom_loop(workers):
        for step, values in enumerate(out["logs"]):
            y_true, y_pred, _ = union(step + 1, 2 * workers)
            assert values == pytest.approx([macro_f1(y_true, y_pred)] * 2, abs=1e-6)


@pytest.mark.parametrize("workers", [2, 3])
def test_nothing_is_sent_in_an_update_and_a_read_is_one_collective(workers):
    for out in custom_loop(workers):
        expected = {"update": 0, "update_and_read": 1, "read": 1, "sums": 1}
        assert out["collectives"] == expected


@pytest.mark.parametrize("workers", [2, 3])
def test_all_reduce_sum_packs_every_dtype_over_all_workers(workers):
    replicas = 2 * workers
    y_true, y_pred, weight = union(1, replicas)
    for out in custom_loop(workers):
        for sums in out["sums"]:
            assert sums["rows"] == len(y_true) + replicas * 2**60
            assert sums["right"] == (y_true == y_pred).sum()
            assert sums["weight"] == pytest.approx([weight.sum(), len(weight)], rel=1e-12)
        assert out["outside"] == len(y_true)


def test_an_update_outside_of_replicas_is_refused_and_counts_nothing():
    for out in custom_loop(2):
        assert len(out["refused"]) == 2
        assert all("outside of strategy.run" in error for error in out["refused"])


def test_a_distributed_dataset_may_end_earlier_on_one_worker():
    first, second = (ended.result for ended in run_workers("uneven_datasets", 2))
    y_true, y_pred = (
        np.concatenate(pair) for pair in zip(first["rows"], second["rows"], strict=True)
    )
    assert len(first["rows"][0]) != len(second["rows"][0])
    assert first["logs"] == second["logs"]
    assert first["logs"][-1] == pytest.approx(macro_f1(y_true, y_pred), abs=1e-6)
    assert first["result"] == second["result"] == first["logs"][-1]


def test_with_sync_epoch_workers_may_run_different_numbers_of_steps():
    total = sum(
        len(shard(step, replica)[0])
        for worker, steps in enumerate((2, 5))
        for step in range(steps)
        for replica in (2 * worker, 2 * worker + 1)
    )
    for ended in run_workers("epochs_of_unequal_length", 2):
        assert ended.result == {"totals": [total, total]}


def test_a_worker_with_fewer_steps_is_an_error_on_all_and_not_a_hang():
    for ended in run_workers("too_few_steps", 2, timeout=90):
        assert ended.returncode not in (0, None), ended.output
        assert "did not read a metric at the same point" in ended.output


def test_a_worker_that_dies_is_an_error_on_the_others_and_not_a_hang():
    survivor, dead = run_workers("one_dies", 2, timeout=90)
    assert dead.returncode == 3
    assert survivor.returncode not in (0, None), survivor.output
    assert "UnavailableError" in survivor.output


def test_a_read_that_the_others_do_not_make_ends_with_words_on_why():
    chief, _ = run_workers("only_one_reads", 2, timeout=90)
    assert 2 < chief.result["seconds"] < 30
    assert "read needs all workers" in chief.result["error"]


def save(metric, path):
    return tf.train.Checkpoint(f1=metric.accumulator).save(str(path))


def test_checkpoints_go_from_workers_to_one_process_and_back(tmp_path):
    with strategy("mirrored_3").scope():
        here = dist_f1.F1Score("macro", num_classes=CLASSES)
    for replica in range(3):
        here.update_state(*shard(7, replica)[:2])
    path = save(here, tmp_path / "mirrored")
    ended = run_workers("save_and_restore", 2, tmp_path, path)
    for out in (one.result for one in ended):
        assert out["saved"] == out["again"] == fields(counted(1, 4))
        assert out["later"] == out["later_again"] == fields(counted(2, 4))
        assert out["restored"][0] == fields(here.counts())
        step = counted(2, 4).total - counted(1, 4).total
        assert out["restored"][1]["total"] == int(here.counts().total + step)
        for replicas in (1, 3):
            with mirrored(replicas).scope():
                metric = dist_f1.F1Score("macro", num_classes=CLASSES)
            tf.train.Checkpoint(f1=metric.accumulator).restore(out["path"]).assert_consumed()
            assert fields(metric.counts()) == out["saved"]
    assert {one.result["path"].split("/")[-2] for one in ended} == {"chief", "other"}


@pytest.mark.skipif(not LEGACY, reason="Keras 3 has no fit on several workers")
@pytest.mark.parametrize("workers", [2, 3])
def test_fit_and_evaluate_of_tf_keras_log_the_score_of_all_rows_so_far(workers):
    for out in (ended.result for ended in run_workers("keras_fit", workers)):
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
