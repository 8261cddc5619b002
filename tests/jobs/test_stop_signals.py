"""How a single process ends: signals at any time give their exit code, and no traceback."""

import os
import signal
import subprocess
import sys
import time

import pytest
from commands import COMMAND, read_until, start_cli, start_process
from forking import ROOT

from dist_f1.jobs.stop_signals import catch_stop_signals

slow = pytest.mark.slow
SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
TRAIN = (
    "train",
    f"--config={ROOT / 'configs' / 'digits.py'}",
    "--config.model=mlp",
    "--config.epochs=300",
)
SLOW_DATA = """
import time

def rows(split):
    print("loading", split, flush=True)
    time.sleep(60)
"""


def end(process, *numbers):
    for number in numbers:
        process.send_signal(number)
        time.sleep(0.2)
    output, _ = process.communicate(timeout=60)
    assert "Traceback" not in output, output
    return output


@pytest.mark.parametrize(
    "number", [signal.SIGINT, *(pytest.param(x, marks=slow) for x in SIGNALS[1:])]
)
def test_a_signal_saves_a_checkpoint_and_gives_its_exit_code(tmp_path, number):
    flags = (*TRAIN, f"--run_dir={tmp_path / 'run'}")
    with start_cli(*flags) as process:
        read_until(process, "validation 1/")
        output = end(process, number)
    assert process.returncode == 128 + number, output
    assert "checkpoint saved; rerun the command to resume" in output
    assert list((tmp_path / "run" / "checkpoints").iterdir())
    assert not (tmp_path / "run" / "run.lock.json").exists()


@pytest.mark.parametrize(
    "number", [signal.SIGINT, *(pytest.param(x, marks=slow) for x in SIGNALS[1:])]
)
def test_a_signal_while_data_is_loaded_ends_the_process_at_once(tmp_path, number):
    (tmp_path / "slow_data.py").write_text(SLOW_DATA)
    flags = ("--config.dataset=slow_data:rows",)
    config = f"--config={ROOT / 'configs' / 'own_data.py'}"
    run = ("train", config, *flags, "--run_dir=run")
    path = os.pathsep.join([str(ROOT), str(tmp_path)])
    with start_cli(*run, cwd=tmp_path, PYTHONPATH=path) as process:
        read_until(process, "loading")
        output = end(process, number)
    assert process.returncode == 128 + number, output
    assert not (tmp_path / "run").exists()


@slow
@pytest.mark.parametrize("delay", [0.5, 1, 1.5, 2, 3, 4, 6, 8])
@pytest.mark.parametrize("number", [signal.SIGINT])
def test_ctrl_c_at_any_time_exits_with_130(tmp_path, delay, number):
    with start_cli(*TRAIN, f"--run_dir={tmp_path / 'run'}") as process:
        time.sleep(delay)
        output = end(process, number)
    assert process.returncode == 130, output


def test_a_second_ctrl_c_kills_the_process(tmp_path):
    with start_cli(*TRAIN, f"--run_dir={tmp_path / 'run'}") as process:
        read_until(process, "validation 1/")
        process.send_signal(signal.SIGSTOP)
        process.send_signal(signal.SIGINT)
        process.send_signal(signal.SIGCONT)
        # The handler has run, but the checkpoint takes longer.
        deadline = time.monotonic() + 30
        while process.poll() is None and time.monotonic() < deadline:
            process.send_signal(signal.SIGINT)
            time.sleep(0.001)
        process.communicate(timeout=60)
    assert process.returncode in (-signal.SIGINT, 130)


@pytest.mark.parametrize("number", SIGNALS)
def test_signals_are_noted_unless_they_are_ignored(number):
    before = signal.getsignal(number)
    try:
        signal.signal(number, signal.SIG_IGN)
        with catch_stop_signals() as signals:
            os.kill(os.getpid(), number)
            assert (signals.are_received(), signals.exit_code) == (False, 143)
        signal.signal(number, signal.SIG_DFL)
        with catch_stop_signals() as signals:
            os.kill(os.getpid(), number)
            assert (signals.are_received(), signals.exit_code) == (True, 128 + number)
            after = signal.SIG_IGN if number == signal.SIGHUP else signal.SIG_DFL
            assert signal.getsignal(number) == after
        assert signal.getsignal(number) == signal.SIG_DFL
        with (
            catch_stop_signals() as signals,
            pytest.raises(SystemExit) as caught,
            signals.end_at_once(),
        ):
            os.kill(os.getpid(), number)
        assert caught.value.code == 128 + number
    finally:
        signal.signal(number, before)


@pytest.mark.parametrize("command", [("report", "PIPE"), ("train", "--config=PIPE", "--run_dir=x")])
def test_ctrl_c_in_any_command_exits_with_130(tmp_path, command):
    """The command waits for the other end of a pipe."""
    os.mkfifo(tmp_path / "pipe.py")
    command = [word.replace("PIPE", str(tmp_path / "pipe.py")) for word in command]
    # Opening a pipe waits for its reader.
    with (
        start_process(*COMMAND, *command, PYTHONPATH=str(ROOT)) as process,
        open(tmp_path / "pipe.py", "wb"),
    ):
        output = end(process, signal.SIGINT)
    assert process.returncode == 130, output


@slow
def test_ctrl_c_in_the_benchmarks_exits_with_130(tmp_path):
    command = (sys.executable, "-m", "benchmarks", "--suite=read", f"--out={tmp_path / 'out'}")
    for delay in (1, 3, 8):
        with start_process(*command) as process:
            time.sleep(delay)
            output = end(process, signal.SIGINT)
        assert process.returncode == 130, output


@pytest.mark.parametrize("arguments", [("--help",), ("--version",), ("report", "COUNTS")])
def test_a_full_disk_behind_standard_output_is_named(tmp_path, arguments):
    counts = ROOT / "tests" / "fixtures" / "counts_multiclass.npz"
    arguments = [word.replace("COUNTS", str(counts)) for word in arguments]
    with open("/dev/full", "w") as full:
        result = subprocess.run(
            [*COMMAND, *arguments], stdout=full, stderr=subprocess.PIPE, text=True, cwd=ROOT
        )
    assert result.returncode == 1
    assert result.stderr.startswith("dist-f1")
    assert "No space left on device" in result.stderr
    assert "Traceback" not in result.stderr
    assert "Exception ignored" not in result.stderr


def test_a_reader_that_stops_reading_is_no_error(tmp_path):
    reader, writer = os.pipe()
    os.close(reader)
    result = subprocess.run(
        [*COMMAND, "--help"], stdout=writer, stderr=subprocess.PIPE, text=True, cwd=ROOT
    )
    os.close(writer)
    assert (result.returncode, result.stderr) == (1, "")
