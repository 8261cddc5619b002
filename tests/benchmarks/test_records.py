"""Records as JSON lines, written and read."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.records import Record, RecordError, RecordLog, load_records, plain
from benchmarks.samples import Samples, difference

BASE, OTHER = Samples((1.0, 2.0, 4.0)), Samples((1.5, 2.5, 4.75))
FULL = Record(
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
BARE = Record("collectives", {}, "F1Score")


def test_a_written_file_is_loaded_unchanged(tmp_path):
    log = RecordLog(tmp_path / "results.jsonl", {"device": "2 devices"})
    log.write(FULL)
    log.write_failure("read", "it failed")
    log.write(BARE)
    assert load_records(tmp_path / "results.jsonl") == ({"device": "2 devices"}, [FULL, BARE])


def test_every_line_is_on_disk_as_soon_as_it_is_written(tmp_path):
    path = tmp_path / "results.jsonl"
    log = RecordLog(path, {})
    assert [json.loads(line)["event"] for line in path.open()] == ["header"]
    log.write(BARE)
    assert [json.loads(line)["event"] for line in path.open()] == ["header", "row"]


def test_json_has_the_statistics_next_to_the_samples():
    timed = FULL.to_json()["timed"]
    assert timed["values"] == [1.5, 2.5, 4.75]
    assert timed["p50"] == OTHER.p50
    assert timed["jitter"] == OTHER.statistics["jitter"]


def test_an_existing_file_is_not_overwritten(tmp_path):
    RecordLog(tmp_path / "results.jsonl", {})
    with pytest.raises(FileExistsError):
        RecordLog(tmp_path / "results.jsonl", {})


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


@pytest.mark.slow
@given(
    case=st.dictionaries(st.text(), json_values, max_size=3),
    values=st.dictionaries(st.text(), json_values, max_size=3),
    counted=st.dictionaries(st.text(), st.integers(), max_size=3),
    samples=st.none()
    | st.lists(st.floats(0, 1e9), min_size=1, max_size=5).map(lambda v: Samples(tuple(v))),
    wrong=st.none() | st.integers(0),
)
def test_every_record_survives_json(case, values, counted, samples, wrong):
    record = Record("s", case, "v", samples, values=values, counted=counted, wrong=wrong)
    assert Record.from_json(json.loads(json.dumps(record.to_json(), allow_nan=False))) == record


def test_plain_converts_to_json_types():
    given = {"a": np.int64(3), "b": (np.float32(0.5), float("nan")), 1: np.arange(2), "s": BASE}
    found = plain(given)
    assert found == {"a": 3, "b": [0.5, None], "1": [0, 1], "s": {"values": [1.0, 2.0, 4.0]}}
    assert type(found["a"]) is int


def test_keys_differ_by_suite_case_and_variant():
    def key(suite="s", variant="v", **case):
        return Record(suite, case, variant).key

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
def test_a_file_without_results_raises(tmp_path, text, problem):
    path = tmp_path / "old.jsonl"
    path.write_text(text)
    with pytest.raises(RecordError, match=problem) as caught:
        load_records(path)
    assert "\n" not in str(caught.value)


def test_a_missing_file_raises_with_its_name(tmp_path):
    with pytest.raises(RecordError, match=r"none\.jsonl cannot be read"):
        load_records(tmp_path / "none.jsonl")
