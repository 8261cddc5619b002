"""The heartbeat of a worker: `alive` changes the time of a file, which its launcher watches."""

import contextlib
import faulthandler
import os
import time
from collections.abc import Iterator

# Path of the file of this worker; its launcher reads the time of the last change.
ALIVE_FILE = "DIST_F1_ALIVE_FILE"

# Training loops call `alive` in every step.
_MIN_SECONDS = 1.0

_last_seconds = -_MIN_SECONDS
_own_timeout = 0.0


def alive() -> None:
    """Report that this worker makes progress.

    `dist-f1 launch --stall_timeout=S` restarts a job if a worker does not call this function for
    S seconds, counted from its start. Call it in every step: most calls return at once. Without a
    launcher, the function has no effect.

    Example:
        >>> for step in range(3):
        ...     alive()
    """
    global _last_seconds
    now = time.monotonic()
    if now - _last_seconds < _MIN_SECONDS:
        return
    _last_seconds = now
    if _own_timeout:
        faulthandler.dump_traceback_later(_own_timeout, exit=True)
    path = os.environ.get(ALIVE_FILE)
    if path:
        # A full disk must not stop the worker; the time of an existing file needs no space.
        with contextlib.suppress(OSError):
            os.utime(path)


@contextlib.contextmanager
def ends_if_stalled(timeout: float) -> Iterator[None]:
    """End this process, which has no launcher, `timeout` seconds after the last call of `alive`.

    The process prints the Python stack of each thread, and exits with code 1. The time runs from
    the first call on: before it, a worker may wait for others that a scheduler has not started.
    `timeout=0` has no effect.
    """
    global _own_timeout, _last_seconds
    if os.environ.get(ALIVE_FILE) or not timeout:
        yield
        return
    _own_timeout, _last_seconds = timeout, -_MIN_SECONDS
    try:
        yield
    finally:
        _own_timeout = 0.0
        faulthandler.cancel_dump_traceback_later()
