"""The process of one task: started in a group of its own, ended by its id."""

from __future__ import annotations

import contextlib
import os
import pathlib
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence

from dist_f1.launching import bootstrap, failures
from dist_f1.launching.cluster import Task
from dist_f1.launching.console import Console, Copier


class Worker:
    """A running task.

    Args:
        task: which one.
        command: a script and its arguments, or `-m`, a module and its arguments.
        variables: of its environment, beside those of this process.
        directory: where its log and its record of failure go.
        console: where its lines are shown.
    """

    def __init__(
        self,
        task: Task,
        command: Sequence[str],
        variables: dict[str, str],
        directory: pathlib.Path,
        console: Console,
    ) -> None:
        self.task = task
        self.log = directory / f"{task.file_name}.log"
        self._record = directory / f"{task.file_name}.failure.json"
        self._exit_code: int | None = None
        self._ended = 0.0
        environment = {
            **os.environ,
            "PYTHONUNBUFFERED": "1",
            bootstrap.RECORD: str(self._record.absolute()),
            bootstrap.LAUNCHER: str(os.getpid()),
            **variables,
        }
        self._log_file = open(self.log, "wb")  # noqa: SIM115
        # In a session of its own, Ctrl-C reaches the launcher alone, which then ends the workers;
        # and what a worker has started itself is ended along with it.
        self._process = subprocess.Popen(
            [sys.executable, bootstrap.__file__, *command],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
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
        """The id of the process, and of its group."""
        return self._process.pid

    def poll(self) -> int | None:
        """The exit code, or `None` while it runs."""
        if self._exit_code is None and self._has_exited():
            # Before the process is reaped: until then nothing else can have its id.
            self._signal_group(signal.SIGKILL)
            self._exit_code, self._ended = self._process.wait(), time.time()
            # A child in a session of its own may hold the pipes.
            deadline = time.monotonic() + 1.0
            for copier in self._copiers:
                copier.join(timeout=max(0.0, deadline - time.monotonic()))
            with contextlib.suppress(OSError):
                self._append_traceback()
                self._log_file.close()
        return self._exit_code

    def failure(self) -> failures.Failure | None:
        """How it failed, if it has; the process may still be about to end."""
        exit_code = self.poll()
        return failures.of(self.task, exit_code, self._record, self.log, self._ended)

    def send(self, number: signal.Signals) -> None:
        """Sends a signal to the process, if it still runs."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """Ends the process, and all that it has started, at once."""
        if self.poll() is None:
            self._signal_group(signal.SIGKILL)

    def _has_exited(self) -> bool:
        options = os.WEXITED | os.WNOHANG | os.WNOWAIT
        return os.waitid(os.P_PID, self.pid, options) is not None

    def _signal_group(self, number: signal.Signals) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, number)

    def _append_traceback(self) -> None:
        failure = failures.of(self.task, self._exit_code, self._record, self.log, self._ended)
        if failure is not None and failure.kind != "ended" and failure.text:
            self._log_file.write(failure.text.encode())


def end(workers: Sequence[Worker], grace_seconds: float) -> None:
    """Asks all to end, and kills those that have not within the time.

    Those that serve come last: what others have computed may be with them.
    """
    deadline = time.monotonic() + grace_seconds
    for serving in (False, True):
        mine = [worker for worker in workers if worker.task.serves == serving]
        for worker in mine:
            worker.send(signal.SIGTERM)
        while time.monotonic() < deadline and any(worker.poll() is None for worker in mine):
            time.sleep(0.02)
        for worker in mine:
            worker.kill()
        while any(worker.poll() is None for worker in mine):
            time.sleep(0.02)
