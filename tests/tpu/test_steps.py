"""Steps of a custom loop on TPU cores, traced and emulated: an update and a read."""

import numpy as np
import pytest
import sklearn.metrics
import tensorflow as tf
from helpers import mirrored, tpu

import dist_f1
from dist_f1 import Counts, testing
from dist_f1 import metrics as public
from tpu import checks, reference
from tpu.cases import CASES
from tpu.steps import Step, distribute, step_for

# Emulating two replicas is cheap, and shows the same for one case of each kind of counts.
FEW = [(name, 2) for name in ("F1Score", "ConfusionMatrix", "samples average", "weighted")]
# `make tpu` emulates 8 replicas of each case.
ALL = [(name, 2 if replicas == 8 else replicas) for name, replicas in checks.STEPS]
STEPS = [*FEW, *(pytest.param(*step, marks=pytest.mark.slow) for step in ALL if step not in FEW)]


def test_every_public_metric_has_a_case():
    classes = {vars(public)[name] for name in dist_f1.__all__ if name in vars(public)}
    assert {case.metric for case in CASES.values()} == classes
    assert all(issubclass(metric, public.CountsMetric) for metric in classes)


def test_reads_of_each_metric_with_sync_epoch_send_nothing_and_use_ops_with_a_tpu_kernel():
    one_per_class = {case.metric: case for case in reversed(CASES.values())}
    step = checks.traced_epoch_reads(list(one_per_class.values()), 2)
    assert testing.lint_tpu_ops(step).findings == []
    assert testing.cross_replica_sums(step) == []
    assert testing.count_collectives(step) == 0


@pytest.mark.slow
def test_reads_of_each_case_with_sync_epoch_send_nothing_and_xla_compiles_them():
    assert checks.epoch_reads(8).problems == []


@pytest.mark.parametrize(("name", "replicas"), STEPS)
def test_a_step_is_one_sum_of_ops_with_a_tpu_kernel_and_xla_compiles_it(name, replicas):
    row = checks.loop(name, replicas)
    assert row.problems == []
    assert row.ops > 50
    assert [x.dtype for x in row.sums] == [tf.float64 if CASES[name].is_weighted else tf.uint32]


@pytest.mark.parametrize(("name", "replicas"), STEPS)
def test_counts_equal_numpys_and_all_replicas_read_the_same(name, replicas):
    row = checks.emulated(name, replicas)
    assert row.problems == []
    assert row.steps == (2 if CASES[name].is_weighted else 3)


@pytest.mark.parametrize("classes", [2, 1000])
def test_a_read_sends_four_limbs_for_each_count(classes):
    strategy = tpu(8)
    with strategy.scope():
        metric = dist_f1.F1Score("macro", num_classes=classes)

    def replica(y_true, y_pred):
        metric.update_state(y_true, y_pred)
        return metric.result()

    @tf.function(autograph=False)
    def step(y_true, y_pred):
        return strategy.run(replica, (y_true, y_pred))

    batch = tf.TensorSpec([6], tf.int32), tf.TensorSpec([6, classes])
    (sent,) = testing.cross_replica_sums(step, *batch)
    assert sent.shape == [4 * (3 * classes + 10)]
    assert testing.count_bytes(step, *batch) == 4 * sent.shape[0]


@pytest.mark.slow
def test_a_read_in_a_loop_on_the_replica_is_one_sum_per_iteration():
    strategy = tpu(2)
    with strategy.scope():
        metric = dist_f1.F1Score("micro", num_classes=3)

    def replica(y_true, y_pred):
        def body(i, _):
            metric.update_state(y_true, y_pred)
            return i + 1, metric.result()

        return tf.while_loop(lambda i, _: i < 3, body, [0, 0.0])[1]

    @tf.function(autograph=False)
    def step(y_true, y_pred):
        return strategy.run(replica, (y_true, y_pred))

    batch = tf.constant([0, 1, 1, 2]), tf.constant([[0.0, 1.0, 0.0]] * 4)
    assert testing.count_collectives(step, *batch) == 1
    with testing.emulated_tpu():
        values = strategy.experimental_local_results(step(*batch))
    assert [float(x) for x in values] == [0.5] * 2
    assert int(metric.counts().total) == 3 * 4 * 2


@pytest.mark.parametrize(
    ("name", "replicas"),
    [
        ("F1Score", 2),
        pytest.param("ConfusionMatrix", 32, marks=pytest.mark.slow),
        pytest.param("ThresholdSweep", 8, marks=pytest.mark.slow),
        pytest.param("groups", 8, marks=pytest.mark.slow),
    ],
)
def test_sums_in_a_step_are_exact_for_counters_above_2_to_40(name, replicas):
    step = step_for(name, replicas, reads="counts")
    columns = step.case.columns(replicas, seed=7)
    with testing.emulated_tpu():
        step(step.case.columns(replicas))
        before = checks.start_high(step)
        assert before.total.max() > 2**40 * replicas
        read = step(columns)
    stored = tf.nest.flatten(step.metric.accumulator.read().numpy())
    for fields in read:
        assert [x.tolist() for x in fields] == [x.tolist() for x in stored]
    added = tf.nest.pack_sequence_as(
        before, [a - b for a, b in zip(read[0], tf.nest.flatten(before), strict=True)]
    )
    for field, expected in zip(added[:5], reference.counts(step.case, columns)[:5], strict=True):
        np.testing.assert_array_equal(field, expected)


@pytest.mark.parametrize(
    ("name", "replicas"),
    [
        # The sums of sample averages, which the reference does not have.
        ("samples average", 2),
        *(
            pytest.param(name, 8, marks=pytest.mark.slow)
            for name in ("F1Score", "ThresholdSweep", "weighted", "groups")
        ),
    ],
)
def test_mirrored_replicas_count_the_same_from_the_same_shards(name, replicas):
    step, other = step_for(name, replicas), Step(CASES[name], mirrored(replicas), "epoch")
    step.metric.reset_state()
    for seed in (3, 4):
        columns = step.case.columns(replicas, seed)
        with testing.emulated_tpu():
            step(columns)
        other.strategy.run(other.replica, (distribute(other.strategy, columns),))
    emulated, expected = (x.metric.accumulator.read().numpy() for x in (step, other))
    rtol = 1e-12 if step.case.is_weighted else 0
    for a, b in zip(tf.nest.flatten(emulated), tf.nest.flatten(expected), strict=True):
        np.testing.assert_allclose(a, b, rtol=rtol)


def of_ids(score, **options):
    return lambda y_true, y_pred: score(y_true.ravel(), y_pred.reshape(-1, 4).argmax(-1), **options)


def of_multilabel(score, **options):
    return lambda y_true, y_pred: score(
        y_true.reshape(-1, 4), y_pred.reshape(-1, 4) > 0.5, **options
    )


SKLEARN = {
    "F1Score": of_ids(sklearn.metrics.f1_score, average="macro"),
    "FBetaScore, int64 ids": of_ids(sklearn.metrics.fbeta_score, average="macro", beta=2.0),
    "Precision, float32 ids": of_ids(sklearn.metrics.precision_score, average="macro"),
    "Accuracy, bfloat16": of_ids(sklearn.metrics.accuracy_score),
    "CohenKappa, quadratic": of_ids(sklearn.metrics.cohen_kappa_score, weights="quadratic"),
    "ConfusionMatrix": of_ids(sklearn.metrics.confusion_matrix),
    "HammingLoss, multilabel": of_multilabel(sklearn.metrics.hamming_loss),
    "samples average": of_multilabel(sklearn.metrics.fbeta_score, average="samples", beta=2.0),
}


@pytest.mark.parametrize(
    ("name", "replicas"),
    [
        ("F1Score", 2),
        ("samples average", 2),
        *(pytest.param(name, 8, marks=pytest.mark.slow) for name in SKLEARN),
    ],
)
def test_each_replica_reads_scikit_learns_score_of_all_rows(name, replicas):
    step = step_for(name, replicas)
    step.metric.reset_state()
    columns = step.case.columns(replicas, seed=5)
    with testing.emulated_tpu():
        read = step(columns)
    expected = SKLEARN[name](columns["y_true"], columns["y_pred"])
    for value in read:
        np.testing.assert_allclose(value, expected, rtol=1e-6)


def test_padding_rows_do_not_count():
    """A TPU needs batches of one shape; some replicas get nothing but padding."""
    replicas, size = 2, 6
    step = step_for("masked", replicas)
    step.metric.reset_state()
    rng = np.random.default_rng(0)
    rows, batch = 17, replicas * size
    y_true, y_pred = rng.integers(0, 4, rows, np.int32), rng.random((rows, 4), np.float32)
    columns = {"y_true": y_true, "y_pred": y_pred, "mask": np.ones(rows, bool)}
    with testing.emulated_tpu():
        for start in range(0, rows, batch):
            padded = {name: pad(x[start : start + batch], batch) for name, x in columns.items()}
            step({name: x.reshape(replicas, size, *x.shape[1:]) for name, x in padded.items()})
    counts = step.metric.counts().numpy()
    expected = Counts.from_labels(y_true, y_pred.argmax(-1), 4).numpy()
    assert counts.total == rows
    for field, other in zip(counts[:5], expected[:5], strict=True):
        np.testing.assert_array_equal(field, other)


def pad(column, size):
    return np.pad(column, [(0, size - len(column)), *[(0, 0)] * (column.ndim - 1)])
