"""`Run`: the processes of this machine in one start of a job."""

from __future__ import annotations

import contextlib
import itertools
import pathlib
import signal
import time
from collections.abc import Mapping, Sequence

from dist_f1.launching import cluster, failures, processes
from dist_f1.launching.console import Console
from dist_f1.launching.failures import Failure
from dist_f1.launching.guardian import Guardian
from dist_f1.launching.job import Job

POLL_SECONDS = 0.05
_PROBE_SECONDS = 1.0
# After a failure the other workers have nothing to save: their work since the last checkpoint is
# incomplete. They would not stop by themselves, because TensorFlow only notes SIGTERM.
AFTER_FAILURE_SECONDS = 2.0


class Run:
    """Starts the processes of a job, and watches them.

    Args:
        job: The job.
        ports: Port of each task, to see whether it has joined; empty if the ports are unknown.
        variables: Environment variables of each task.
        console: Console for the output and messages.
        guardian: Guardian of the launcher.
    """

    def __init__(
        self,
        job: Job,
        ports: Sequence[int],
        variables: Sequence[Mapping[str, str]],
        console: Console,
        guardian: Guardian,
    ) -> None:
        self._job, self._console = job, console
        self._failure: Failure | None = None
        self._workers: list[processes.Worker] = []
        directory = _new_directory(job.log_dir)
        try:
            for task, own in zip(job.tasks, variables, strict=True):
                worker = processes.Worker(task, job.command, own, directory, console, guardian)
                self._workers.append(worker)
        except BaseException:
            self.stop()
            raise
        self._joining = _JoinDeadline(self._workers, ports, job.join_timeout)
        pids = ", ".join(f"{worker.task.name} is process {worker.pid}" for worker in self._workers)
        console.log(f"dist-f1: {pids}; logs are in {directory}")

    def is_finished(self) -> bool:
        """Whether all tasks but the servers have succeeded."""
        return all(worker.poll() == 0 for worker in self._workers if not worker.task.is_server)

    def failure(self) -> Failure | None:
        """Return the root cause of a failure, if there is one; the others may still be running."""
        if self._failure is None:
            self._failure = self._find_failure()
        return self._failure

    def stop(self, grace_seconds: float | None = None) -> None:
        """Stop all processes, after a grace period if none of them has failed."""
        if grace_seconds is None:
            grace_seconds = self._job.grace_seconds
        limit = AFTER_FAILURE_SECONDS if self._failure else grace_seconds
        processes.stop(self._workers, min(grace_seconds, limit))

    def left(self) -> list[tuple[str, float]]:
        """Return the tasks that have exited with code 0, and the seconds since then."""
        now = time.time()
        return [(w.task.name, now - w.ended) for w in self._workers if w.poll() == 0]

    def show_later_failures(self) -> None:
        """Show the failures of other workers, after `stop`."""
        for worker in self._workers:
            other = worker.failure()
            is_first = self._failure is not None and worker.task == self._failure.task
            if other is not None and not is_first and other.kind != "ended":
                self._console.log(f"dist-f1: then {worker.task.name} {other.describe()}.")

    def _find_failure(self) -> Failure | None:
        if any(worker.failure() for worker in self._workers):
            # Wait for simultaneous failures.
            time.sleep(2 * POLL_SECONDS)
            found = [failure for worker in self._workers if (failure := worker.failure())]
            return self._blame_who_left(failures.root_cause(found))
        missing = self._joining.overdue_worker()
        if missing is not None:
            return self._describe_missing(missing)
        stalled = self._stalled_worker()
        return None if stalled is None else self._blame_who_left(self._describe_stall(stalled))

    def _blame_who_left(self, failure: Failure) -> Failure:
        """Return the exit of a worker with code 0 if the failure may follow from it."""
        leavers = [w for w in self._workers if w.poll() == 0 and not w.task.is_server]
        if not failure.may_follow or not leavers:
            return failure
        first = min(leavers, key=lambda worker: worker.ended)
        return failures.left(first.task, first.ended, failure)

    def _stalled_worker(self) -> processes.Worker | None:
        """Return the worker that has been without progress for longest, if it is overdue."""
        timeout = self._job.stall_timeout
        if not timeout:
            return None
        running = [w for w in self._workers if w.poll() is None and not w.task.is_server]
        if not any(worker.idle_seconds() > timeout for worker in running):
            return None
        # The others wait for a stopped worker, whose last call may be more recent than theirs.
        return max(running, key=lambda worker: (worker.is_stopped(), worker.idle_seconds()))

    def _describe_stall(self, worker: processes.Worker) -> Failure:
        state = ": a signal such as SIGSTOP has stopped it" if worker.is_stopped() else ""
        return self._hung(
            worker,
            f"{worker.task.name} has made no progress for {self._job.stall_timeout:g} s "
            f"(--stall_timeout){state}. The stacks of all workers are in the output above and in "
            "their logs. Raise --stall_timeout if steps are slow.",
        )

    def _describe_missing(self, worker: processes.Worker) -> Failure:
        return self._hung(
            worker,
            f"{worker.task.name} has not joined the cluster within {self._job.join_timeout:g} s "
            "of the first worker (--join_timeout), and the others wait for it. Above are the last "
            "lines of its log, with its stack.",
        )

    def _hung(self, worker: processes.Worker, explanation: str) -> Failure:
        """Return the failure of a worker that hangs, after all workers have shown their stacks."""
        for one in self._workers:
            one.send(signal.SIGUSR1)
        time.sleep(1.0)
        text = f"{failures.tail(worker.log)}\n{explanation}"
        return Failure(worker.task, 1, "hung", "", text, time.time())


class _JoinDeadline:
    """Checks that all tasks listen on their ports soon after the first one does."""

    def __init__(
        self, workers: Sequence[processes.Worker], ports: Sequence[int], timeout: float
    ) -> None:
        self._waiting = dict(zip(workers, ports, strict=True)) if len(ports) > 1 else {}
        self._count, self._timeout = len(self._waiting), timeout
        self._first_joined: float | None = None
        self._next_probe = 0.0

    def overdue_worker(self) -> processes.Worker | None:
        """Return a worker that has exceeded the time-out, if any."""
        now = time.monotonic()
        if not self._waiting or now < self._next_probe:
            return None
        self._next_probe = now + _PROBE_SECONDS
        for worker, port in list(self._waiting.items()):
            if worker.poll() is not None or cluster.is_listening(port):
                del self._waiting[worker]
        if self._first_joined is None:
            self._first_joined = now if len(self._waiting) < self._count else None
        elif self._waiting and now - self._first_joined > self._timeout:
            return next(iter(self._waiting))
        return None


def _new_directory(log_dir: pathlib.Path) -> pathlib.Path:
    """Make the next of `start-0`, `start-1`, ...; earlier logs are kept."""
    log_dir.mkdir(parents=True, exist_ok=True)
    for number in itertools.count():
        directory = log_dir / f"start-{number}"
        with contextlib.suppress(FileExistsError):
            directory.mkdir()
            return directory
    raise AssertionError
