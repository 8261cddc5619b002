"""Workers that stand still, with real processes."""

import subprocess
import sys
import textwrap

from launched_scripts import launch_script

from dist_f1.launching import alive


def test_a_worker_that_stands_still_is_named_with_its_stack_and_the_job_restarts(tmp_path):
    text = """
    from dist_f1.launching import alive

    def wait_for_nobody():
        time.sleep(1000)

    is_second_start = len(os.listdir(sys.argv[1])) > 1
    for step in range(1000):
        alive()
        if is_second_start:
            sys.exit(0)
        if index == 1 and step == 3:
            wait_for_nobody()
        time.sleep(0.1)
    """
    flags = ("--workers=2", "--stall_timeout=3", "--max_restarts=1")
    result = launch_script(tmp_path, text, *flags, arguments=[tmp_path / "logs"])
    assert result.returncode == 0, result.stderr
    assert "worker 1 has made no progress for 3 s (--stall_timeout)" in result.stderr
    assert "in wait_for_nobody" in result.stderr
    # The stack of the other worker is shown too.
    assert "[worker 0] Current thread" in result.stderr
    assert "restart 1 of 1" in result.stderr


def test_a_worker_that_a_signal_has_stopped_is_the_cause(tmp_path):
    text = """
    from dist_f1.launching import alive

    if index == 0:
        # It waits for the other one, as in an all-reduce.
        alive()
        time.sleep(1000)
    alive()
    os.kill(os.getpid(), signal.SIGSTOP)
    """
    result = launch_script(tmp_path, text, "--workers=2", "--stall_timeout=2")
    assert result.returncode == 1
    assert "worker 1 has made no progress" in result.stderr
    assert "a signal such as SIGSTOP has stopped it" in result.stderr


def test_workers_that_make_progress_are_not_disturbed(tmp_path):
    text = """
    from dist_f1.launching import alive

    for _ in range(40):
        alive()
        time.sleep(0.1)
    """
    result = launch_script(tmp_path, text, "--workers=2", "--stall_timeout=2.5")
    assert result.returncode == 0, result.stderr


def test_without_a_limit_a_worker_may_stand_still(tmp_path):
    result = launch_script(tmp_path, "time.sleep(3)", "--workers=2")
    assert result.returncode == 0, result.stderr


def test_a_process_without_a_launcher_ends_with_its_stack(tmp_path):
    code = """
    import time
    from dist_f1.launching.heartbeat import alive, ends_if_stalled

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
    from dist_f1.launching.heartbeat import alive, ends_if_stalled

    with ends_if_stalled(0.5):
        alive()
    time.sleep(1.5)
    """
    command = [sys.executable, "-c", textwrap.dedent(code)]
    assert subprocess.run(command, timeout=30).returncode == 0


def test_alive_has_no_effect_without_a_launcher():
    alive()
