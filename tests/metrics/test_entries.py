"""Masks and weights of single entries in metrics, on replicas and against Keras."""

import numpy as np
import pytest
import tensorflow as tf
from comparisons import same
from helpers import mirrored, run_on_shards, strategy
from tiers import slow_except
from tracing import graph_function

import dist_f1
from dist_f1 import Counts, count_collectives

RANDOM = np.random.default_rng(0)
Y = RANDOM.integers(0, 2, (40, 3))
P = RANDOM.random((40, 3)).astype(np.float32)
KEEP = RANDOM.random((40, 3)) < 0.7
TARGETS = np.where(KEEP, Y, -1)


def whole():
    """The expected counts, without the sums over rows that no metric here was asked for."""
    counted = Counts.from_labels(Y, (P > 0.5).astype(int), 3, mask=KEEP).numpy()
    return counted._replace(samples={})


@pytest.mark.parametrize("replicas", slow_except(range(1, 9), 3))
def test_any_number_of_replicas_counts_the_same_entries_with_one_collective(replicas):
    chosen = mirrored(replicas)
    with chosen.scope():
        metric = dist_f1.F1Score("macro", threshold=0.5, ignore_class=-1)
    cuts = np.sort(RANDOM.integers(0, 41, replicas - 1))
    run_on_shards(chosen, metric.update_state, (TARGETS, P), cuts)
    same(metric.counts().numpy(), whole())

    def update_and_read(y, p):
        metric.update_state(y, p)
        return metric.result()

    step = graph_function(lambda y, p: chosen.run(update_and_read, (y, p)))
    assert count_collectives(step, TARGETS[:8], P[:8]) == (replicas > 1)


@pytest.mark.parametrize("kind", ["Precision", "Recall"])
@pytest.mark.parametrize("name", ["none", "mirrored_3"])
def test_weights_of_entries_are_those_of_keras(kind, name):
    weight = RANDOM.random((40, 3)).astype(np.float32)
    keras = getattr(tf.keras.metrics, kind)(thresholds=0.5)
    keras.update_state(Y, P, sample_weight=weight)
    with strategy(name).scope():
        metric = getattr(dist_f1, kind)("micro", threshold=0.5)
    for rows in np.array_split(np.arange(40), 4):
        metric.update_state(Y[rows], P[rows], sample_weight=weight[rows])
    assert float(metric.result()) == pytest.approx(float(keras.result()), abs=1e-6)


def test_a_batch_without_masks_fits_a_metric_of_entries_but_not_the_reverse():
    metric = dist_f1.F1Score("macro", threshold=0.5)
    metric.update_state(Y, P, mask=KEEP)
    metric.update_state(Y, P)
    assert metric.counts().class_total.numpy().tolist() == (KEEP.sum(0) + 40).tolist()
    metric = dist_f1.F1Score("macro", threshold=0.5)
    metric.update_state(Y, P)
    with pytest.raises(ValueError, match=r"masks or weights of single entries.*first update"):
        metric.update_state(Y, P, mask=KEEP)
    assert int(metric.counts().total) == 40


@pytest.mark.parametrize("name", ["none", "mirrored_3"])
def test_a_checkpoint_keeps_the_totals_of_the_classes(name, tmp_path):
    def make():
        with strategy(name).scope():
            return dist_f1.HammingLoss(threshold=0.5, num_classes=3)

    metric = make()
    metric.update_state(Y, P, mask=KEEP)
    path = tf.train.Checkpoint(m=metric.accumulator).save(str(tmp_path / "c"))
    other = make()
    tf.train.Checkpoint(m=other.accumulator).restore(path)
    same(other.counts().numpy(), whole())
    wrong = ((P > 0.5) != Y) & KEEP
    assert float(other.result()) == pytest.approx(wrong.sum() / KEEP.sum(), abs=1e-6)
    saved = tmp_path / "counts.npz"
    other.counts().save(saved)
    same(Counts.load(saved), whole())


def test_a_sweep_leaves_out_entries_too():
    sweep = dist_f1.ThresholdSweep(4, ignore_class=-1)
    sweep.update_state(TARGETS, P)
    for i, threshold in enumerate(sweep.thresholds):
        expected = Counts.from_labels(Y, (threshold < P).astype(int), 3, mask=KEEP).numpy()
        at = sweep.counts().at(i).numpy()
        for field in ("true_positive", "predicted", "actual", "total", "class_total"):
            np.testing.assert_array_equal(getattr(at, field), getattr(expected, field))


def test_argmax_has_no_single_entries():
    with pytest.raises(ValueError, match=r"does not lead the shape.*threshold="):
        dist_f1.F1Score("macro").update_state(Y, P, sample_weight=np.ones((40, 3)))
