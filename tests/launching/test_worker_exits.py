"""Workers that leave, that cannot write, or whose launcher ends, with real processes."""

import signal
import time

import pytest
from commands import is_running, read_until, start_cli
from full_disks import small_disk
from launched_scripts import launch_script


@pytest.mark.parametrize("way", ["sys.exit(0)", "os._exit(0)"])
def test_a_worker_that_leaves_with_0_is_the_cause_of_the_errors_of_others(tmp_path, way):
    text = f"""
    class UnavailableError(Exception): pass
    if index == 1:
        {way}
    time.sleep(1)
    raise UnavailableError("Socket closed")
    """
    result = launch_script(tmp_path, text, "--workers=2")
    assert result.returncode == 1
    assert "worker 1 exited with code 0 while the others still needed it" in result.stderr
    assert "stopped by worker 1" in result.stderr


def test_an_error_of_its_own_is_not_blamed_on_a_worker_that_has_finished(tmp_path):
    text = """
    if index == 1:
        sys.exit(0)
    time.sleep(1)
    raise KeyError("a fault of worker 0")
    """
    result = launch_script(tmp_path, text, "--workers=2")
    assert "dist-f1: worker 0 failed first." in result.stderr
    assert "stopped by worker 0" in result.stderr


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_the_children_of_workers_end_with_the_launcher(tmp_path, number):
    text = """
    child = subprocess.Popen(["sh", "-c", "sleep 1000 & echo child $! && wait"])
    time.sleep(1000)
    """
    flags = ("--workers=1", "--grace_seconds=1")
    with launch_script(tmp_path, text, *flags, run=start_cli) as process:
        child = int(read_until(process, "child ").split()[-1])
        assert is_running(child)
        process.send_signal(number)
        process.wait(20)
        end = time.monotonic() + 10.0
        while is_running(child):
            assert time.monotonic() < end
            time.sleep(0.05)


def test_the_message_of_a_worker_reaches_the_launcher_from_a_full_disk(tmp_path):
    text = """
    with open(sys.argv[1] + "/filler", "wb", buffering=0) as file:
        try:
            while index == 1:
                file.write(bytes(1 << 16))
        except OSError:
            sys.exit("no space for the results")
    time.sleep(1000)
    """
    with small_disk(tmp_path / "disk") as disk:
        flags = ("--workers=2", "--max_restarts=3")
        result = launch_script(disk, text, *flags, arguments=[disk], timeout=60)
    assert result.returncode == 1
    assert "no space for the results" in result.stderr
    assert "restart" not in result.stderr
