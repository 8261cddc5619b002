"""Timed updates are checked, and mismatches are found."""

import dataclasses

import ml_collections
import numpy as np
import pytest
import tensorflow as tf
from benchmark_context import quiet_context

from benchmarks.samples import Samples
from benchmarks.suites import update
from benchmarks.suites.update import subject_mismatches
from benchmarks.updates import peers, subjects
from benchmarks.updates.batches import make_batch
from benchmarks.updates.subjects import FLOOR, OURS, Subject

STEPS = 5


@pytest.fixture
def context(tmp_path):
    return quiet_context(tmp_path)


def settings(**values):
    return ml_collections.ConfigDict({"steps": STEPS, "peer_limit_seconds": 30.0, **values})


def measured(batch, variants, context):
    records = update.measure(batch, variants, settings(), context)
    return {record.variant: record for record in records}


ARGMAX = {FLOOR, OURS, "Scores (8)"}
MORE = {f"F1Score, {name}" for name in ("sample_weight", "mask", "groups", "labels")}
THRESHOLD = {FLOOR, OURS, "ThresholdSweep (200)"}


@pytest.mark.parametrize(
    ("kind", "shape", "own"),
    [
        ("multilabel", (64, 5), THRESHOLD),
        pytest.param("weighted", (2, 4, 4, 3), ARGMAX, marks=pytest.mark.slow),
        pytest.param("sizes", (64, 5), ARGMAX | MORE, marks=pytest.mark.slow),
        pytest.param("sizes", (8, 40), ARGMAX | MORE, marks=pytest.mark.slow),
        pytest.param("one_hot", (64, 5), ARGMAX, marks=pytest.mark.slow),
        pytest.param("bfloat16", (64, 5), ARGMAX, marks=pytest.mark.slow),
        pytest.param("thresholds", (64, 5), THRESHOLD, marks=pytest.mark.slow),
    ],
)
def test_every_variant_of_every_kind_is_correct(context, kind, shape, own):
    config = settings(**{kind: (shape,)}, row_numbers=("known", "open"))
    records = list(update.run(config, context))
    cases = [dict(x) for x in dict.fromkeys(tuple(record.case.items()) for record in records)]
    assert [case.pop("size") for case in cases] == ["known", "open"]
    assert cases[0] == cases[1]
    case = cases[0]
    assert (case["rows"], case["classes"]) == (np.prod(shape[:-1]), shape[-1])
    assert case.get("shape") == ("2x4x4" if len(shape) > 2 else None)
    assert case["weighted"] == (kind == "weighted")
    assert case["scores"] == ("bfloat16" if kind == "bfloat16" else "float32")
    assert own < {record.variant for record in records}
    for record in records:
        if "skipped" in record.values:
            assert record.variant not in (FLOOR, OURS)
        elif record.variant == FLOOR:
            assert record.wrong is None
            assert record.difference is None
        else:
            assert record.wrong == 0, record
            assert record.baseline == FLOOR
            assert record.difference is not None
            assert record.noise is not None
            assert len(record.timed) == STEPS
            assert record.values["first_ms"] > 0.0
            assert ("over_ours" in record.values) == (record.variant != OURS)


def test_operations_and_state_of_an_update_are_counted(context):
    batch = make_batch("argmax", (64, 5))
    records = measured(batch, [subjects.floor(batch), *subjects.ours(batch)], context)
    assert records[FLOOR].counted == {"operations": 1}
    assert [x.wrong for x in records.values()] == [None, *[0] * 6]
    one, eight = records[OURS].counted, records["Scores (8)"].counted
    assert one["state_bytes"] == 8 * (3 * 5 + 10)
    assert one["operations"] > 1
    # Any number of scores costs an update the same.
    assert eight == one


@pytest.mark.parametrize("off", ["true_positive", "f1_macro"])
def test_a_wrong_variant_is_noticed(off, context):
    batch = make_batch("argmax", (64, 5))
    floor, right = subjects.floor(batch), subjects.ours(batch)[0]

    def wrong_values():
        values = dict(right.values())
        values[off] = values[off] + np.eye(5)[0] if off == "true_positive" else 0.123
        return values

    planted = dataclasses.replace(right, name="planted", values=wrong_values)
    records = measured(batch, [floor, right, planted], context)
    assert records[OURS].wrong == 0
    assert records["planted"].wrong == 1


def test_an_update_that_counts_twice_is_noticed():
    batch = make_batch("argmax", (64, 5))
    right = subjects.ours(batch)[0]

    def twice():
        right.update()
        right.update()

    # F1 does not change, so only the counts can show it.
    assert subject_mismatches(right, batch) == 0
    assert subject_mismatches(dataclasses.replace(right, update=twice), batch) > 0


def test_a_sweep_with_one_wrong_threshold_is_noticed():
    batch = make_batch("indicators", (64, 5))
    sweep = subjects.ours(batch)[1]

    def wrong_values():
        values = dict(sweep.values())
        values["swept_predicted"] = values["swept_predicted"] + np.eye(200, 5, -7)
        return values

    assert subject_mismatches(sweep, batch) == 0
    assert subject_mismatches(dataclasses.replace(sweep, values=wrong_values), batch) == 5


def test_missing_slow_and_broken_peers_are_skipped_with_a_reason(context, monkeypatch):
    def absent(batch, limit):
        raise peers.PeerUnavailableError("it is not installed")

    def broken(batch, limit):
        return Subject("broken", lambda: 1 // 0)

    def slow(batch, limit):
        return Subject("slow", lambda: tf.ones([200, 200]) @ tf.ones([200, 200]))

    offers = {"absent": absent, "broken": broken, "slow": slow}
    monkeypatch.setattr(peers, "offers", lambda batch: offers)
    config = settings(sizes=((16, 3),), peer_limit_seconds=1e-9)
    records = {record.variant: record for record in update.run(config, context)}
    assert records["absent"].values["skipped"] == "it is not installed"
    assert records["absent"].timed is None
    assert records["broken"].values["skipped"].startswith("ZeroDivisionError")
    assert records["slow"].values["skipped"].endswith("the limit is 1e-09")
    # The calls that were timed are still reported.
    assert isinstance(records["slow"].timed, Samples)
    assert records["slow"].difference is None
    assert records[OURS].wrong == 0

    config = settings(sizes=((16, 3),), peers=False)
    assert not offers.keys() & {record.variant for record in update.run(config, context)}


def test_batches_have_no_ties_and_every_class():
    for dtype in ("float32", "bfloat16"):
        batch = make_batch("argmax", (500, 7), dtype=dtype)
        narrow = tf.cast(batch.scores, dtype)
        np.testing.assert_array_equal(tf.cast(narrow, tf.float32), batch.scores)
        best = batch.scores.max(-1, keepdims=True)
        assert ((batch.scores == best).sum(-1) == 1).all()
        assert set(batch.targets) == set(batch.y_pred) == set(range(7))
        assert 0.5 < (batch.targets == batch.y_pred).mean() < 0.9
    batch = make_batch("indicators", (500, 7))
    grid = np.arange(1, 201) / 200
    assert not np.isin(batch.scores, grid.astype(np.float32)).any()
    assert batch.targets.any(0).all()
