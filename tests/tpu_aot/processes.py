"""Runs a process that may never end, or be ended by what it loads, and tells what became of it."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Mapping, Sequence
from typing import NamedTuple

# Where a failed check of C++ tells of the stack, and what libtpu always says without a TPU.
_NOISE = re.compile(
    r"^(\*\*\* |\s+@ |Fatal Python error|  File )|coredump_hook|host bounds|before InitGoogle"
)
_LONGEST = 600


class Ended(NamedTuple):
    """How a process ended.

    Fields:
        problem: `None` if it ended well, or in words: "timed out", "aborted (SIGABRT)".
        message: what it said last, on standard error.
    """

    problem: str | None
    message: str


def run(command: Sequence[str], environ: Mapping[str, str], timeout: float) -> Ended:
    """Runs a command to its end, or to that of its time, in seconds."""
    process = subprocess.Popen(
        command,
        env=dict(environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    try:
        _, said = process.communicate(timeout=timeout)
    except subprocess.TimeoutExpired:
        # With what it has started: it is a session of its own.
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        return Ended(f"timed out after {timeout:g} s", "")
    return Ended(_problem(process.returncode), last_words(said.decode(errors="replace")))


def last_words(text: str) -> str:
    """What a process said before it ended, without stacks, in one line."""
    lines = [line for line in text.splitlines() if line.strip() and not _NOISE.search(line)]
    return " ".join(" ".join(lines[-3:]).split())[:_LONGEST]


def _problem(code: int) -> str | None:
    if code == 0:
        return None
    if code < 0:
        return f"aborted ({signal.Signals(-code).name})"
    # A shell's way to tell of a signal.
    return f"ended with exit code {code}"
