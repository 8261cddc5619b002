"""The lock of a run directory: one job at a time writes it."""

import contextlib
import dataclasses
import errno
import json
import os
import pathlib
import socket
import time
import types
import warnings
from typing import Any

import filelock

from dist_f1.counts.atomic_write import atomic_write, explained
from dist_f1.jobs.run_dir import HOLDER, LOCK
from dist_f1.launching.errors import UserError

# Variable of workers whose launcher holds the lock.
LOCKED_BY_LAUNCHER = "DIST_F1_RUN_DIR_LOCKED"

# A job that has been killed may hold the lock for a moment, until its process has ended.
_ACQUIRE_SECONDS = 1.0
# The holder writes its record after it has acquired the lock.
_RECORD_SECONDS = 2.0
_POLL_SECONDS = 0.05
_UNSUPPORTED = (errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOLCK)
# A marker file in place of a kernel's lock would outlive a holder that is killed.
_CAN_CHOOSE = hasattr(filelock.FileLock, "fallback_to_soft")
_ONLY_KERNEL: Any = {"fallback_to_soft": False} if _CAN_CHOOSE else {}


@dataclasses.dataclass(frozen=True)
class Holder:
    """The process that holds a lock.

    Args:
        pid: Process id; 0 if unknown.
        host: Name of the host of the process.
        since: Time at which the process acquired the lock.
    """

    pid: int = 0
    host: str = ""
    since: str = ""

    def describe(self) -> str:
        """Return a text for a message."""
        if not self.pid:
            return "another process"
        return f"process {self.pid} on host {self.host} since {self.since}"

    def may_run(self) -> bool:
        """Whether the process may be running: on another host, nobody can tell."""
        if self.host != socket.gethostname():
            return bool(self.pid)
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            pass
        return bool(self.pid)


class RunLock:
    """The lock of a run directory, which the chief holds while its job runs.

    The kernel releases the lock when the process ends, also by SIGKILL. If the file system has no
    locks, a warning replaces the protection.

    Example:
        >>> import tempfile
        >>> run_dir = tempfile.mkdtemp()
        >>> with RunLock(run_dir):
        ...     "is in use by process" in RunLock(run_dir).try_acquire()
        True
    """

    def __init__(self, run_dir: str | os.PathLike[str]) -> None:
        self._path = pathlib.Path(run_dir)
        self._record: Holder | None = None
        self._lock = filelock.FileLock(self._path / LOCK, thread_local=False, **_ONLY_KERNEL)

    def __enter__(self) -> "RunLock":
        """Acquire the lock."""
        self.acquire()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: types.TracebackType | None,
    ) -> None:
        """Release the lock."""
        self.release()

    def acquire(self) -> None:
        """Make the directory and acquire the lock, without waiting for another job.

        Raises:
            UserError: Another process holds the lock, or the directory cannot be written.
        """
        try:
            with explained(self._path):
                self._path.mkdir(parents=True, exist_ok=True)
            with explained(self._path / LOCK):
                is_locked = self._try_to_lock()
            if not is_locked:
                raise UserError(
                    f"--run_dir={self._path} is in use by {self._read_holder().describe()}. Wait "
                    "until that job has ended, or use another --run_dir."
                )
            now = time.strftime("%Y-%m-%d %H:%M:%S %Z")
            self._record = Holder(os.getpid(), socket.gethostname(), now)
            record = json.dumps(dataclasses.asdict(self._record), indent=2)
            atomic_write(self._path / HOLDER, record + "\n")
        except OSError as error:
            self.release()
            raise UserError(error.strerror) from error

    def try_acquire(self) -> str:
        """Acquire the lock if this object does not hold it; return why that is impossible."""
        if self._record is None:
            try:
                self.acquire()
            except UserError as error:
                return str(error)
        return ""

    def release(self) -> None:
        """Release the lock if this object holds it."""
        # The directory may have been replaced by that of another job.
        if self._record is not None and self._read_record() == self._record:
            with contextlib.suppress(OSError):
                (self._path / HOLDER).unlink()
        self._record = None
        with contextlib.suppress(OSError):
            self._lock.release()

    def _try_to_lock(self) -> bool:
        """Lock the file; `False` if another process holds the lock."""
        try:
            self._lock.acquire(timeout=_ACQUIRE_SECONDS, poll_interval=_POLL_SECONDS)
        except filelock.Timeout:
            return False
        except (NotImplementedError, OSError) as error:
            if isinstance(error, OSError) and error.errno not in _UNSUPPORTED:
                raise
            warnings.warn(
                f"The file system of {self._path} has no locks ({error}). Make sure that no other "
                "job uses this --run_dir.",
                stacklevel=2,
            )
        return True

    def _read_holder(self) -> Holder:
        """Return the record of the holder, as soon as it has replaced that of a killed one."""
        deadline = time.monotonic() + _RECORD_SECONDS
        while True:
            record = self._read_record()
            if record is not None and record.may_run():
                return record
            if time.monotonic() > deadline:
                return Holder()
            time.sleep(_POLL_SECONDS)

    def _read_record(self) -> Holder | None:
        try:
            return Holder(**json.loads((self._path / HOLDER).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None
