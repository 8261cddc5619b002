"""Counts of a TPU job, saved and restored under any strategy."""

import numpy as np
import pytest
import tensorflow as tf
from helpers import mirrored, tpu

import dist_f1
from dist_f1 import testing
from tpu import reference
from tpu.steps import Step, distribute, step_for


@pytest.mark.parametrize(
    ("name", "replicas"),
    [
        ("F1Score", 2),
        *(
            pytest.param(name, 8, marks=pytest.mark.slow)
            for name in ("ConfusionMatrix", "samples average", "weighted")
        ),
    ],
)
def test_any_strategy_resumes_from_a_checkpoint_of_a_tpu_job(name, replicas, tmp_path):
    step = step_for(name, replicas)
    case = step.case
    step.metric.reset_state()
    first, second = case.columns(replicas, seed=1), case.columns(replicas, seed=2)
    with testing.emulated_tpu():
        step(first)
    saved = step.metric.accumulator.read().numpy()
    path = tf.train.Checkpoint(f1=step.metric.accumulator).save(str(tmp_path / "tpu"))
    both = {key: np.concatenate([first[key], second[key]]) for key in first}
    expected = reference.counts(case, both)

    def assert_resumes(metric, update):
        tf.train.Checkpoint(f1=metric.accumulator).restore(path)
        restored = metric.accumulator.read()
        for a, b in zip(tf.nest.flatten(restored), tf.nest.flatten(saved), strict=True):
            np.testing.assert_array_equal(a, b)
        update()
        assert reference.equal(case, metric.accumulator.read(), expected)

    on_tpu, on_mirrored = Step(case, tpu(replicas)), Step(case, mirrored(4), "epoch")
    alone = case.make()
    with testing.emulated_tpu():
        assert_resumes(on_tpu.metric, lambda: on_tpu(second))
    assert_resumes(on_mirrored.metric, lambda: run_on_four(on_mirrored, second))
    flat = {key: column.reshape(-1, *column.shape[2:]) for key, column in second.items()}
    assert_resumes(alone, lambda: alone.update_state(**flat))


def run_on_four(step, columns):
    quarters = {key: x.reshape(4, -1, *x.shape[2:]) for key, x in columns.items()}
    mirrored(4).run(step.replica, (distribute(mirrored(4), quarters),))


def test_a_tpu_job_resumes_from_a_checkpoint_of_another_strategy(tmp_path):
    alone = dist_f1.F1Score("macro", num_classes=4)
    alone.update_state([0, 1, 1], [[0.0, 1.0, 0.0, 0.0]] * 3)
    path = tf.train.Checkpoint(f1=alone.accumulator).save(str(tmp_path / "alone"))
    step = step_for("F1Score", 2)
    tf.train.Checkpoint(f1=step.metric.accumulator).restore(path)
    columns = step.case.columns(2)
    with testing.emulated_tpu():
        step(columns)
    added = reference.counts(step.case, columns)
    counts = step.metric.counts().numpy()
    assert counts.total == 3 + 12
    np.testing.assert_array_equal(counts.true_positive - added.true_positive, [0, 2, 0, 0])


def test_outside_replicas_a_row_counts_once_and_a_read_sums_the_components():
    strategy = tpu(8)
    with strategy.scope():
        metric = dist_f1.F1Score("macro", num_classes=3)
        metric.update_state([0, 1, 1], [[0.0, 1.0, 0.0]] * 3)
        counts = tf.function(metric.counts, autograph=False)
        assert testing.count_collectives(counts) == 1
    counts = metric.counts().numpy()
    assert counts.total == 3
    assert counts.true_positive.tolist() == [0, 2, 0]
