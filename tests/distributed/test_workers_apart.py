"""Workers that are not at the same point: more rows, fewer steps, dead, restarted."""

import numpy as np
import pytest
import tensorflow as tf
from cluster import run_workers
from helpers import mirrored, strategy
from shards import CLASSES, counted, fields, macro_f1, shard
from tiers import slow

import dist_f1
from dist_f1 import Counts


@pytest.mark.slow
def test_a_distributed_dataset_may_end_earlier_on_one_worker():
    first, second = (worker.result for worker in run_workers("loops.uneven_datasets", 2))
    y_true, y_pred = (
        np.concatenate(pair) for pair in zip(first["rows"], second["rows"], strict=True)
    )
    assert len(first["rows"][0]) != len(second["rows"][0])
    assert first["logs"] == second["logs"]
    assert first["logs"][-1] == pytest.approx(macro_f1(y_true, y_pred), abs=1e-6)
    assert first["result"] == second["result"] == first["logs"][-1]


@pytest.mark.slow
def test_with_sync_epoch_workers_may_run_different_numbers_of_steps():
    def total(*steps_of_workers):
        return sum(
            len(shard(step, replica)[0])
            for worker, steps in enumerate(steps_of_workers)
            for step in range(steps)
            for replica in (2 * worker, 2 * worker + 1)
        )

    for worker in run_workers("loops.epochs_of_unequal_length", 2):
        assert worker.result == {"totals": [total(0, 3), total(2, 5)]}


def test_an_update_does_not_wait_for_other_workers_and_only_shared_counts_merge(tmp_path):
    for worker in run_workers("workers_apart.first_update_alone", 2, tmp_path):
        out = worker.result
        assert out["chief_is_first"]
        assert "counts that belong to one worker" in out["error"]
        assert out["merged"] == 4 * 3


@pytest.mark.parametrize("program", ["too_few_steps", slow("too_few_steps_before_a_reset")])
def test_a_worker_with_fewer_steps_fails_all_workers_instead_of_a_hang(program):
    workers = run_workers(f"workers_apart.{program}", 2)
    assert all(worker.returncode not in (0, None) for worker in workers), workers
    # The first worker that ends may end the other before it prints the same error.
    assert any("did not read a metric at the same point" in worker.output for worker in workers)


@pytest.mark.slow
def test_a_worker_that_dies_fails_the_others_instead_of_a_hang():
    survivor, dead = run_workers("workers_apart.one_dies", 2)
    assert dead.returncode == 3
    assert survivor.returncode not in (0, None), survivor.output
    assert "UnavailableError" in survivor.output


@pytest.mark.slow
def test_a_read_on_one_worker_only_times_out_with_its_cause(tmp_path):
    chief, _ = run_workers("workers_apart.only_one_reads", 2, tmp_path)
    assert "needs all workers" in chief.result["error"]


def save(metric, path):
    return tf.train.Checkpoint(f1=metric.accumulator).save(str(path))


def test_checkpoints_go_from_workers_to_one_process_and_back(tmp_path):
    with strategy("mirrored_3").scope():
        here = dist_f1.F1Score("macro", num_classes=CLASSES)
    for replica in range(3):
        here.update_state(*shard(7, replica)[:2])
    path = save(here, tmp_path / "mirrored")
    workers = run_workers("workers_apart.save_and_restore", 2, tmp_path, path)
    for out in (worker.result for worker in workers):
        assert out["saved"] == out["again"] == fields(counted(1, 4))
        assert out["later"] == out["later_again"] == fields(counted(2, 4))
        assert out["restored"][0] == fields(here.counts())
        step = [shard(1, replica) for replica in range(4)]
        more = sum(Counts.from_labels(*columns[:2], CLASSES) for columns in step)
        assert out["restored"][1] == fields(here.counts() + more)
        for replicas in (1, 3):
            with mirrored(replicas).scope():
                metric = dist_f1.F1Score("macro", num_classes=CLASSES)
            tf.train.Checkpoint(f1=metric.accumulator).restore(out["path"]).assert_consumed()
            assert fields(metric.counts()) == out["saved"]
    assert {worker.result["path"].split("/")[-2] for worker in workers} == {"chief", "other"}
