"""Workers that stand still, that leave, and that outlive their launcher, with real processes."""

import signal
import subprocess
import sys
import textwrap
import time

import pytest
from commands import is_running, read_until, run_cli_without_tensorflow, start_cli
from full_disks import small_disk

from dist_f1.launching import alive

HEAD = """
import json, os, signal, subprocess, sys, time
from dist_f1.launching import alive
index = json.loads(os.environ["TF_CONFIG"])["task"]["index"]
"""


@pytest.fixture
def script(tmp_path):
    def write(text):
        path = tmp_path / "script.py"
        path.write_text(HEAD + textwrap.dedent(text))
        return path

    return write


def launch(tmp_path, script, *flags):
    logs = f"--log_dir={tmp_path / 'logs'}"
    return run_cli_without_tensorflow("launch", "--workers=2", logs, *flags, script, timeout=60)


def test_a_worker_that_stands_still_is_named_with_its_stack_and_the_job_restarts(
    tmp_path, script, monkeypatch
):
    path = script(
        """
        def wait_for_nobody():
            time.sleep(1000)

        is_second_start = len(os.listdir(os.environ["LOGS"])) > 1
        for step in range(1000):
            alive()
            if is_second_start:
                sys.exit(0)
            if index == 1 and step == 3:
                wait_for_nobody()
            time.sleep(0.1)
        """
    )
    monkeypatch.setenv("LOGS", str(tmp_path / "logs"))
    result = launch(tmp_path, path, "--stall_timeout=3", "--max_restarts=1")
    assert result.returncode == 0, result.stderr
    assert "worker 1 has made no progress for 3 s (--stall_timeout)" in result.stderr
    assert "in wait_for_nobody" in result.stderr
    # The stack of the other worker is shown too.
    assert "[worker 0] Current thread" in result.stderr
    assert "restart 1 of 1" in result.stderr


def test_a_worker_that_a_signal_has_stopped_is_the_cause(tmp_path, script):
    path = script(
        """
        if index == 0:
            # It waits for the other one, as in an all-reduce.
            alive()
            time.sleep(1000)
        alive()
        os.kill(os.getpid(), signal.SIGSTOP)
        """
    )
    result = launch(tmp_path, path, "--stall_timeout=2")
    assert result.returncode == 1
    assert "worker 1 has made no progress" in result.stderr
    assert "a signal such as SIGSTOP has stopped it" in result.stderr


def test_workers_that_make_progress_are_not_disturbed(tmp_path, script):
    path = script(
        """
        for _ in range(40):
            alive()
            time.sleep(0.1)
        """
    )
    result = launch(tmp_path, path, "--stall_timeout=2.5")
    assert result.returncode == 0, result.stderr


def test_without_a_limit_a_worker_may_stand_still(tmp_path, script):
    result = launch(tmp_path, script("time.sleep(3)"))
    assert result.returncode == 0, result.stderr


def test_a_process_without_a_launcher_ends_with_its_stack(tmp_path):
    code = """
    import time
    from dist_f1.launching.progress import alive, ends_if_stalled

    def wait_for_nobody():
        time.sleep(1000)

    with ends_if_stalled(2.0):
        for _ in range(30):
            alive()
            time.sleep(0.1)
        wait_for_nobody()
    """
    command = [sys.executable, "-c", textwrap.dedent(code)]
    result = subprocess.run(command, capture_output=True, text=True, timeout=30)
    assert result.returncode == 1
    assert "Timeout (0:00:02)!" in result.stderr
    assert "in wait_for_nobody" in result.stderr


def test_a_block_that_has_ended_does_not_end_the_process():
    code = """
    import time
    from dist_f1.launching.progress import alive, ends_if_stalled

    with ends_if_stalled(0.5):
        alive()
    time.sleep(1.5)
    """
    command = [sys.executable, "-c", textwrap.dedent(code)]
    assert subprocess.run(command, timeout=30).returncode == 0


def test_alive_has_no_effect_without_a_launcher():
    alive()


@pytest.mark.parametrize("way", ["sys.exit(0)", "os._exit(0)"])
def test_a_worker_that_leaves_with_0_is_the_cause_of_the_errors_of_others(tmp_path, script, way):
    path = script(
        f"""
        class UnavailableError(Exception): pass
        if index == 1:
            {way}
        time.sleep(1)
        raise UnavailableError("Socket closed")
        """
    )
    result = launch(tmp_path, path)
    assert result.returncode == 1
    assert "worker 1 exited with code 0 while the others still needed it" in result.stderr
    assert "stopped by worker 1" in result.stderr


def test_an_error_of_its_own_is_not_blamed_on_a_worker_that_has_finished(tmp_path, script):
    path = script(
        """
        if index == 1:
            sys.exit(0)
        time.sleep(1)
        raise KeyError("a fault of worker 0")
        """
    )
    result = launch(tmp_path, path)
    assert "dist-f1: worker 0 failed first." in result.stderr
    assert "stopped by worker 0" in result.stderr


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_the_children_of_workers_end_with_the_launcher(tmp_path, script, number):
    path = script(
        """
        child = subprocess.Popen(["sh", "-c", "sleep 1000 & echo child $! && wait"])
        time.sleep(1000)
        """
    )
    logs = f"--log_dir={tmp_path / 'logs'}"
    with start_cli("launch", "--workers=1", logs, "--grace_seconds=1", path) as process:
        child = int(read_until(process, "child ").split()[-1])
        assert is_running(child)
        process.send_signal(number)
        process.wait(20)
        end = time.monotonic() + 10.0
        while is_running(child):
            assert time.monotonic() < end
            time.sleep(0.05)


def test_the_message_of_a_worker_reaches_the_launcher_from_a_full_disk(
    tmp_path, script, monkeypatch
):
    with small_disk(tmp_path / "disk") as disk:
        path = script(
            """
            with open(os.environ["DISK"] + "/filler", "wb", buffering=0) as file:
                try:
                    while index == 1:
                        file.write(bytes(1 << 16))
                except OSError:
                    sys.exit("no space for the results")
            time.sleep(1000)
            """
        )
        monkeypatch.setenv("DISK", str(disk))
        logs = f"--log_dir={disk / 'logs'}"
        flags = ("--workers=2", "--max_restarts=3", logs)
        result = run_cli_without_tensorflow("launch", *flags, path, timeout=60)
    assert result.returncode == 1
    assert "no space for the results" in result.stderr
    assert "restart" not in result.stderr
