"""A JSON file of any origin is an object within limits, or raises one `ValueError`."""

import json
import os

import pytest
from hostile_json import NO_OBJECTS
from peak_memory import limited_memory

from dist_f1.counts.json_lines import read_records
from dist_f1.counts.json_objects import read_object

RECORD = b'{"epoch": 1, "split": "train", "loss": 0.5}\n'


@pytest.mark.parametrize("name", NO_OBJECTS)
def test_other_bytes_raise_an_error_that_names_the_file(tmp_path, name):
    path = tmp_path / "config.json"
    path.write_bytes(NO_OBJECTS[name])
    with (
        limited_memory(len(NO_OBJECTS[name])),
        pytest.raises(ValueError, match=r"config\.json does not hold a JSON object: .* Restore"),
    ):
        read_object(path)


@pytest.mark.parametrize("name", NO_OBJECTS)
def test_a_line_of_other_bytes_is_numbered_and_may_be_left_out(tmp_path, name):
    path = tmp_path / "metrics.jsonl"
    if not NO_OBJECTS[name]:
        pytest.skip("an empty line is no damage")
    path.write_bytes(RECORD + NO_OBJECTS[name] + b"\n" + RECORD)
    with (
        limited_memory(path.stat().st_size),
        pytest.raises(ValueError, match=r"metrics\.jsonl has an invalid line, number 2: .* Remove"),
    ):
        read_records(path)
    errors = []
    assert read_records(path, errors.append) == 2 * [json.loads(RECORD)]
    assert errors


def test_the_last_line_may_be_incomplete(tmp_path):
    path = tmp_path / "metrics.jsonl"
    for cut in range(len(RECORD) + 1):
        path.write_bytes(RECORD + RECORD[:cut])
        # A line is complete without its line break.
        assert len(read_records(path)) == 1 + (cut >= len(RECORD) - 1)


def test_records_may_have_at_most_a_number_of_values(tmp_path):
    (tmp_path / "metrics.jsonl").write_bytes(3 * RECORD)
    assert len(read_records(tmp_path / "metrics.jsonl", most=9)) == 3
    with pytest.raises(ValueError, match="has more than 8 values"):
        read_records(tmp_path / "metrics.jsonl", most=8)


def test_ordinary_objects_are_read(tmp_path):
    value = {"a": [1, -1.5, None, True, "é😀"], "b": {"c": 2**62}, "d": -(2**62)}
    for is_ascii in (True, False):
        path = tmp_path / "config.json"
        path.write_text(json.dumps(value, ensure_ascii=is_ascii), encoding="utf-8")
        assert read_object(path) == value
    classes = {f"class {k}": dict.fromkeys(("a", "b", "c", "d"), 0.123456789) for k in range(50000)}
    path.write_text(json.dumps(classes, indent=2))
    assert len(read_object(path)) == 50000


@pytest.mark.parametrize("kind", ["directory", "pipe", "device"])
def test_a_path_that_is_no_file_raises_instead_of_waiting(tmp_path, kind):
    path = tmp_path / "config.json"
    {
        "directory": path.mkdir,
        "pipe": lambda: os.mkfifo(path),
        "device": lambda: path.symlink_to("/dev/zero"),
    }[kind]()
    for read in (read_object, read_records):
        with pytest.raises(ValueError, match=r"config\.json is not a file\. Restore"):
            read(path)
