"""Reads are timed where they are right, and a wrong one would be seen."""

import dataclasses
import pathlib

import ml_collections
import numpy as np
import pytest
from sklearn import metrics

import dist_f1
from benchmarks import filled
from benchmarks.per_step.meters import EIGHT
from benchmarks.per_step.strategies import mirrored
from benchmarks.progress import Progress
from benchmarks.records import Row
from benchmarks.suites import Context, read
from dist_f1.metrics.legacy_keras import IS_LEGACY

DEVICES = [f"CPU:{i}" for i in range(4)]
TIMING = {"steps": 3, "warmup": 1}


def context():
    return Context(DEVICES, "test", 0, Progress(quiet=True), pathlib.Path())


def config(**settings):
    common = {"replicas": (2,), "classes": (10,), "scores": (1, 8), "steps": 3}
    return ml_collections.ConfigDict({**common, "budget_seconds": 0.0, **settings})


@pytest.fixture(scope="module")
def rows():
    return list(read.run(config(replicas=(1, 3, 16), classes=(7, 5000)), context()))


def test_a_row_for_each_read_and_each_all_reduce(rows):
    reads = [row for row in rows if "where" in row.case]
    variants = {"keras F1Score", "F1Score", "Scores, 8 scores"}
    assert {row.variant for row in reads} == variants
    assert len(reads) == 2 * 2 * 2 * len(variants)
    sums = {
        (row.variant, row.case["replicas"], row.case["bytes"])
        for row in rows
        if "bytes" in row.case
    }
    sizes = 8 * (3 * 7 + 2), 8 * (3 * 5000 + 2)
    assert sums == {(n, 3, size) for n in ("all_reduce", "the step without it") for size in sizes}
    assert len(rows) == len(reads) + len(sums)
    assert len({row.key for row in rows}) == len(rows)
    for row in rows:
        assert len(row.timed) == 3
        assert row.noise is not None
        assert (row.difference is None) == (row.baseline is None)
        assert Row.from_json(row.to_json()) == dataclasses.replace(row)


def test_what_was_read_is_right(rows):
    for row in rows:
        peer = row.variant in ("keras F1Score", "the step without it")
        assert row.wrong == (None if peer else 0)
    after = [row for row in rows if row.case.get("where") == "after a step"]
    assert [row.values["peer_wrong"] for row in after if row.variant == "keras F1Score"] == [0] * 4


@pytest.mark.skipif(IS_LEGACY, reason="tf-keras reads globally in a step")
def test_in_a_step_keras_3_reads_what_a_replica_has_counted_itself(rows):
    for row in rows:
        if row.variant == "keras F1Score" and row.case["where"] == "in a step":
            replicas = row.case["replicas"]
            assert row.values["peer_wrong"] == (replicas if replicas > 1 else 0)
            assert row.counted["collectives"] == 0


def test_reads_are_one_collective_for_ours_and_six_for_keras(rows):
    for row in rows:
        if row.case.get("where") == "after a step" and row.case["replicas"] == 3:
            classes = row.case["classes"]
            ours = {"collectives": 1, "bytes": 8 * (3 * classes + 2)}
            keras = {"collectives": 6, "bytes": 6 * 4 * classes}
            assert row.counted == (keras if row.variant == "keras F1Score" else ours)


def test_expected_values_are_those_of_a_small_case():
    y_true, y_pred = np.array([0, 1, 2, 2]), np.array([0, 2, 2, 1])
    found = read.expected(y_true, y_pred, 4)
    np.testing.assert_array_equal(found["true_positive"], [1, 0, 1, 0])
    np.testing.assert_array_equal(found["predicted"], [1, 1, 2, 0])
    np.testing.assert_array_equal(found["actual"], [1, 1, 2, 0])
    assert found["f1_macro"] == pytest.approx((1 + 0 + 0.5) / 3)
    assert found["keras F1Score"] == pytest.approx((1 + 0 + 0.5 + 0) / 4)
    assert found["matthews_corrcoef"] == metrics.matthews_corrcoef(y_true, y_pred)
    assert set(EIGHT) <= found.keys()


def test_a_wrong_read_is_seen(monkeypatch):
    """One that forgets the rows of all replicas but one, and one that is off."""

    def wrong(name, where, **attributes):
        with monkeypatch.context() as patch:
            for attribute, value in attributes.items():
                patch.setattr(dist_f1.F1Score, attribute, value)
            found = read.reads(mirrored(DEVICES, 2), 5, [1], TIMING)
            return next(r for r in found if (r.variant, r.case["where"]) == (name, where)).wrong

    result = dist_f1.F1Score.result
    assert wrong("F1Score", read.IN_STEP) == 0

    def local(self):
        return self.score(self.accumulator.read_locally())

    if not IS_LEGACY:  # tf-keras wraps what is put there, so that it is read globally.
        assert wrong("F1Score", read.IN_STEP, result=local) == 2
    assert wrong("F1Score", read.OUTSIDE, result=lambda self: result(self) + 1e-3) == 1
    counts = dist_f1.F1Score.counts
    twice = wrong("F1Score", read.OUTSIDE, counts=lambda self: counts(self) + counts(self))
    assert twice == 3 * 5 + 1


def test_known_rows_are_other_ones_on_each_replica_and_the_same_each_time():
    strategy = mirrored(DEVICES, 2)
    first, second = filled.draw(strategy, 5)
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(first, filled.draw(strategy, 5)[0])
    hit, extra, missed = filled.outcomes(np.array([0, 1, 1]), np.array([0, 0, 2]), 3)
    np.testing.assert_array_equal([hit, extra, missed], [[1, 0, 0], [1, 0, 1], [0, 2, 0]])
