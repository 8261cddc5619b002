"""Which worker's failure is shown, and how."""

import json
import signal

import pytest

from dist_f1.launching import failures
from dist_f1.launching.cluster import Task


def failure(index, kind="exception", title="ValueError", time=0.0, exit_code=1, text="text"):
    return failures.Failure(Task("worker", index), exit_code, kind, title, text, time)


def test_the_first_failure_is_that_which_the_others_follow_from():
    consequence = failure(0, title="UnavailableError", time=1.0)
    cause = failure(1, time=2.0)
    later = failure(2, title="KeyError", time=3.0)
    assert failures.first([consequence, later, cause]) is cause
    killed = failure(1, kind="ended", title="", time=2.0, exit_code=-9)
    assert failures.first([consequence, killed]) is killed
    # Where there is nothing else, it is the earliest.
    assert failures.first([failure(1, title="AbortedError", time=4.0), consequence]) is consequence


@pytest.mark.parametrize(("exit_code", "passed_on"), [(3, 3), (-signal.SIGKILL, 137), (-15, 143)])
def test_exit_codes_are_passed_on_as_shells_have_them(exit_code, passed_on):
    assert failure(0, exit_code=exit_code).passed_on == passed_on


def test_a_signal_is_named():
    assert "SIGSEGV" in failure(0, kind="ended", exit_code=-signal.SIGSEGV).describe()
    assert "memory" in failure(0, kind="ended", exit_code=-signal.SIGKILL).describe()


def test_a_record_tells_of_a_failure_before_the_process_has_ended(tmp_path):
    record, log = tmp_path / "record", tmp_path / "log"
    task = Task("worker", 1)
    assert failures.of(task, None, record, log, 0.0) is None
    assert failures.of(task, 0, record, log, 0.0) is None
    log.write_bytes(b"one\r\nbar 1\rbar 2\rbar 3\nlast\n")
    ended = failures.of(task, 7, record, log, 5.0)
    assert (ended.exit_code, ended.text, ended.time) == (7, "one\nbar 3\nlast", 5.0)
    record.write_text(json.dumps({"kind": "exit", "title": "no", "text": "", "time": 2.5}))
    told = failures.of(task, None, record, log, 0.0)
    assert (told.exit_code, told.title, told.time, told.is_final) == (1, "no", 2.5, True)


def test_only_the_last_lines_of_a_log_are_shown(tmp_path):
    (tmp_path / "log").write_text("".join(f"line {i}\n" for i in range(50)))
    assert failures.tail(tmp_path / "log", 2) == "line 48\nline 49"
    assert failures.tail(tmp_path / "none") == ""
