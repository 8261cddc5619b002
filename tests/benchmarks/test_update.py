"""Updates that are timed are checked, and what is wrong is found."""

import dataclasses

import ml_collections
import numpy as np
import pytest
import tensorflow as tf
from sklearn import metrics

from benchmarks import peers
from benchmarks.progress import Progress
from benchmarks.samples import Samples
from benchmarks.suites import Context, update
from benchmarks.updates import batches, expected, subjects
from benchmarks.updates.subjects import FLOOR, OURS, Subject, Tensors

STEPS = 5


@pytest.fixture
def context(tmp_path):
    return Context(["CPU:0"], "1 device", 0, Progress(quiet=True), tmp_path)


def settings(**values):
    return ml_collections.ConfigDict({"steps": STEPS, "peer_limit_seconds": 30.0, **values})


def measured(batch, variants, context, tried=None, **values):
    rows = update.measure(batch, variants, tried or {}, settings(**values), context)
    return {row.variant: row for row in rows}


def test_every_variant_of_every_kind_is_right(context):
    config = settings(
        sizes=((64, 5), (2, 4, 4, 3), (8, 40)),
        bfloat16=((64, 5),),
        weighted=((64, 5),),
        thresholds=((64, 5),),
        multilabel=((64, 5),),
    )
    rows = list(update.run(config, context))
    cases = {(r.case["task"], r.case["rows"], r.case["scores"], r.case["weighted"]) for r in rows}
    assert len(cases) == 7
    assert {r.case["shape"] for r in rows if r.case["rows"] == 32} == {"2x4x4"}
    own = {FLOOR, OURS, "Precision", "Scores (8)", "Scores (12)", "ThresholdSweep (200)"}
    assert own < {row.variant for row in rows}
    for row in rows:
        if "skipped" in row.values:
            assert row.variant not in (FLOOR, OURS)
        elif row.variant == FLOOR:
            assert row.wrong is None
            assert row.difference is None
        else:
            assert row.wrong == 0, row
            assert row.baseline == FLOOR
            assert row.difference is not None
            assert row.noise is not None
            assert len(row.timed) == STEPS
            assert row.values["first_ms"] > 0.0
            assert ("over_ours" in row.values) == (row.variant != OURS)


def test_what_is_counted_of_an_update_is_exact(context):
    tensors = Tensors(batches.make("argmax", (64, 5)), "CPU:0")
    rows = measured(tensors.batch, [subjects.floor(tensors), *subjects.ours(tensors)], context)
    assert rows[FLOOR].counted == {"operations": 1}
    one, twelve = rows[OURS].counted, rows["Scores (12)"].counted
    assert one["state_bytes"] == 8 * (3 * 5 + 2)
    assert one["operations"] > 1
    # Any number of scores costs an update the same.
    assert twelve == one


@pytest.mark.parametrize("off", ["true_positive", "f1_macro"])
def test_a_wrong_variant_is_found(off, context):
    tensors = Tensors(batches.make("argmax", (64, 5)), "CPU:0")
    floor, right = subjects.floor(tensors), subjects.ours(tensors)[0]

    def answer():
        values = dict(right.answer())
        values[off] = np.asarray(values[off]) + np.eye(5)[0] if off in expected.COUNTS else 0.123
        return values

    planted = dataclasses.replace(right, name="planted", answer=answer)
    rows = measured(tensors.batch, [floor, right, planted], context)
    assert rows[OURS].wrong == 0
    assert rows["planted"].wrong == 1


def test_one_row_counted_twice_is_found():
    tensors = Tensors(batches.make("argmax", (64, 5)), "CPU:0")
    right = subjects.ours(tensors)[0]

    def twice():
        right.update()
        right.update()

    # F1 stays what it was, so that only counts tell.
    assert update.wrong_of(right, tensors.batch) == 0
    assert update.wrong_of(dataclasses.replace(right, update=twice), tensors.batch) > 0


def test_a_sweep_that_is_off_at_one_threshold_is_found():
    tensors = Tensors(batches.make("indicators", (64, 5)), "CPU:0")
    sweep = subjects.ours(tensors)[1]

    def answer():
        values = dict(sweep.answer())
        values["swept_predicted"] = values["swept_predicted"] + np.eye(200, 5, -7)
        return values

    assert update.wrong_of(sweep, tensors.batch) == 0
    assert update.wrong_of(dataclasses.replace(sweep, answer=answer), tensors.batch) == 5


def test_peers_that_are_absent_slow_or_broken_are_skipped_with_a_reason(context, monkeypatch):
    def absent(tensors, limit):
        raise peers.Unavailable("it is not installed")

    def broken(tensors, limit):
        return Subject("broken", lambda: 1 // 0)

    def slow(tensors, limit):
        return Subject("slow", lambda: tf.ones([200, 200]) @ tf.ones([200, 200]))

    offers = {"absent": absent, "broken": broken, "slow": slow}
    monkeypatch.setattr(peers, "offers", lambda tensors: offers)
    config = settings(sizes=((16, 3),), peer_limit_seconds=1e-9)
    rows = {row.variant: row for row in update.run(config, context)}
    assert rows["absent"].values["skipped"] == "it is not installed"
    assert rows["absent"].timed is None
    assert rows["broken"].values["skipped"].startswith("ZeroDivisionError")
    assert rows["slow"].values["skipped"].endswith("the limit is 1e-09")
    # What was measured of it is told all the same.
    assert isinstance(rows["slow"].timed, Samples)
    assert rows["slow"].difference is None
    assert rows[OURS].wrong == 0

    config = settings(sizes=((16, 3),), peers=False)
    assert not offers.keys() & {row.variant for row in update.run(config, context)}


def test_batches_have_no_ties_and_every_class():
    for dtype in ("float32", "bfloat16"):
        batch = batches.make("argmax", (500, 7), dtype=dtype)
        narrow = tf.cast(batch.scores, dtype)
        np.testing.assert_array_equal(tf.cast(narrow, tf.float32), batch.scores)
        best = batch.scores.max(-1, keepdims=True)
        assert ((batch.scores == best).sum(-1) == 1).all()
        assert set(batch.targets) == set(batch.decided) == set(range(7))
        assert 0.5 < (batch.targets == batch.decided).mean() < 0.9
    batch = batches.make("indicators", (500, 7))
    grid = np.arange(1, 201) / 200
    assert not np.isin(batch.scores, grid.astype(np.float32)).any()
    assert batch.targets.any(0).all()


def test_expected_values_are_those_of_scikit_learn_and_of_definitions():
    batch = batches.make("argmax", (200, 7), weighted=True)
    names = [*expected.COUNTS, *subjects.TWELVE, expected.MEAN_OF_ALL]
    found = expected.expected(batch, names)
    assert list(found) == names
    matrix = metrics.confusion_matrix(batch.truth, batch.decided, sample_weight=batch.weights)
    np.testing.assert_array_equal(found["true_positive"], matrix.diagonal())
    np.testing.assert_array_equal(found["predicted"], matrix.sum(0))
    np.testing.assert_array_equal(found["actual"], matrix.sum(1))
    assert found["total"] == matrix.sum()
    # All classes occur.
    assert found["f1_macro"] == pytest.approx(found[expected.MEAN_OF_ALL])
    rare = expected.expected(batches.make("argmax", (5, 70)), ["f1_macro", expected.MEAN_OF_ALL])
    assert rare["f1_macro"] > 5 * rare[expected.MEAN_OF_ALL]


def test_scores_that_need_too_large_a_matrix_are_left_out():
    batch = batches.make("argmax", (5000, 5000))
    found = expected.expected(batch, ["f1_macro", "cohen_kappa"])
    assert list(found) == ["f1_macro"]


def test_a_swept_count_is_that_of_comparing_with_the_threshold():
    batch = batches.make("ids", (50, 3))
    found = expected.swept(batch, (0.25, 0.5, 1.0))
    for i, threshold in enumerate((0.25, 0.5, 1.0)):
        over = batch.scores > threshold
        np.testing.assert_array_equal(found["swept_predicted"][i], over.sum(0))
        hits = (over & batch.truth).sum(0)
        np.testing.assert_array_equal(found["swept_true_positive"][i], hits)


def test_counts_differ_by_one_and_scores_beyond_rounding():
    truth = {"actual": np.array([10**8, 1]), "f1_macro": 0.5}
    assert expected.differing({"actual": [10**8, 1], "f1_macro": 0.5000001}, truth) == 0
    assert expected.differing({"actual": [10**8 + 1, 1], "f1_macro": 0.5001}, truth) == 2
    assert expected.differing({"actual": [10**8]}, truth) == 2
    assert expected.differing({"f1_macro": float("nan")}, truth) == 1
