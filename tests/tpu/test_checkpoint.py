"""Counts of a TPU job, saved and restored under any strategy."""

import numpy as np
import pytest
import tensorflow as tf
from helpers import mirrored, tpu

import dist_f1
from dist_f1 import testing
from tpu import reference
from tpu.steps import Step, placed, step_of


@pytest.mark.parametrize("name", ["F1Score", "ConfusionMatrix", "samples average", "weighted"])
def test_counts_go_on_under_any_strategy_from_a_checkpoint_of_a_tpu_job(name, tmp_path):
    step = step_of(name, 8)
    case = step.case
    step.metric.reset_state()
    before, after = case.columns(8, seed=1), case.columns(8, seed=2)
    with testing.emulated_tpu():
        step(before)
    saved = step.metric.accumulator.read().numpy()
    path = tf.train.Checkpoint(f1=step.metric.accumulator).save(str(tmp_path / "tpu"))

    def goes_on_with(other, go_on):
        tf.train.Checkpoint(f1=other.accumulator).restore(path)
        restored = other.accumulator.read()
        for a, b in zip(tf.nest.flatten(restored), tf.nest.flatten(saved), strict=True):
            np.testing.assert_array_equal(a, b)
        go_on()
        both = {key: np.concatenate([before[key], after[key]]) for key in before}
        return reference.agree(case, other.accumulator.read(), reference.counts(case, both))

    fresh, on_gpus = Step(case, tpu(8)), Step(case, mirrored(4), "epoch")
    alone = case.make()
    with testing.emulated_tpu():
        assert goes_on_with(fresh.metric, lambda: fresh(after))
    assert goes_on_with(on_gpus.metric, lambda: run_on_four(on_gpus, after))
    flat = {key: column.reshape(-1, *column.shape[2:]) for key, column in after.items()}
    assert goes_on_with(alone, lambda: alone.update_state(**flat))


def run_on_four(step, columns):
    fours = {key: x.reshape(4, -1, *x.shape[2:]) for key, x in columns.items()}
    mirrored(4).run(step.replica, (placed(mirrored(4), fours),))


def test_a_tpu_job_goes_on_from_a_checkpoint_of_another_strategy(tmp_path):
    alone = dist_f1.F1Score("macro", num_classes=4)
    alone.update_state([0, 1, 1], [[0.0, 1.0, 0.0, 0.0]] * 3)
    path = tf.train.Checkpoint(f1=alone.accumulator).save(str(tmp_path / "alone"))
    step = step_of("F1Score", 8)
    tf.train.Checkpoint(f1=step.metric.accumulator).restore(path)
    columns = step.case.columns(8)
    with testing.emulated_tpu():
        step(columns)
    added = reference.counts(step.case, columns)
    counts = step.metric.counts().numpy()
    assert counts.total == 3 + 48
    np.testing.assert_array_equal(counts.true_positive - added.true_positive, [0, 2, 0, 0])


def test_outside_of_replicas_a_row_counts_once_and_a_read_adds_up_the_components():
    strategy = tpu(8)
    with strategy.scope():
        metric = dist_f1.F1Score("macro", num_classes=3)
        metric.update_state([0, 1, 1], [[0.0, 1.0, 0.0]] * 3)
        assert testing.count_collectives(tf.function(metric.counts)) == 1
    counts = metric.counts().numpy()
    assert counts.total == 3
    assert counts.true_positive.tolist() == [0, 2, 0]
