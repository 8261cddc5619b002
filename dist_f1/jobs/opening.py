"""Opening a run directory: one job at a time, and the same directory on all workers."""

import contextlib
import os
import secrets
import time
from collections.abc import Iterator
from typing import Any

import tensorflow as tf

from dist_f1.jobs import coordination, settings
from dist_f1.jobs.run_dir import RunDir
from dist_f1.jobs.run_lock import LOCKED_BY_LAUNCHER, RunLock
from dist_f1.launching.errors import UserError
from dist_f1.replicas import contexts

# How long a worker waits for the files of the chief to appear in the run directory.
_SHARED_SECONDS = 60.0
# A launcher shows the error of the first worker that ends, which must be the chief.
_AFTER_CHIEF_SECONDS = 1.0


@contextlib.contextmanager
def opened(
    run_dir: RunDir, strategy: tf.distribute.Strategy, config: dict[str, Any]
) -> Iterator[tuple[int, bool]]:
    """Lock and prepare the directory on the chief until the block ends. All workers call it.

    A launcher holds the lock instead of its workers.

    Yields a token, by which the workers see whether they share the directory, and on the chief
    whether the directory holds a run.

    Raises:
        UserError: Another job uses the directory, it cannot be written, or it holds other files or
            a run with other settings. All workers raise the error.
    """
    error, is_resumed = None, False
    with contextlib.ExitStack() as stack:
        if contexts.is_chief(strategy):
            try:
                run_dir.check_is_run_dir()
                if LOCKED_BY_LAUNCHER not in os.environ:
                    stack.enter_context(RunLock(run_dir.path))
                is_resumed = run_dir.prepare(config, settings.MAY_CHANGE)
            except UserError as caught:
                error = caught
        token = coordination.broadcast_from_chief(strategy, -1 if error else secrets.randbits(31))
        if error is not None:
            raise error
        if token < 0:
            time.sleep(_AFTER_CHIEF_SECONDS)
            raise UserError(f"the chief cannot use --run_dir={run_dir.path}. See its message.")
        yield token, is_resumed


def check_shared(run_dir: RunDir, token: int) -> None:
    """Wait until the directory holds the token that the chief has written.

    Raises:
        UserError: The token has not appeared, so this worker has another directory.
    """
    # A network file system may show the file later.
    deadline = time.monotonic() + _SHARED_SECONDS
    while run_dir.token() != token:
        if time.monotonic() > deadline:
            raise UserError(
                f"--run_dir={run_dir.path} is not the directory that the chief writes to. Use one "
                "on a file system that all workers share."
            )
        time.sleep(0.1)
