"""Worker processes, each in its own process group."""

import contextlib
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence

from dist_f1.launching import bootstrap, failures, heartbeat
from dist_f1.launching.cluster import Task
from dist_f1.launching.console import Console, Copier
from dist_f1.launching.guardian import Guardian

# Space for the message or traceback of a worker on a full disk.
_RESERVED_BYTES = 1 << 16


class Worker:
    """The running process of a task.

    Args:
        task: The task.
        command: A script and its arguments, or `-m`, a module and its arguments.
        variables: Environment variables in addition to those of this process.
        directory: Directory for the log, the error file and the file of `heartbeat.alive`.
        console: Console that shows the output.
        guardian: Kills the children of the process if this process is killed.
    """

    def __init__(
        self,
        task: Task,
        command: Sequence[str],
        variables: Mapping[str, str],
        directory: pathlib.Path,
        console: Console,
        guardian: Guardian,
    ) -> None:
        self.task = task
        self._guardian = guardian
        self.log = directory / f"{task.file_name}.log"
        self._error_file = directory / f"{task.file_name}.failure.json"
        self._reserved = pathlib.Path(f"{self._error_file}{bootstrap.RESERVED}")
        self._reserved.write_bytes(bytes(_RESERVED_BYTES))
        self._exit_code: int | None = None
        self._ended = 0.0
        self._alive_file = directory / f"{task.file_name}.alive"
        self._alive_file.touch()
        self._alive_time, self._alive_at = 0, time.monotonic()
        environment = {
            **os.environ,
            "PYTHONUNBUFFERED": "1",
            bootstrap.ERROR_FILE: str(self._error_file.absolute()),
            bootstrap.LAUNCHER: str(os.getpid()),
            heartbeat.ALIVE_FILE: str(self._alive_file.absolute()),
            **variables,
        }
        self._log_file = open(self.log, "wb")  # noqa: SIM115
        # A new session keeps Ctrl-C from the worker: the launcher stops it, with its children.
        self._process = subprocess.Popen(
            [sys.executable, bootstrap.__file__, *command],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        guardian.add(self.pid)
        prefix = f"[{task.name}] "
        pipes = (("out", self._process.stdout), ("err", self._process.stderr))
        self._copiers: list[threading.Thread] = [
            Copier(pipe, stream, prefix, console, self._log_file)  # type: ignore[arg-type]
            for stream, pipe in pipes
        ]
        for copier in self._copiers:
            copier.start()

    @property
    def pid(self) -> int:
        """Id of the process and of its group."""
        return self._process.pid

    def poll(self) -> int | None:
        """Return the exit code, or `None` while the process runs."""
        if self._exit_code is None and self._has_exited():
            # Signal the group before reaping the process: until then its id cannot be reused.
            self._signal_group(signal.SIGKILL)
            self._guardian.remove(self.pid)
            self._exit_code, self._ended = self._process.wait(), time.time()
            # A child in another session may keep the pipes open.
            deadline = time.monotonic() + 1.0
            for copier in self._copiers:
                copier.join(timeout=max(0.0, deadline - time.monotonic()))
            with contextlib.suppress(OSError):
                self._reserved.unlink(missing_ok=True)
                self._append_traceback()
                self._log_file.close()
        return self._exit_code

    def failure(self) -> failures.Failure | None:
        """Return the failure, if there is one; the process may still be running."""
        exit_code = self.poll()
        return failures.read_failure(self.task, exit_code, self._error_file, self.log, self._ended)

    @property
    def ended(self) -> float:
        """Time of the exit, as in `time.time()`; 0 while the process runs."""
        return self._ended

    def idle_seconds(self) -> float:
        """Return the seconds since the process started or last called `heartbeat.alive`."""
        with contextlib.suppress(OSError):
            changed = self._alive_file.stat().st_mtime_ns
            if changed != self._alive_time:
                # The clock of the file system may differ from that of this machine.
                self._alive_time, self._alive_at = changed, time.monotonic()
        return time.monotonic() - self._alive_at

    def is_stopped(self) -> bool:
        """Whether a signal, e.g. SIGSTOP, has stopped the process, which Linux shows."""
        with contextlib.suppress(OSError):
            status = pathlib.Path(f"/proc/{self.pid}/stat").read_text()
            return status.rpartition(")")[2].split()[0] in ("T", "t")
        return False

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the process if it still runs."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Kill the process and its children."""
        if self.poll() is None:
            self._signal_group(signal.SIGKILL)

    def _has_exited(self) -> bool:
        options = os.WEXITED | os.WNOHANG | os.WNOWAIT
        return os.waitid(os.P_PID, self.pid, options) is not None

    def _signal_group(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    def _append_traceback(self) -> None:
        failure = self.failure()
        if failure is not None and failure.kind != "ended" and failure.text:
            self._log_file.write(failure.text.encode())


def stop(workers: Sequence[Worker], grace_seconds: float) -> None:
    """Send SIGTERM to all workers, and SIGKILL to those that run after the grace period.

    Servers are stopped last: they may hold the results of other workers.
    """
    deadline = time.monotonic() + grace_seconds
    for is_server in (False, True):
        selected = [worker for worker in workers if worker.task.is_server == is_server]
        for worker in selected:
            worker.send(signal.SIGTERM)
        while time.monotonic() < deadline and any(worker.poll() is None for worker in selected):
            time.sleep(0.02)
        for worker in selected:
            worker.kill()
        while any(worker.poll() is None for worker in selected):
            time.sleep(0.02)
