"""Checkpoints are written completely or not at all."""

import contextlib
import os
import re
import resource
import shutil
import signal
import textwrap

import pytest
import tensorflow as tf
from forking import run_forked
from job_checkpoints import latest

from dist_f1.jobs.checkpoints import CheckpointError, CheckpointManager


def writer(text):
    def write(path):
        (path / "state").write_text(text)
        (path / "more").mkdir()
        (path / "more" / "data").write_bytes(text.encode() * 100)

    return write


@pytest.fixture
def checkpoints(tmp_path):
    kept = CheckpointManager(tmp_path / "checkpoints")
    for number in (10, 20, 30):
        kept.save(number, writer(f"state {number}"))
    return kept


def read(path):
    return (path / "state").read_text()


def test_the_latest_is_found_and_the_oldest_removed(checkpoints, tmp_path):
    messages = []
    assert read(latest(checkpoints, messages.append)) == "state 30"
    for number in (99999999, 100000000):
        checkpoints.save(number, writer(f"state {number}"))
    assert read(latest(checkpoints, messages.append)) == "state 100000000"
    names = sorted(path.name for path in (tmp_path / "checkpoints").iterdir())
    assert names == ["00000030", "100000000", "99999999"]
    assert messages == []


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        (lambda p: (p / "more" / "data").unlink(), "data is missing"),
        (lambda p: (p / "files.json").unlink(), "files.json is missing"),
        (lambda p: (p / "files.json").write_text('{"state": '), "files.json cannot be read"),
        (lambda p: (p / "files.json").write_text('{"state": 3}'), "files.json cannot be read"),
        (lambda p: (p / "files.json").write_text("[]"), "files.json cannot be read"),
        (lambda p: (p / "state").write_text("state"), "state has 5 bytes instead of 8"),
        (lambda p: (p / "state").write_text("State 30"), "state has a wrong checksum"),
        (lambda p: [f.unlink() for f in (p / "state", p / "files.json")], "is missing"),
    ],
)
def test_a_damaged_checkpoint_is_named_and_the_previous_one_used(
    checkpoints, tmp_path, damage, problem
):
    damage(tmp_path / "checkpoints" / "00000030")
    messages = []
    assert read(latest(checkpoints, messages.append)) == "state 20"
    assert len(messages) == 1
    assert "00000030 is damaged" in messages[0]
    assert problem in messages[0]
    # Its number can be used again.
    checkpoints.save(30, writer("state 30 again"))
    assert read(latest(checkpoints, messages.append)) == "state 30 again"
    assert len(messages) == 1


def test_a_removed_checkpoint_is_not_missed(checkpoints, tmp_path):
    shutil.rmtree(tmp_path / "checkpoints" / "00000030")
    assert read(latest(checkpoints)) == "state 20"


def test_it_is_an_error_if_all_are_damaged_but_not_if_there_are_none(checkpoints, tmp_path):
    for path in (tmp_path / "checkpoints").iterdir():
        (path / "state").unlink()
    messages = []
    assert not list(checkpoints.intact(messages.append))
    assert len(messages) == 3
    assert not checkpoints.is_empty()
    assert re.search(r"All checkpoints in .* are damaged.*backup", str(checkpoints.all_damaged()))
    nothing = CheckpointManager(tmp_path / "nothing")
    assert nothing.is_empty()
    assert not list(nothing.intact(print))


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (OSError("disk is full"), "disk is full"),
        (
            tf.errors.ResourceExhaustedError(None, None, "x; No space left on device"),
            "No space left on device. Free disk space",
        ),
        (tf.errors.UnknownError(None, None, "the disk burns"), "the disk burns"),
    ],
)
def test_a_failed_write_leaves_the_earlier_checkpoints_only(checkpoints, tmp_path, error, cause):
    before = {path: read(path) for path in (tmp_path / "checkpoints").iterdir()}

    def write(path):
        (path / "state").write_text("half")
        raise error

    with pytest.raises(CheckpointError, match=f"00000040 cannot.*: {cause}.*up to 00000030"):
        checkpoints.save(40, write)
    assert {path: read(path) for path in (tmp_path / "checkpoints").iterdir()} == before


class Killed(BaseException):
    """Stands for SIGKILL: no handler catches it."""


def test_a_killed_write_leaves_the_earlier_checkpoints(checkpoints):
    def write(path):
        (path / "state").write_text("half")
        raise Killed

    with pytest.raises(Killed):
        checkpoints.save(40, write)
    assert read(latest(checkpoints)) == "state 30"
    # The rest of it does not prevent another one.
    checkpoints.save(40, writer("state 40"))
    assert read(latest(checkpoints)) == "state 40"


@pytest.mark.parametrize("killed_at", [1, 2, 3])
def test_a_killed_replacement_leaves_one_of_both(tmp_path, killed_at, monkeypatch):
    """Killed after each rename, and after the backup is removed."""
    manager = CheckpointManager(tmp_path / "checkpoints")
    manager.save(1, writer("old"))
    calls = []

    def dies(function):
        def call(*arguments, **options):
            function(*arguments, **options)
            calls.append(function)
            if calls.count(replace) == killed_at or len(calls) > 5:
                raise Killed

        return call

    replace = os.replace
    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", dies(os.replace))
        patch.setattr(shutil, "rmtree", dies(shutil.rmtree))
        with contextlib.suppress(Killed):
            manager.save(1, writer("new"))
    assert read(latest(CheckpointManager(tmp_path / "checkpoints"))) == (
        "old" if killed_at == 1 else "new"
    )
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["00000001"]


@pytest.mark.slow
def test_a_write_killed_by_sigkill_leaves_the_earlier_checkpoints(checkpoints, tmp_path):
    code = f"""
        import os, signal
        from dist_f1.jobs.checkpoints import CheckpointManager
        def write(path):
            (path / "state").write_text("half")
            os.kill(os.getpid(), signal.SIGKILL)
        CheckpointManager({str(tmp_path / "checkpoints")!r}).save(40, write)
    """
    assert run_forked("-c", textwrap.dedent(code)).returncode == -signal.SIGKILL
    assert read(latest(checkpoints)) == "state 30"


def test_a_full_disk_is_an_error_of_tensorflows_writer_too(tmp_path):
    """A limit on the size of files stands for a full disk: the same calls fail."""
    manager = CheckpointManager(tmp_path / "checkpoints")
    saved = tf.train.Checkpoint(x=tf.Variable(tf.ones([100000])))
    manager.save(1, lambda path: saved.write(str(path / "state")))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100000, before[1]))
    try:
        with pytest.raises(CheckpointError, match=r"00000002 cannot.*ulimit -f.*up to 00000001"):
            manager.save(2, lambda path: saved.write(str(path / "state")))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert latest(manager).name == "00000001"
    assert [path.name for path in tmp_path.rglob("0*")] == ["00000001"]
    assert (tmp_path / "checkpoints" / "00000001" / "state.index").exists()
