"""What traced steps count, run on the CPU with a copy of each op for each replica."""

import numpy as np
import pytest
import sklearn.metrics
import tensorflow as tf
from helpers import mirrored, tpu

import dist_f1
from dist_f1 import Counts, testing
from tpu import checks, reference
from tpu.cases import CASES
from tpu.checks import EMULATED
from tpu.steps import Step, placed, step_of


@pytest.mark.parametrize(("name", "replicas"), EMULATED)
def test_counts_are_numpys_and_all_replicas_read_the_same(name, replicas):
    row = checks.emulated(name, replicas)
    assert row.problems == []
    assert row.steps == (2 if CASES[name].weighted else 3)


@pytest.mark.parametrize("replicas", checks.REPLICAS)
@pytest.mark.parametrize("name", ["F1Score", "ConfusionMatrix", "ThresholdSweep", "groups"])
def test_sums_in_a_step_are_exact_where_counters_are_above_2_to_40(name, replicas):
    step = step_of(name, replicas, reads="counts")
    columns = step.case.columns(replicas, seed=7)
    with testing.emulated_tpu():
        step(step.case.columns(replicas))
        before = checks.start_high(step)
        assert before.total.max() > 2**40 * replicas
        read = step(columns)
    kept = tf.nest.flatten(step.metric.accumulator.read().numpy())
    for mine in read:
        assert [x.tolist() for x in mine] == [x.tolist() for x in kept]
    added = tf.nest.pack_sequence_as(
        before, [a - b for a, b in zip(read[0], tf.nest.flatten(before), strict=True)]
    )
    for field, expected in zip(added[:5], reference.counts(step.case, columns)[:5], strict=True):
        np.testing.assert_array_equal(field, expected)


# One of each kind of counts, and of ways to leave rows out.
KINDS = (
    "F1Score",
    "ConfusionMatrix",
    "ThresholdSweep",
    "samples average",
    "top 2",
    "binary",
    "masked",
    "weighted",
    "groups",
    "segmentation",
)


@pytest.mark.parametrize("name", KINDS)
def test_mirrored_replicas_count_the_same_from_the_same_shards(name):
    step, other = step_of(name, 8), Step(CASES[name], mirrored(8), "epoch")
    step.metric.reset_state()
    for seed in (3, 4):
        columns = step.case.columns(8, seed)
        with testing.emulated_tpu():
            step(columns)
        mirrored(8).run(other.replica, (placed(mirrored(8), columns),))
    mine, theirs = (each.metric.accumulator.read().numpy() for each in (step, other))
    tolerance = 1e-12 if step.case.weighted else 0
    for a, b in zip(tf.nest.flatten(mine), tf.nest.flatten(theirs), strict=True):
        np.testing.assert_allclose(a, b, rtol=tolerance)


def by_classes(score, **options):
    return lambda y_true, y_pred: score(
        y_true.ravel(), y_pred.reshape(-1, y_pred.shape[-1]).argmax(-1), **options
    )


def by_threshold(score, **options):
    return lambda y_true, y_pred: score(
        y_true.reshape(-1, 4), y_pred.reshape(-1, 4) > 0.5, **options
    )


SKLEARN = {
    "F1Score": by_classes(sklearn.metrics.f1_score, average="macro"),
    "FBetaScore": by_classes(sklearn.metrics.fbeta_score, average="macro", beta=2.0),
    "Precision": by_classes(sklearn.metrics.precision_score, average="macro"),
    "Recall": by_classes(sklearn.metrics.recall_score, average="macro"),
    "JaccardIndex": by_classes(sklearn.metrics.jaccard_score, average="macro"),
    "Accuracy": by_classes(sklearn.metrics.accuracy_score),
    "BalancedAccuracy": by_classes(sklearn.metrics.balanced_accuracy_score),
    "MatthewsCorrCoef": by_classes(sklearn.metrics.matthews_corrcoef),
    "CohenKappa, quadratic": by_classes(sklearn.metrics.cohen_kappa_score, weights="quadratic"),
    "ConfusionMatrix": by_classes(sklearn.metrics.confusion_matrix),
    "HammingLoss, multilabel": by_threshold(sklearn.metrics.hamming_loss),
    "multilabel": by_threshold(sklearn.metrics.f1_score, average="macro"),
    "samples average": by_threshold(sklearn.metrics.fbeta_score, average="samples", beta=2.0),
}


@pytest.mark.parametrize("name", SKLEARN)
def test_what_a_replica_reads_in_a_step_is_scikit_learns_score_of_all_rows(name):
    step = step_of(name, 8)
    step.metric.reset_state()
    columns = step.case.columns(8, seed=5)
    with testing.emulated_tpu():
        read = step(columns)
    expected = SKLEARN[name](columns["y_true"], columns["y_pred"])
    for value in read:
        np.testing.assert_allclose(value, expected, rtol=1e-6)


def test_rows_that_fill_up_batches_do_not_count():
    """A TPU wants all batches alike: the last is filled up, on some replicas with nothing else."""
    step = step_of("masked", 8)
    step.metric.reset_state()
    rng = np.random.default_rng(0)
    rows, size = 77, 8 * 6
    y_true, y_pred = rng.integers(0, 4, rows, np.int32), rng.random((rows, 4), np.float32)
    with testing.emulated_tpu():
        for start in range(0, rows, size):
            part = slice(start, start + size)
            columns = {"y_true": y_true[part], "y_pred": y_pred[part]}
            columns["mask"] = np.ones(len(columns["y_true"]), bool)
            padded = {name: pad(column, size) for name, column in columns.items()}
            step({name: x.reshape(8, 6, *x.shape[1:]) for name, x in padded.items()})
    counts = step.metric.counts().numpy()
    expected = Counts.from_labels(y_true, y_pred.argmax(-1), 4).numpy()
    assert counts.total == rows
    for field, other in zip(counts[:5], expected[:5], strict=True):
        np.testing.assert_array_equal(field, other)


def pad(column, size):
    return np.pad(column, [(0, size - len(column)), *[(0, 0)] * (column.ndim - 1)])


def test_replicas_with_batches_of_unequal_sizes_count_what_they_are_given():
    strategy = tpu(8)
    with strategy.scope():
        metric = dist_f1.F1Score("macro", num_classes=4)

    def replica(y_true, y_pred):
        metric.update_state(y_true, y_pred)
        return metric.result()

    @tf.function
    def step(y_true, y_pred):
        return strategy.run(replica, (y_true, y_pred))

    rng = np.random.default_rng(0)
    y_true, y_pred = rng.integers(0, 4, 45), rng.random((45, 4), np.float32)
    data = tf.data.Dataset.from_tensor_slices((y_true, y_pred)).batch(16)
    with testing.emulated_tpu():
        for batch in strategy.experimental_distribute_dataset(data):
            values = strategy.experimental_local_results(step(*batch))
    expected = sklearn.metrics.f1_score(y_true, y_pred.argmax(-1), average="macro")
    assert [float(x) for x in values] == pytest.approx([expected] * 8, abs=1e-6)
    assert int(metric.counts().total) == 45
