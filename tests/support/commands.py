"""Runs `dist-f1` as a user does, in a process of its own."""

import contextlib
import os
import signal
import subprocess
import sys
import time

from forking import ROOT, forked

MODULE = ("-m", "dist_f1.commands.main")
COMMAND = (sys.executable, *MODULE)


def dist_f1(*arguments, cwd=ROOT, timeout=600, **variables):
    """The finished process, with its output as text; TensorFlow was imported beforehand."""
    with dist_f1_begun(*arguments, cwd=cwd, **variables) as (_, wait):
        return wait(timeout)


def dist_f1_begun(*arguments, cwd=ROOT, **variables):
    """A process that runs, and what waits for it; it does not outlive the block."""
    return forked(*MODULE, *arguments, cwd=cwd, env=_environment(variables))


def dist_f1_from_scratch(*arguments, cwd=ROOT, timeout=600, **variables):
    """The same from a Python that is started for it."""
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        cwd=cwd,
        env=_environment(variables),
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


@contextlib.contextmanager
def started(*arguments, cwd=ROOT, **variables):
    """A process that runs, with its output in one pipe; it does not outlive the block."""
    process = subprocess.Popen(
        [*COMMAND, *map(str, arguments)],
        cwd=cwd,
        env=_environment(variables),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        # A shell that started the tests in the background has them ignore Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        process.stdout.close()


def read_until(process, text, timeout=120):
    """What the process has written up to a line that holds `text`."""
    lines, deadline = [], time.monotonic() + timeout
    for line in process.stdout:
        lines.append(line)
        if text in line:
            return "".join(lines)
        if time.monotonic() > deadline:
            break
    raise AssertionError(f"{text!r} did not come:\n{''.join(lines)}")


def is_running(pid):
    """Whether there is such a process, other than one that has ended and waits to be reaped."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def last_line(text):
    return text.strip().splitlines()[-1]


def _environment(variables):
    return {"TF_CPP_MIN_LOG_LEVEL": "3", **os.environ, **variables}
