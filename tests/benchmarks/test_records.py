"""Rows as JSON lines, there and back."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.records import Log, RecordError, Row, plain, read
from benchmarks.samples import Samples, difference

BASE, OTHER = Samples((1.0, 2.0, 4.0)), Samples((1.5, 2.5, 4.75))
FULL = Row(
    suite="update",
    case={"rows": 10, "classes": 3, "device": "2 devices"},
    variant="F1Score",
    timed=OTHER,
    baseline="floor",
    difference=difference(BASE, OTHER),
    noise=difference(BASE, BASE),
    counted={"bytes": 2**60},
    values={"first_ms": 0.1, "peak_memory_mb": {"host": 3.5}},
    wrong=0,
)
BARE = Row("collectives", {}, "F1Score")


def test_what_is_written_is_read(tmp_path):
    log = Log(tmp_path / "results.jsonl", {"device": "2 devices"})
    log.write(FULL)
    log.failure("read", "it failed")
    log.write(BARE)
    assert read(tmp_path / "results.jsonl") == ({"device": "2 devices"}, [FULL, BARE])


def test_each_line_is_there_when_it_was_written(tmp_path):
    path = tmp_path / "results.jsonl"
    log = Log(path, {})
    assert [json.loads(line)["event"] for line in path.open()] == ["header"]
    log.write(BARE)
    assert [json.loads(line)["event"] for line in path.open()] == ["header", "row"]


def test_the_statistics_stand_beside_the_samples():
    timed = FULL.to_json()["timed"]
    assert timed["values"] == [1.5, 2.5, 4.75]
    assert timed["p50"] == OTHER.p50
    assert timed["jitter"] == OTHER.jitter


def test_old_results_are_not_overwritten(tmp_path):
    Log(tmp_path / "results.jsonl", {})
    with pytest.raises(FileExistsError):
        Log(tmp_path / "results.jsonl", {})


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


@given(
    case=st.dictionaries(st.text(), json_values, max_size=3),
    values=st.dictionaries(st.text(), json_values, max_size=3),
    counted=st.dictionaries(st.text(), st.integers(), max_size=3),
    samples=st.none()
    | st.lists(st.floats(0, 1e9), min_size=1, max_size=5).map(lambda v: Samples(tuple(v))),
    wrong=st.none() | st.integers(0),
)
def test_any_row_survives_json(case, values, counted, samples, wrong):
    row = Row("s", case, "v", samples, values=values, counted=counted, wrong=wrong)
    assert Row.from_json(json.loads(json.dumps(row.to_json(), allow_nan=False))) == row


def test_values_become_those_of_json():
    given = {"a": np.int64(3), "b": (np.float32(0.5), float("nan")), 1: np.arange(2), "s": BASE}
    found = plain(given)
    assert found == {"a": 3, "b": [0.5, None], "1": [0, 1], "s": {"values": [1.0, 2.0, 4.0]}}
    assert type(found["a"]) is int


def test_keys_tell_rows_apart_by_suite_case_and_variant():
    def key(suite="s", variant="v", **case):
        return Row(suite, case, variant).key

    assert key(a=1, b=(2, 3)) == key(b=[2, 3], a=1)
    assert len({key(), key(suite="t"), key(variant="w"), key(a=1), key(a=2)}) == 5


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("nonsense\n", "line 1"),
        ('{"event": "header"}\n{"event": "row", "suite": "update"}\n', "line 2"),
        ('{"event": "header"}\n{"event": "ro', "delete the last line"),
        ("[]\n", "line 1"),
        ("", "has no header"),
    ],
)
def test_what_is_no_result_is_refused(tmp_path, text, problem):
    path = tmp_path / "old.jsonl"
    path.write_text(text)
    with pytest.raises(RecordError, match=problem) as caught:
        read(path)
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(RecordError, match=r"none\.jsonl cannot be read"):
        read(tmp_path / "none.jsonl")
