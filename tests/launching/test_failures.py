"""The root cause of several failures, and its description."""

import json
import signal

import pytest
from hostile_json import NO_OBJECTS

from dist_f1.launching import failures
from dist_f1.launching.cluster import Task


def failure(index, kind="exception", title="ValueError", time=0.0, exit_code=1, text="text"):
    return failures.Failure(Task("worker", index), exit_code, kind, title, text, time)


def test_the_root_cause_is_not_a_secondary_failure():
    secondary = failure(0, title="UnavailableError", time=1.0)
    cause = failure(1, time=2.0)
    later = failure(2, title="KeyError", time=3.0)
    assert failures.root_cause([secondary, later, cause]) is cause
    killed = failure(1, kind="ended", title="", time=2.0, exit_code=-9)
    assert failures.root_cause([secondary, killed]) is killed
    # Among secondary failures, it is the earliest.
    assert failures.root_cause([failure(1, title="AbortedError", time=4.0), secondary]) is secondary


@pytest.mark.parametrize(("exit_code", "expected"), [(3, 3), (-signal.SIGKILL, 137), (-15, 143)])
def test_exit_codes_are_those_of_a_shell(exit_code, expected):
    assert failure(0, exit_code=exit_code).shell_exit_code == expected


def test_a_signal_is_named():
    assert "SIGSEGV" in failure(0, kind="ended", exit_code=-signal.SIGSEGV).describe()
    assert "memory" in failure(0, kind="ended", exit_code=-signal.SIGKILL).describe()


def test_an_error_file_shows_a_failure_before_the_process_exits(tmp_path):
    error_file, log = tmp_path / "error", tmp_path / "log"
    task = Task("worker", 1)
    assert failures.read_failure(task, None, error_file, log, 0.0) is None
    assert failures.read_failure(task, 0, error_file, log, 0.0) is None
    log.write_bytes(b"one\r\nbar 1\rbar 2\rbar 3\nlast\n")
    ended = failures.read_failure(task, 7, error_file, log, 5.0)
    assert (ended.exit_code, ended.text, ended.time) == (7, "one\nbar 3\nlast", 5.0)
    error_file.write_text(json.dumps({"kind": "exit", "title": "no", "text": "", "time": 2.5}))
    found = failures.read_failure(task, None, error_file, log, 0.0)
    assert (found.exit_code, found.title, found.time, found.is_permanent) == (1, "no", 2.5, True)


def test_only_the_last_lines_of_a_log_are_shown(tmp_path):
    (tmp_path / "log").write_text("".join(f"line {i}\n" for i in range(50)))
    assert failures.tail(tmp_path / "log", 2) == "line 48\nline 49"
    assert failures.tail(tmp_path / "none") == ""


RECORD = {"kind": "exit", "title": "no data", "text": "no data", "time": 1.0}


@pytest.mark.parametrize(
    "content",
    [
        *(data for data in NO_OBJECTS.values() if len(data) < 10**6),
        b"{}",
        json.dumps({**RECORD, "more": 1}).encode(),
        *(json.dumps({**RECORD, key: None}).encode() for key in RECORD),
    ],
)
def test_a_damaged_error_file_counts_as_none(tmp_path, content):
    (tmp_path / "failure.json").write_bytes(content)
    (tmp_path / "log").write_text("last line\n")
    arguments = (Task("worker", 0), 3, tmp_path / "failure.json", tmp_path / "log", 5.0)
    assert failures.read_failure(*arguments).text == "last line"
    (tmp_path / "failure.json").write_text(json.dumps(RECORD))
    assert failures.read_failure(*arguments).title == "no data"
