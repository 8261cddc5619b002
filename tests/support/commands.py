"""Runs `dist-f1` in a process of its own, as a user does."""

import contextlib
import os
import signal
import subprocess
import sys
import threading

from forking import ROOT, forked

MODULE = ("-m", "dist_f1.commands.main")
COMMAND = (sys.executable, *MODULE)
_WITHOUT_TENSORFLOW = """
import sys

class Blocker:
    def find_spec(self, name, *_):
        if name == "tensorflow":
            raise ImportError("this process must not import TensorFlow")

sys.meta_path.insert(0, Blocker())
from dist_f1.commands import main
main.run()
"""


def run_cli(*arguments, cwd=ROOT, timeout=600, **variables):
    """Return the finished process, with its output as text. It starts with TensorFlow imported."""
    with spawn_cli(*arguments, cwd=cwd, **variables) as (_, wait):
        return wait(timeout)


def spawn_cli(*arguments, cwd=ROOT, **variables):
    """Yield a running process and a function that waits for it. The process ends with the block."""
    return forked(*MODULE, *arguments, cwd=cwd, env=_environment(variables))


def run_cli_in_new_python(*arguments, command=COMMAND, cwd=ROOT, timeout=600, **variables):
    """Return the finished process of a new Python."""
    return subprocess.run(
        [*command, *map(str, arguments)],
        cwd=cwd,
        env=_environment(variables),
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def run_cli_without_tensorflow(*arguments, **options):
    """Return the finished process of a new Python in which importing TensorFlow fails."""
    command = (sys.executable, "-c", _WITHOUT_TENSORFLOW)
    options = {"CUDA_VISIBLE_DEVICES": "-1", "PYTHONPATH": str(ROOT), **options}
    return run_cli_in_new_python(*arguments, command=command, **options)


def start_cli(*arguments, **options):
    """Yield a running process with its output in one pipe. The process ends with the block."""
    return start_process(*COMMAND, *arguments, **options)


@contextlib.contextmanager
def start_process(*command, cwd=ROOT, timeout=300, **variables):
    """Yield a running process, killed after `timeout` seconds. It ends with the block."""
    process = subprocess.Popen(
        list(map(str, command)),
        cwd=cwd,
        env=_environment(variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        preexec_fn=reset_signals,
    )
    # Reading a line has no time-out.
    alarm = threading.Timer(timeout, process.kill)
    alarm.start()
    try:
        yield process
    finally:
        alarm.cancel()
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        process.stdout.close()


def read_until(process, text):
    """Return the output up to a line that contains `text`."""
    lines = []
    for line in process.stdout:
        lines.append(line)
        if text in line:
            return "".join(lines)
    raise AssertionError(f"{text!r} did not appear:\n{''.join(lines)}")


def is_running(pid):
    """Whether a process with this id exists and is not a zombie."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def last_line(text):
    return text.strip().splitlines()[-1]


def reset_signals():
    """Handle signals as usual: a shell lets background programs ignore Ctrl-C, and nohup SIGHUP."""
    for number in (signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def _environment(variables):
    return {"TF_CPP_MIN_LOG_LEVEL": "3", **os.environ, **variables}
