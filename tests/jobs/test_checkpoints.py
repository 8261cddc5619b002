"""Checkpoints are there whole or not at all."""

import pathlib
import shutil
import signal
import textwrap

import pytest
import tensorflow as tf
from forking import run_forked

from dist_f1.jobs.checkpoints import CheckpointError, Checkpoints


def writer(text):
    def write(place):
        (place / "state").write_text(text)
        (place / "more").mkdir()
        (place / "more" / "data").write_bytes(text.encode() * 100)

    return write


@pytest.fixture
def checkpoints(tmp_path):
    kept = Checkpoints(tmp_path / "checkpoints")
    for number in (10, 20, 30):
        kept.save(number, writer(f"state {number}"))
    return kept


def read(path):
    return (path / "state").read_text()


def test_the_newest_is_found_and_the_oldest_removed(checkpoints, tmp_path):
    told = []
    assert read(checkpoints.newest(told.append)) == "state 30"
    for number in (99999999, 100000000):
        checkpoints.save(number, writer(f"state {number}"))
    assert read(checkpoints.newest(told.append)) == "state 100000000"
    names = sorted(path.name for path in (tmp_path / "checkpoints").iterdir())
    assert names == ["00000030", "100000000", "99999999"]
    assert told == []


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        (lambda p: (p / "more" / "data").unlink(), "data is missing"),
        (lambda p: (p / "files.json").unlink(), "files.json is missing"),
        (lambda p: (p / "files.json").write_text('{"state": '), "files.json cannot be read"),
        (lambda p: (p / "files.json").write_text('{"state": 3}'), "files.json cannot be read"),
        (lambda p: (p / "files.json").write_text("[]"), "files.json cannot be read"),
        (lambda p: (p / "state").write_text("state"), "state has 5 bytes in place of 8"),
        (lambda p: (p / "state").write_text("State 30"), "state has another checksum"),
        (lambda p: [f.unlink() for f in (p / "state", p / "files.json")], "is missing"),
    ],
)
def test_one_that_is_torn_gives_way_to_the_one_before_it_and_that_is_said(
    checkpoints, tmp_path, harm, said
):
    harm(tmp_path / "checkpoints" / "00000030")
    told = []
    assert read(checkpoints.newest(told.append)) == "state 20"
    assert len(told) == 1
    assert "00000030 is not whole" in told[0]
    assert said in told[0]
    # And its number can be had again.
    checkpoints.save(30, writer("state 30 again"))
    assert read(checkpoints.newest(told.append)) == "state 30 again"
    assert len(told) == 1


def test_one_whose_directory_is_gone_is_not_missed(checkpoints, tmp_path):
    shutil.rmtree(tmp_path / "checkpoints" / "00000030")
    assert read(checkpoints.newest(print)) == "state 20"


def test_none_that_is_whole_is_an_error_and_none_at_all_a_beginning(checkpoints, tmp_path):
    for path in (tmp_path / "checkpoints").iterdir():
        (path / "state").unlink()
    told = []
    with pytest.raises(CheckpointError, match=r"no checkpoint in .* is whole.*backup"):
        checkpoints.newest(told.append)
    assert len(told) == 3
    assert Checkpoints(tmp_path / "nothing").newest(print) is None


@pytest.mark.parametrize(
    "error", [OSError("disk is full"), tf.errors.ResourceExhaustedError(None, None, "disk is full")]
)
def test_a_write_that_fails_leaves_those_before_it_and_no_half(checkpoints, tmp_path, error):
    before = {path: read(path) for path in (tmp_path / "checkpoints").iterdir()}

    def write(place):
        (place / "state").write_text("half")
        raise error

    with pytest.raises(CheckpointError, match=r"00000040.*disk is full.*last is 00000030.*run_dir"):
        checkpoints.save(40, write)
    assert {path: read(path) for path in (tmp_path / "checkpoints").iterdir()} == before


def test_a_write_that_is_killed_leaves_those_before_it(checkpoints, tmp_path):
    code = f"""
        import os, signal
        from dist_f1.jobs.checkpoints import Checkpoints
        def write(place):
            (place / "state").write_text("half")
            os.kill(os.getpid(), signal.SIGKILL)
        Checkpoints({str(tmp_path / "checkpoints")!r}).save(40, write)
    """
    assert run_forked("-c", textwrap.dedent(code)).returncode == -signal.SIGKILL
    assert read(checkpoints.newest(print)) == "state 30"
    # What is left of it does not stand in the way.
    checkpoints.save(40, writer("state 40"))
    assert read(checkpoints.newest(print)) == "state 40"


@pytest.mark.parametrize("killed_at", [1, 2, 3])
def test_a_replacement_that_is_killed_leaves_one_of_both(tmp_path, killed_at):
    """After each of the renames that put it in its place."""
    code = f"""
        import os, signal
        from dist_f1.jobs import checkpoints
        def save(text):
            kept = checkpoints.Checkpoints({str(tmp_path / "checkpoints")!r})
            kept.save(1, lambda place: (place / "state").write_text(text))
        save("old")
        calls, remove, replace = [], checkpoints.shutil.rmtree, os.replace
        def die(function):
            def call(*arguments, **options):
                function(*arguments, **options)
                calls.append(function)
                if calls.count(replace) == {killed_at} or len(calls) > 5:
                    os.kill(os.getpid(), signal.SIGKILL)
            return call
        checkpoints.os.replace = die(replace)
        checkpoints.shutil.rmtree = die(remove)
        save("new")
    """
    run_forked("-c", textwrap.dedent(code))
    newest = Checkpoints(tmp_path / "checkpoints").newest(print)
    assert read(newest) == ("old" if killed_at == 1 else "new")
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == ["00000001"]


def test_a_disk_without_room_is_an_error_of_tensorflows_own_writer_too(tmp_path):
    """A limit on the size of files stands for a full disk: writing fails in the same calls."""
    code = f"""
        import pathlib, resource, sys
        import tensorflow as tf
        from dist_f1.jobs.checkpoints import CheckpointError, Checkpoints
        kept = Checkpoints({str(tmp_path / "checkpoints")!r})
        saved = tf.train.Checkpoint(x=tf.Variable(tf.ones([100000])))
        kept.save(1, lambda place: saved.write(str(place / "state")))
        resource.setrlimit(resource.RLIMIT_FSIZE, (100000, resource.RLIM_INFINITY))
        try:
            kept.save(2, lambda place: saved.write(str(place / "state")))
        except CheckpointError as error:
            print(error)
        names = [path.name for path in pathlib.Path({str(tmp_path)!r}).rglob("0*")]
        print(kept.newest(print).name, names)
    """
    result = run_forked("-c", textwrap.dedent(code))
    assert result.returncode == 0, result.stderr
    assert "00000002 could not be written" in result.stdout
    assert "Those before it are whole, the last is 00000001" in result.stdout
    assert result.stdout.splitlines()[-1] == "00000001 ['00000001']"
    assert pathlib.Path(tmp_path / "checkpoints" / "00000001" / "state.index").exists()
