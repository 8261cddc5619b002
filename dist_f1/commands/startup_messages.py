"""Messages of TensorFlow's start: hidden from the console, unless the start fails."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator

_SHOW, _HIDE = b"s", b"h"
_BLOCK = 2**16


@contextlib.contextmanager
def held_messages() -> Iterator[None]:
    """Hold back what this process writes to standard error, and write it if the block fails.

    TensorFlow's C++ code writes to the file descriptor, so the descriptor is replaced by a pipe. A
    child process reads the pipe. The messages therefore also appear if the process crashes. A
    variable `TF_CPP_MIN_LOG_LEVEL` in the environment means that the user wants to see the
    messages of that level at once, so nothing is held back.
    """
    if "TF_CPP_MIN_LOG_LEVEL" in os.environ or not hasattr(os, "fork"):
        yield
        return
    sys.stderr.flush()
    messages, verdict = os.pipe(), os.pipe()
    console = os.dup(2)
    child = os.fork()
    if child == 0:
        os.close(messages[1])
        os.close(verdict[1])
        _keep_messages(messages[0], verdict[0], console)
    os.close(messages[0])
    os.close(verdict[0])
    os.dup2(messages[1], 2)
    os.close(messages[1])
    outcome = _SHOW
    try:
        yield
        outcome = _HIDE
    except SystemExit:
        # The user has ended the process by Ctrl-C.
        outcome = _HIDE
        raise
    finally:
        sys.stderr.flush()
        # Closes this end of the pipe too.
        os.dup2(console, 2)
        os.close(console)
        with contextlib.suppress(BrokenPipeError):
            os.write(verdict[1], outcome)
        os.close(verdict[1])
        with contextlib.suppress(ChildProcessError):
            os.waitpid(child, 0)


def _keep_messages(messages: int, verdict: int, console: int) -> None:
    """Read messages up to the verdict or the end of the process, and never return."""
    try:
        kept = bytearray()
        os.setsid()
        while block := os.read(messages, _BLOCK):
            kept += block
        # A process that crashed has closed the pipe without a verdict.
        if os.read(verdict, 1) != _HIDE:
            while kept:
                del kept[: os.write(console, kept)]
    finally:
        os._exit(0)
