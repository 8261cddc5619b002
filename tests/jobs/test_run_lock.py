"""One job at a time writes a run directory; the next one names the first and changes nothing."""

import contextlib
import errno
import functools
import json
import os
import re
import signal
import socket
import time

import filelock
import pytest
from commands import read_until, run_cli, spawn_cli, start_cli
from disturbed_jobs import differences
from forking import ROOT
from tiers import slow

from dist_f1.jobs.run_lock import Holder, RunLock
from dist_f1.launching.errors import UserError

FLAGS = (
    "train",
    f"--config={ROOT / 'configs' / 'digits.py'}",
    "--config.model=mlp",
    "--config.save_predictions=true",
)
IN_USE = r"--run_dir=\S+ is in use by process \d+ on host \S+ since \d{4}-\d\d-\d\d .*\. Wait until"


def files_of(path):
    return sorted(str(x.relative_to(path)) for x in path.rglob("*") if "logs" not in x.parts)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    """Run an undisturbed job once for each number of epochs."""

    @functools.cache
    def run(epochs):
        path = tmp_path_factory.mktemp("undisturbed") / "run"
        result = run_cli(*FLAGS, f"--config.epochs={epochs}", f"--run_dir={path}")
        assert result.returncode == 0, result.stderr
        return path

    return run


@pytest.mark.parametrize(
    ("delay", "workers"),
    [
        slow(1.0, ()),
        slow(2.0, ("--workers=2",)),
        *(slow(delay, ()) for delay in (0, 0.5, 2, 5, 10)),
        *(slow(delay, ("--workers=2",)) for delay in (0, 0.5, 1, 5, 10)),
    ],
)
def test_the_second_job_refuses_and_the_first_is_untouched(undisturbed, tmp_path, delay, workers):
    # The first job must still run when the second starts.
    epochs = 6 if delay < 5 else 80
    flags = (*FLAGS, f"--config.epochs={epochs}", f"--run_dir={tmp_path / 'run'}", *workers)
    with contextlib.ExitStack() as stack:
        waits = []
        for number in range(2):
            waits.append(stack.enter_context(spawn_cli(*flags, cwd=ROOT))[1])
            time.sleep(0 if number else delay)
        results = [wait(300) for wait in waits]
    if not delay:
        # Either may be the first.
        results.sort(key=lambda result: result.returncode)
    assert [result.returncode for result in results] == [0, 1], [r.stderr for r in results]
    first, second = results
    assert re.search(IN_USE, second.stderr), second.stderr
    assert "Traceback" not in first.stderr + second.stderr
    assert "restart" not in second.stderr
    if not workers:
        assert differences(undisturbed(epochs), tmp_path / "run") == []
        assert files_of(tmp_path / "run") == files_of(undisturbed(epochs))
    rows = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    assert len(rows) == len(set(rows)) == 2 * epochs


@pytest.mark.slow
def test_a_killed_holder_blocks_nobody(undisturbed, tmp_path, monkeypatch):
    monkeypatch.setattr("dist_f1.jobs.run_lock._ACQUIRE_SECONDS", 0.05)
    flags = (*FLAGS, "--config.epochs=6", f"--run_dir={tmp_path / 'run'}")
    with start_cli(*flags) as process:
        read_until(process, "validation 3/6")
        assert f"process {process.pid} on host" in RunLock(tmp_path / "run").try_acquire()
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert json.loads((tmp_path / "run" / "run.lock.json").read_text())["pid"] == process.pid
    result = run_cli(*flags)
    assert result.returncode == 0, result.stderr
    assert "resuming from" in result.stdout
    assert differences(undisturbed(6), tmp_path / "run") == []
    assert files_of(tmp_path / "run") == files_of(undisturbed(6))


def test_a_lock_is_held_by_one_object_and_released(tmp_path):
    path = tmp_path / "new" / "run"
    with RunLock(path) as lock:
        assert lock.try_acquire() == ""
        with pytest.raises(UserError, match=IN_USE) as caught:
            RunLock(path).acquire()
        assert f"process {os.getpid()} on host {socket.gethostname()} since 20" in str(caught)
        assert RunLock(path).try_acquire() == str(caught.value)
    with pytest.raises(KeyError), RunLock(path):
        raise KeyError
    assert [entry.name for entry in path.iterdir()] == ["run.lock"]


def test_the_record_of_a_killed_process_is_not_shown(tmp_path, monkeypatch):
    monkeypatch.setattr("dist_f1.jobs.run_lock._RECORD_SECONDS", 0.1)
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)
    with RunLock(tmp_path) as lock:
        host = lock._record.host
        for record, shown in (
            (Holder(child, host, "then"), "another process"),
            (Holder(child, "elsewhere", "then"), f"process {child} on host elsewhere since then"),
        ):
            (tmp_path / "run.lock.json").write_text(json.dumps(record.__dict__))
            assert f"is in use by {shown}. Wait" in RunLock(tmp_path).try_acquire()
        (tmp_path / "run.lock.json").write_text("{")
        assert "is in use by another process." in RunLock(tmp_path).try_acquire()
    # The record of another job stays.
    assert (tmp_path / "run.lock.json").exists()


@pytest.mark.parametrize("error", [OSError(errno.ENOSYS, "no"), NotImplementedError("no flock")])
def test_a_file_system_without_locks_gives_a_warning(tmp_path, monkeypatch, error):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr(filelock.FileLock, "acquire", fail)
    with pytest.warns(UserWarning, match=r"has no locks \(.*Make sure that no other job"):
        RunLock(tmp_path).acquire()
