"""`dist-f1 launch` with real processes, from a Python in which TensorFlow cannot be imported."""

import functools
import json
import os
import pathlib
import re
import signal
import socket
import time

import pytest
import tensorflow as tf
from commands import (
    is_running,
    last_line,
    read_until,
    run_cli_in_new_python,
    run_cli_without_tensorflow,
    start_cli,
)
from launched_scripts import launch_script

SCRIPTS = pathlib.Path(__file__).parent / "scripts"
IS_KERAS_3 = hasattr(tf.keras, "ops")
slow = pytest.mark.slow


@pytest.fixture
def launch(tmp_path):
    """Launch the text of a script; `index` is the index of its worker."""

    return functools.partial(launch_script, tmp_path)


def log(tmp_path, index, start=0):
    return (tmp_path / "logs" / f"start-{start}" / f"worker-{index}.log").read_text()


def test_a_script_runs_once_in_each_worker_as_python_runs_it(launch, tmp_path):
    (tmp_path / "other.py").write_text("")
    result = launch(
        """
        import other
        print("got", json.dumps([index, sys.argv[1:], __name__, other.__name__]))
        print("to standard error", file=sys.stderr)
        """,
        "--workers=2",
        arguments=["--x=1", "two words"],
    )
    assert result.returncode == 0, result.stderr
    for index in (0, 1):
        printed = json.dumps([index, ["--x=1", "two words"], "__main__", "other"])
        assert f"[worker {index}] got {printed}\n" in result.stdout
        assert f"[worker {index}] to standard error\n" in result.stderr
        assert f"got {printed}\n" in log(tmp_path, index)
        assert "to standard error\n" in log(tmp_path, index)


TENSORFLOW = """
class config:
    LogicalDeviceConfiguration = dict
    devices = 1
    def list_physical_devices(kind): return ["CPU:0"] if kind == "CPU" else []
    def list_logical_devices(kind): return list(range(config.devices))
    def set_logical_device_configuration(device, devices): config.devices = len(devices)
"""
PROGRAM = """
import sys
# A program may set variables before it imports TensorFlow.
assert "tensorflow" not in sys.modules
import tensorflow as tf
print(len(tf.config.list_logical_devices("CPU")), sys.argv[1:])
"""


@pytest.mark.parametrize("is_fake", [True, pytest.param(False, marks=slow)])
def test_a_module_runs_and_the_cpu_is_split_when_it_imports_tensorflow(tmp_path, is_fake):
    (tmp_path / "program.py").write_text(PROGRAM)
    if is_fake:
        (tmp_path / "tensorflow.py").write_text(TENSORFLOW)
    flags = ("--workers=1", "--cpu_devices=3", "--log_dir=logs", "-m", "program", "--", "a")
    result = run_cli_without_tensorflow("launch", *flags, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert "[worker 0] 3 ['a']" in result.stdout


def test_the_traceback_of_the_root_cause_is_shown_first_and_the_others_are_stopped(
    launch, tmp_path
):
    result = launch(
        """
        class UnavailableError(Exception): pass
        try:
            if index == 1:
                raise ValueError("no luck")
            while not os.path.exists(os.environ["FAILED"]): time.sleep(0.01)
            raise UnavailableError("the other worker has exited")
        except ValueError:
            open(os.environ["FAILED"], "w").close()
            raise
        finally:
            # Exit some time after the failure.
            time.sleep(0.5)
        """,
        "--workers=3",
        FAILED=str(tmp_path / "failed"),
    )
    assert result.returncode == 1
    first, second = result.stderr.index("no luck"), result.stderr.find("UnavailableError")
    assert "worker 1 failed first" in result.stderr[:first]
    assert second == -1 or first < second
    assert "raise ValueError" in result.stderr
    assert "runpy" not in result.stderr
    assert "bootstrap" not in result.stderr
    assert "ValueError: no luck" in log(tmp_path, 1)


@pytest.mark.parametrize(
    ("end", "code", "message"),
    [
        pytest.param("os._exit(7)", 7, "exited with code 7", marks=slow),
        ("os.kill(os.getpid(), signal.SIGKILL)", 137, "killed by SIGKILL"),
    ],
)
def test_the_exit_code_is_returned_and_the_log_shown(launch, end, code, message):
    result = launch(
        f"""
        print("last words", flush=True)
        if index == 0: {end}
        time.sleep(60)
        """,
        "--workers=2",
    )
    assert result.returncode == code
    assert message in result.stderr
    assert "last words" in result.stderr


def test_a_job_restarts_as_often_as_allowed(launch, tmp_path):
    text = """
    starts = os.environ["STARTS"] + str(index)
    with open(starts, "a") as file: file.write("x")
    if index == 0 and os.path.getsize(starts) <= int(sys.argv[1]): raise OSError("not yet")
    time.sleep(0.2)
    """
    for fails, restarts, code in ((2, 2, 0), (2, 1, 1)):
        starts = tmp_path / f"starts-{restarts}-"
        result = launch(
            text,
            "--workers=2",
            f"--max_restarts={restarts}",
            arguments=[str(fails)],
            STARTS=str(starts),
        )
        assert result.returncode == code
        for index in (0, 1):
            assert (tmp_path / f"{starts.name}{index}").read_text() == "x" * (restarts + 1)
    assert "restart 1 of 1" in result.stderr
    assert log(tmp_path, 0, start=1)


def test_a_program_that_exits_with_a_message_is_not_restarted(launch):
    result = launch(
        "sys.exit('there is no such data' if index else 0)", "--workers=2", "--max_restarts=3"
    )
    assert result.returncode == 1
    assert result.stderr.count("there is no such data") == 1
    assert "restart" not in result.stderr


@slow
def test_a_worker_that_does_not_join_is_named(launch):
    result = launch(
        """
        import socket
        cluster = json.loads(os.environ["TF_CONFIG"])["cluster"]["worker"]
        def hang_here():
            time.sleep(100)
        if index == 1: hang_here()
        with socket.create_server(("127.0.0.1", int(cluster[index].split(":")[1]))):
            time.sleep(100)
        """,
        "--workers=3",
        "--join_timeout=1",
    )
    assert result.returncode == 1
    assert "worker 1 has not joined the cluster within 1 s" in result.stderr
    assert "in hang_here" in result.stderr


def test_a_port_in_use_is_named_before_anything_starts(launch):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        result = launch("print('here')", "--workers=1", f"--port={port}")
    assert result.returncode == 1
    assert f"Port {port} is in use" in last_line(result.stderr)
    assert "here" not in result.stdout
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    "number", [signal.SIGTERM, pytest.param(signal.SIGINT, marks=slow), signal.SIGKILL]
)
def test_a_signal_to_the_launcher_leaves_no_process(launch, number):
    # One worker ignores SIGTERM, and each has a child.
    text = """
    import subprocess
    if index == 0: signal.signal(signal.SIGTERM, signal.SIG_IGN)
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(100)"])
    print("pids", os.getpid(), child.pid, "of", index, flush=True)
    time.sleep(100)
    """
    with launch(text, "--workers=2", "--grace_seconds=1", run=start_cli) as process:
        text = read_until(process, "pids") + read_until(process, "pids")
        pids = [(int(a), int(b)) for a, b in re.findall(r"pids (\d+) (\d+) of", text)]
        assert len(pids) == 2
        assert all(is_running(pid) for pair in pids for pid in pair)
        process.send_signal(number)
        code = process.wait(timeout=60)
        assert code == (-9 if number == signal.SIGKILL else 128 + number)
        # If the launcher is killed, Linux kills only its workers.
        gone = [pid for pair in pids for pid in (pair[:1] if number == signal.SIGKILL else pair)]
        deadline = time.monotonic() + 60
        while any(map(is_running, gone)) and time.monotonic() < deadline:
            time.sleep(0.05)
        assert not any(map(is_running, gone))
        for _, child in pids:
            if is_running(child):
                os.kill(child, signal.SIGKILL)


@slow
@pytest.mark.skipif(not IS_KERAS_3, reason="the script needs Keras 3")
def test_a_custom_loop_has_the_f1_of_all_workers(tmp_path):
    result = run_cli_in_new_python(
        "launch", "--workers=2", f"--log_dir={tmp_path}", SCRIPTS / "loop.py"
    )
    assert result.returncode == 0, result.stderr
    values = _epochs(result.stdout)
    assert values[0] == values[1]
    assert result.stdout.count("rows 1797") == 4
    first, second = map(float, values[0])
    assert 0.2 < first < second < 1.0


@slow
def test_fit_of_the_users_own_has_the_f1_of_all_workers_or_a_hint(tmp_path):
    arguments = ["launch", "--workers=2", f"--log_dir={tmp_path}", SCRIPTS / "fit.py"]
    if IS_KERAS_3:
        result = run_cli_in_new_python(*arguments)
        assert result.returncode == 1
        assert "dist_f1.compat.keras3.repair_fit()" in result.stderr
        arguments += ["--", "--repair"]
    result = run_cli_in_new_python(*arguments)
    assert result.returncode == 0, result.stderr
    values = _epochs(result.stdout)
    assert values[0] == values[1]
    # The last value in the logs of fit is that of the metric.
    for line in re.findall(r"rows 1797, f1 (\S+)", result.stdout):
        assert line == values[0][-1]
    assert result.stdout.count("rows 1797") == 2


def _epochs(text):
    """Return the F1 of each epoch, as printed by each of two workers."""
    found = [re.findall(rf"\[worker {i}\] epoch \d+: .*?f1 (\S+)", text) for i in (0, 1)]
    assert [len(values) for values in found] == [2, 2]
    return found
