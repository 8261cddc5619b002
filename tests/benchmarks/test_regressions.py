"""Two runs compared: planted regressions are found, and no others."""

import dataclasses
import re

import numpy as np
import pytest

from benchmarks import regressions
from benchmarks.records import Log, Row, read
from benchmarks.samples import Samples, difference


def rows_of(seed, slower=1.0, speed=1.0, **counted):
    """A run on a machine of some speed, where one variant may be slower than usual."""
    random = np.random.default_rng(seed)
    for classes in (10, 100):
        base, control = (Samples(tuple(speed * random.normal(5.0, 0.1, 200))) for _ in range(2))
        case, noise = {"classes": classes, "device": "x"}, difference(base, control)
        yield Row("update", case, "floor", base, noise=noise)
        for variant, factor in (("F1Score", 1.2 * slower), ("Scores", 1.3)):
            timed = Samples(tuple(speed * random.normal(5.0 * factor, 0.1, 200)))
            yield Row(
                *("update", case, variant, timed, "floor", difference(base, timed), noise),
                counted={"collectives": 1, "bytes": 100, **counted},
                wrong=0,
            )


def test_identical_files_have_no_regression(tmp_path):
    log = Log(tmp_path / "results.jsonl", {})
    for row in rows_of(seed=0):
        log.write(row)
    _, old = read(tmp_path / "results.jsonl")
    found = regressions.compare(old, read(tmp_path / "results.jsonl")[1])
    assert found.regressions == found.faster == []
    assert (found.matched, found.only_old, found.only_new) == (6, 0, 0)


def test_another_run_of_the_same_has_no_regression_on_a_machine_half_as_fast():
    for seed in range(10):
        found = regressions.compare(list(rows_of(2 * seed)), list(rows_of(2 * seed + 1, speed=2.0)))
        assert found.regressions == found.faster == []


def test_a_planted_regression_is_found_and_it_alone():
    found = regressions.compare(list(rows_of(0)), list(rows_of(1, slower=1.15)))
    named = [(change.row.variant, change.row.case["classes"]) for change in found.slower]
    assert named == [("F1Score", 10), ("F1Score", 100)]
    assert found.grown == found.faster == []
    page = regressions.markdown(found)
    assert "2 became slower" in page
    line = next(line for line in page.splitlines() if line.startswith("| update | classes 10,"))
    was, now = (float(ratio) for ratio in re.findall(r"\| (\d\.\d+) \[", line))
    assert (was, now) == pytest.approx((1.2, 1.38), abs=0.02)


def test_what_became_faster_is_no_regression():
    found = regressions.compare(list(rows_of(0)), list(rows_of(1, slower=0.85)))
    assert [change.row.variant for change in found.faster] == ["F1Score", "F1Score"]
    assert found.regressions == []


def test_a_ratio_within_the_noise_of_either_run_is_no_regression():
    old, new = list(rows_of(0)), list(rows_of(1, slower=1.15))
    noisy = [
        dataclasses.replace(row, noise=dataclasses.replace(row.noise, ratio_high=1.9))
        for row in old
    ]
    assert regressions.compare(noisy, new).slower == []


def test_counted_figures_and_wrong_values_that_grew_are_found():
    old = list(rows_of(0))
    new = [dataclasses.replace(row, wrong=row.wrong and 0) for row in rows_of(0, collectives=2)]
    new[1] = dataclasses.replace(new[1], wrong=3)
    found = regressions.compare(old, new)
    assert {(c.what, c.old, c.new) for c in found.grown} == {
        ("collectives", "1", "2"),
        ("wrong", "0", "3"),
    }
    assert len(found.grown) == 5
    assert regressions.compare(new, old).grown == []


def test_rows_of_another_device_do_not_match():
    old = list(rows_of(0))
    new = [dataclasses.replace(row, case={**row.case, "device": "y"}) for row in old]
    found = regressions.compare(old, new)
    assert (found.matched, found.only_old, found.only_new) == (0, 6, 6)
    assert "Nothing could be compared" in regressions.markdown(found)


def test_another_baseline_is_not_compared():
    old = list(rows_of(0))
    new = [dataclasses.replace(row, baseline="else") for row in rows_of(1, slower=1.5)]
    assert regressions.compare(old, new).slower == []
