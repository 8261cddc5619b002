"""Reads are correct, and a wrong one is noticed."""

import dataclasses

import ml_collections
import numpy as np
import pytest
from benchmark_context import DEVICES, quiet_context

import dist_f1
from benchmarks import known_counts
from benchmarks.context import mirrored
from benchmarks.records import Record
from benchmarks.suites import read
from dist_f1.metrics.legacy_keras import IS_LEGACY

TIMING = {"steps": 3, "warmup": 1}


SIZES = [((3,), (7,)), pytest.param(((1, 3), (7, 5000)), marks=pytest.mark.slow)]


@pytest.fixture(scope="module", params=SIZES, ids=str)
def sizes(request):
    return request.param


@pytest.fixture(scope="module")
def records(sizes):
    replicas, classes = sizes
    config = {"replicas": (*replicas, 16), "classes": classes, "scores": (1, 8), "steps": 3}
    return list(read.run(ml_collections.ConfigDict(config), quiet_context()))


def test_there_is_a_record_for_each_read_and_each_all_reduce(records, sizes):
    reads = [record for record in records if "where" in record.case]
    variants = {"keras F1Score", "F1Score", "Scores, 8 scores"}
    assert {record.variant for record in reads} == variants
    assert len(reads) == len(sizes[0]) * len(sizes[1]) * 2 * len(variants)
    sums = {
        (record.variant, record.case["replicas"], record.case["bytes"])
        for record in records
        if "bytes" in record.case
    }
    assert sums == {
        (name, 3, 8 * (3 * classes + 10))
        for name in ("all_reduce", "the step without it")
        for classes in sizes[1]
    }
    assert len(records) == len(reads) + len(sums)
    assert len({record.key for record in records}) == len(records)
    for record in records:
        assert len(record.timed) == 3
        assert record.noise is not None
        assert (record.difference is None) == (record.baseline is None)
        assert Record.from_json(record.to_json()) == dataclasses.replace(record)


def test_the_scores_of_a_read_are_correct(records, sizes):
    for record in records:
        peer = record.variant in ("keras F1Score", "the step without it")
        assert record.wrong == (None if peer else 0)
    after = [record for record in records if record.case.get("where") == "after a step"]
    peers = [record for record in after if record.variant == "keras F1Score"]
    assert [record.values["peer_wrong"] for record in peers] == [0] * len(sizes[0]) * len(sizes[1])


@pytest.mark.skipif(IS_LEGACY, reason="tf-keras reads globally in a step")
def test_in_a_step_keras_3_reads_the_counts_of_one_replica(records):
    for record in records:
        if record.variant == "keras F1Score" and record.case["where"] == "in a step":
            replicas = record.case["replicas"]
            assert record.values["peer_wrong"] == (replicas if replicas > 1 else 0)
            assert record.counted["collectives"] == 0


def test_a_read_is_one_collective_for_ours_and_six_for_keras(records):
    for record in records:
        if record.case.get("where") == "after a step" and record.case["replicas"] == 3:
            classes = record.case["classes"]
            ours = {"collectives": 1, "bytes": 8 * (3 * classes + 10)}
            keras = {"collectives": 6, "bytes": 6 * 4 * classes}
            assert record.counted == (keras if record.variant == "keras F1Score" else ours)


def test_a_wrong_read_is_noticed(monkeypatch):
    def wrong(name, where, **attributes):
        with monkeypatch.context() as patch:
            for attribute, value in attributes.items():
                patch.setattr(dist_f1.F1Score, attribute, value)
            found = read.measure_reads(mirrored(DEVICES, 2), 5, [1], TIMING)
            return next(r for r in found if (r.variant, r.case["where"]) == (name, where)).wrong

    result = dist_f1.F1Score.result
    assert wrong("F1Score", read.IN_STEP) == 0

    def local(self):
        return self.score(self.accumulator.read_locally())

    if not IS_LEGACY:  # tf-keras makes every `result` read globally.
        assert wrong("F1Score", read.IN_STEP, result=local) == 2
    assert wrong("F1Score", read.OUTSIDE, result=lambda self: result(self) + 1e-3) == 1
    counts = dist_f1.F1Score.counts
    twice = wrong("F1Score", read.OUTSIDE, counts=lambda self: counts(self) + counts(self))
    assert twice == 3 * 5 + 1


def test_labels_differ_between_replicas_and_are_reproducible():
    strategy = mirrored(DEVICES, 2)
    first, second = known_counts.draw_labels(strategy, 5)
    assert not np.array_equal(first, second)
    np.testing.assert_array_equal(first, known_counts.draw_labels(strategy, 5)[0])
    hit, extra, missed = known_counts.count_outcomes(np.array([0, 1, 1]), np.array([0, 0, 2]), 3)
    np.testing.assert_array_equal([hit, extra, missed], [[1, 0, 0], [1, 0, 1], [0, 2, 0]])
