"""Comparison of two runs: planted regressions are found, and no others."""

import dataclasses
import functools
import re

import numpy as np
import pytest

from benchmarks import regressions
from benchmarks.records import Record, RecordLog, load_records
from benchmarks.samples import Samples, difference


@functools.cache
def records_of(seed, slower=1.0, speed=1.0, **counted):
    """Simulate a run on a machine of some speed, in which one variant may be slower."""
    return list(_simulate(seed, slower, speed, counted))


def _simulate(seed, slower, speed, counted):
    random = np.random.default_rng(seed)
    for classes in (10, 100):
        base, control = (Samples(tuple(speed * random.normal(5.0, 0.1, 200))) for _ in range(2))
        case, noise = {"classes": classes, "device": "x"}, difference(base, control)
        yield Record("update", case, "floor", base, noise=noise)
        for variant, factor in (("F1Score", 1.2 * slower), ("Scores", 1.3)):
            timed = Samples(tuple(speed * random.normal(5.0 * factor, 0.1, 200)))
            yield Record(
                *("update", case, variant, timed, "floor", difference(base, timed), noise),
                counted={"collectives": 1, "bytes": 100, **counted},
                wrong=0,
            )


def test_identical_files_have_no_regression(tmp_path):
    log = RecordLog(tmp_path / "results.jsonl", {})
    for record in records_of(seed=0):
        log.write(record)
    _, old = load_records(tmp_path / "results.jsonl")
    found = regressions.compare(old, load_records(tmp_path / "results.jsonl")[1])
    assert found.slower == found.grown == found.faster == []
    assert (found.matched, found.only_old, found.only_new) == (6, 0, 0)


@pytest.mark.parametrize(
    "seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 10))]
)
def test_a_run_on_a_slower_machine_has_no_regression(seed):
    found = regressions.compare(records_of(2 * seed), records_of(2 * seed + 1, speed=2.0))
    assert found.slower == found.grown == found.faster == []


def test_only_a_planted_regression_is_found():
    found = regressions.compare(records_of(0), records_of(1, slower=1.15))
    named = [(change.record.variant, change.record.case["classes"]) for change in found.slower]
    assert named == [("F1Score", 10), ("F1Score", 100)]
    assert found.grown == found.faster == []
    page = regressions.markdown(found)
    assert "2 became slower" in page
    line = next(line for line in page.splitlines() if line.startswith("| 10 |"))
    was, now = (float(ratio) for ratio in re.findall(r"\| (\d\.\d+) \[", line))
    assert (was, now) == pytest.approx((1.2, 1.38), abs=0.02)


def test_a_faster_variant_is_not_a_regression():
    found = regressions.compare(records_of(0), records_of(1, slower=0.85))
    assert [change.record.variant for change in found.faster] == ["F1Score", "F1Score"]
    assert found.slower == found.grown == []


def test_a_ratio_within_the_noise_of_a_run_is_not_a_regression():
    old, new = records_of(0), records_of(1, slower=1.15)
    noisy = [
        dataclasses.replace(record, noise=dataclasses.replace(record.noise, ratio_high=1.9))
        for record in old
    ]
    assert regressions.compare(noisy, new).slower == []


def test_larger_counts_and_mismatches_are_found():
    old = records_of(0)
    new = list(records_of(0, collectives=2))
    new[1] = dataclasses.replace(new[1], wrong=3)
    found = regressions.compare(old, new)
    assert {(c.what, c.old, c.new) for c in found.grown} == {
        ("collectives", "1", "2"),
        ("wrong", "0", "3"),
    }
    assert len(found.grown) == 5
    assert regressions.compare(new, old).grown == []


def test_records_of_another_device_do_not_match():
    old = records_of(0)
    new = [dataclasses.replace(record, case={**record.case, "device": "y"}) for record in old]
    found = regressions.compare(old, new)
    assert (found.matched, found.only_old, found.only_new) == (0, 6, 6)
    assert "Nothing was compared" in regressions.markdown(found)


def test_ratios_to_another_baseline_are_not_compared():
    old = records_of(0)
    new = [dataclasses.replace(record, baseline="else") for record in records_of(1, slower=1.5)]
    assert regressions.compare(old, new).slower == []
