"""Runs a process that may hang or abort, and returns how it ended."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Mapping, Sequence
from typing import NamedTuple

# Stack traces of failed C++ checks, and messages that libtpu always prints without a TPU.
_NOISE = re.compile(
    r"^(\*\*\* |\s+@ |Fatal Python error|  File )|coredump_hook|host bounds|before InitGoogle"
)
_LONGEST = 600


class ProcessResult(NamedTuple):
    """How a process ended.

    Fields:
        problem: Reason of a failure, e.g. "aborted (SIGABRT)", or `None`.
        message: Last lines of standard error.
    """

    problem: str | None
    message: str


def run(command: Sequence[str], environ: Mapping[str, str], timeout: float) -> ProcessResult:
    """Run a command, and kill it after a time-out in seconds."""
    process = subprocess.Popen(
        command,
        env=dict(environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        _, errors = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        # Kill its children too; the process leads its own session.
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return ProcessResult(f"timed out after {timeout:g} s", "")
    return ProcessResult(_problem(process.returncode), last_words(errors.decode(errors="replace")))


def last_words(text: str) -> str:
    """Return the last lines of a process in one line, without stack traces."""
    lines = [line for line in text.splitlines() if line.strip() and not _NOISE.search(line)]
    return " ".join(" ".join(lines[-3:]).split())[:_LONGEST]


def _problem(code: int) -> str | None:
    if code == 0:
        return None
    if code < 0:
        return f"aborted ({signal.Signals(-code).name})"
    return f"ended with exit code {code}"
