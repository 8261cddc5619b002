"""`dist-f1 launch` with real processes: what they are told, and what becomes of them."""

import json
import os
import pathlib
import re
import signal
import socket
import textwrap
import time

import pytest
import tensorflow as tf
from commands import dist_f1, is_running, last_line, read_until, started

SCRIPTS = pathlib.Path(__file__).parent / "scripts"
IS_KERAS_3 = hasattr(tf.keras, "ops")


@pytest.fixture
def launch(tmp_path):
    """Launches the text of a script, which knows the number of its worker as `index`."""

    def run(text, *flags, arguments=(), process=dist_f1, **variables):
        script = tmp_path / "script.py"
        head = "import json, os, sys, time, signal\n"
        head += "index = json.loads(os.environ['TF_CONFIG'])['task']['index']\n"
        script.write_text(head + textwrap.dedent(text))
        flags = (f"--log_dir={tmp_path / 'logs'}", *flags)
        return process("launch", *flags, script, "--", *arguments, **variables)

    return run


def log(tmp_path, index, start=0):
    return (tmp_path / "logs" / f"start-{start}" / f"worker-{index}.log").read_text()


def test_a_script_runs_as_python_runs_it_once_in_each_worker(launch, tmp_path):
    result = launch(
        """
        import other
        print("told", json.dumps([index, sys.argv[1:], __name__, other.__name__]))
        print("to standard error", file=sys.stderr)
        """,
        "--workers=2",
        arguments=["--x=1", "two words"],
        PYTHONPATH="",
        cwd=_with_module(tmp_path, "other", ""),
    )
    assert result.returncode == 0, result.stderr
    for index in (0, 1):
        told = json.dumps([index, ["--x=1", "two words"], "__main__", "other"])
        assert f"[worker {index}] told {told}\n" in result.stdout
        assert f"[worker {index}] to standard error\n" in result.stderr
        assert f"told {told}\n" in log(tmp_path, index)
        assert "to standard error\n" in log(tmp_path, index)


def test_a_module_runs_and_the_cpu_is_split_once_tensorflow_is_there(tmp_path):
    _with_module(
        tmp_path,
        "program",
        """
        import os, sys
        # What has to be set before TensorFlow is imported can be.
        assert "tensorflow" not in sys.modules
        import tensorflow as tf
        print(len(tf.config.list_logical_devices("CPU")), sys.argv[1:])
        """,
    )
    flags = ("--workers=1", "--cpu_devices=3", "--log_dir=logs", "-m", "program", "--", "a")
    result = dist_f1("launch", *flags, cwd=tmp_path, PYTHONPATH=os.getcwd())
    assert result.returncode == 0, result.stderr
    assert "[worker 0] 3 ['a']" in result.stdout


def test_the_traceback_of_the_worker_that_failed_is_shown_first_and_the_others_are_ended(
    launch, tmp_path
):
    began = time.monotonic()
    result = launch(
        """
        class UnavailableError(Exception): pass
        try:
            if index == 1:
                time.sleep(0.5)
                raise ValueError("no luck")
            while not os.path.exists(os.environ["FAILED"]): time.sleep(0.01)
            raise UnavailableError("the other has gone")
        except ValueError:
            open(os.environ["FAILED"], "w").close()
            raise
        finally:
            # Ends long after the failure.
            time.sleep(1)
        """,
        "--workers=3",
        FAILED=str(tmp_path / "failed"),
    )
    assert time.monotonic() - began < 30
    assert result.returncode == 1
    first, second = result.stderr.index("no luck"), result.stderr.find("UnavailableError")
    assert "worker 1 failed first" in result.stderr[:first]
    assert second == -1 or first < second
    assert "raise ValueError" in result.stderr
    assert "runpy" not in result.stderr
    assert "bootstrap" not in result.stderr
    assert "ValueError: no luck" in log(tmp_path, 1)


@pytest.mark.parametrize(
    ("end", "code", "said"),
    [
        ("os._exit(7)", 7, "exit code 7"),
        ("os.kill(os.getpid(), signal.SIGKILL)", 137, "killed by SIGKILL"),
    ],
)
def test_the_exit_code_is_passed_on_and_the_log_shown(launch, end, code, said):
    result = launch(
        f"""
        print("last words", flush=True)
        if index == 0: {end}
        time.sleep(60)
        """,
        "--workers=2",
    )
    assert result.returncode == code
    assert said in result.stderr
    assert "last words" in result.stderr


def test_a_job_is_started_again_as_often_as_is_allowed(launch, tmp_path):
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


def test_a_program_that_says_why_it_stops_is_not_started_again(launch):
    result = launch(
        "sys.exit('there is no such data' if index else 0)", "--workers=2", "--max_restarts=3"
    )
    assert result.returncode == 1
    assert result.stderr.count("there is no such data") == 1
    assert "restart" not in result.stderr


def test_a_worker_that_hangs_at_the_start_is_named_within_the_time(launch):
    began = time.monotonic()
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
        "--start_timeout=5",
    )
    assert time.monotonic() - began < 60
    assert result.returncode == 1
    assert "worker 1 has not joined the cluster within 5 s" in result.stderr
    assert "in hang_here" in result.stderr


def test_a_port_that_is_taken_is_named_before_anything_is_started(launch, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = launch("print('here')", "--workers=1", f"--port={port}")
    assert result.returncode == 1
    assert f"port {port} is taken" in last_line(result.stderr)
    assert "here" not in result.stdout
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_a_signal_to_the_launcher_leaves_no_process(launch, number):
    # One that ignores what it is asked, and one with a child of its own.
    text = """
    import subprocess
    if index == 0: signal.signal(signal.SIGTERM, signal.SIG_IGN)
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(100)"])
    print("pids", os.getpid(), child.pid, "of", index, flush=True)
    time.sleep(100)
    """
    with launch(text, "--workers=2", "--grace_seconds=2", process=started) as process:
        text = read_until(process, "pids") + read_until(process, "pids")
        pids = [(int(a), int(b)) for a, b in re.findall(r"pids (\d+) (\d+) of", text)]
        assert len(pids) == 2
        assert all(is_running(pid) for pair in pids for pid in pair)
        began = time.monotonic()
        process.send_signal(number)
        code = process.wait(timeout=10)
        assert code == (-9 if number == signal.SIGKILL else 128 + number)
        # When the launcher is killed itself, only its workers can be ended along with it.
        gone = [pid for pair in pids for pid in (pair[:1] if number == signal.SIGKILL else pair)]
        while any(map(is_running, gone)) and time.monotonic() - began < 10:
            time.sleep(0.05)
        assert not any(map(is_running, gone))
        for _, child in pids:
            if is_running(child):
                os.kill(child, signal.SIGKILL)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere.py"], "there is no script 'nowhere.py'"),
        ([], "name a script, or a module with -m"),
        (["--workers=0", "x.py"], "--workers=0: 0 is not a positive integer"),
    ],
)
def test_what_cannot_be_launched_is_said_in_one_line(arguments, message):
    result = dist_f1("launch", *arguments)
    assert result.returncode == 1
    assert message in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.skipif(not IS_KERAS_3, reason="the custom loop is for Keras 3")
def test_a_custom_loop_of_the_users_own_has_the_f1_of_all_workers(tmp_path):
    result = dist_f1("launch", "--workers=2", f"--log_dir={tmp_path}", SCRIPTS / "loop.py")
    assert result.returncode == 0, result.stderr
    values = _epochs(result.stdout)
    assert values[0] == values[1]
    assert result.stdout.count("rows 1797") == 4
    first, second = map(float, values[0])
    assert 0.2 < first < second < 1.0


def test_fit_of_the_users_own_has_the_f1_of_all_workers_or_a_hint(tmp_path):
    result = dist_f1("launch", "--workers=2", f"--log_dir={tmp_path}", SCRIPTS / "fit.py")
    if IS_KERAS_3:
        assert result.returncode == 1
        assert "Keras 3's own fit, evaluate and predict do not work" in result.stderr
        assert "TF_USE_LEGACY_KERAS=1" in result.stderr
        return
    assert result.returncode == 0, result.stderr
    values = _epochs(result.stdout)
    assert values[0] == values[1]
    # What fit has logged is what the metric itself tells.
    for line in re.findall(r"rows 1797, f1 (\S+)", result.stdout):
        assert line == values[0][-1]
    assert result.stdout.count("rows 1797") == 2


def _epochs(text):
    """The F1 of each epoch, as each of two workers has printed it."""
    found = [re.findall(rf"\[worker {i}\] epoch \d+: .*?f1 (\S+)", text) for i in (0, 1)]
    assert [len(values) for values in found] == [2, 2]
    return found


def _with_module(directory, name, text):
    (directory / f"{name}.py").write_text(textwrap.dedent(text))
    return directory
