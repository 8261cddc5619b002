"""Runs the processes of a job to their end: watches, ends, and restarts them."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import pathlib
import signal
import time
from collections.abc import Iterator, Sequence

from dist_f1.launching import cluster, failures, processes
from dist_f1.launching.cluster import Task
from dist_f1.launching.console import Console
from dist_f1.launching.failures import Failure

_POLL_SECONDS = 0.05
_PROBE_SECONDS = 1.0
# How often a job is started with other ports, if one that was free has been taken meanwhile.
_PORT_ATTEMPTS = 3
# After a failure the others have nothing to save: what they computed since the last checkpoint is
# not whole. They would not end by themselves, since TensorFlow takes SIGTERM for a notice.
_AFTER_FAILURE_SECONDS = 2.0


@dataclasses.dataclass(frozen=True)
class Job:
    """What is to be run, and how patiently.

    Args:
        command: a script and its arguments, or `-m`, a module and its arguments.
        tasks: a process for each.
        log_dir: gets a directory for each start, with a log of each task.
        outside: whether the environment already tells a task its place in a cluster.
        gpus: to be divided; see `cluster.environments`.
        cpu_devices: of each worker where there is no GPU.
        first_port: of the tasks; 0 for ports that are free.
        max_restarts: how often all are started again after one has failed.
        start_timeout: seconds in which a task has to join, after the first one has.
        grace_seconds: from the request to end to the end.
    """

    command: Sequence[str]
    tasks: Sequence[Task]
    log_dir: pathlib.Path
    outside: bool = False
    gpus: Sequence[str] = ()
    cpu_devices: int = 1
    first_port: int = 0
    max_restarts: int = 0
    start_timeout: float = 300.0
    grace_seconds: float = 8.0


def supervise(job: Job, console: Console) -> int:
    """Runs a job, and returns its exit code.

    That is 0 if all workers ended well; that of the worker that failed first, with 128 added to
    the number of a signal; or 128 and the number of the signal that ended the launcher.

    Raises:
        ValueError: ports that are taken, or fewer GPUs than workers.
        OSError: logs cannot be written.
    """
    with _signals() as received:
        restarts = ports_lost = 0
        while True:
            outcome = _run(job, console, received)
            if received:
                return 128 + received[0]
            if outcome is None:
                return 0
            if _lost_its_port(outcome) and not job.first_port and ports_lost < _PORT_ATTEMPTS:
                ports_lost += 1
                console.say("dist-f1: a port was taken meanwhile; starting with others.")
                continue
            if outcome.is_final or restarts == job.max_restarts:
                console.say(f"dist-f1: ended by {outcome.task.name}; logs are in {job.log_dir}")
                return outcome.passed_on
            restarts += 1
            console.say(f"dist-f1: restart {restarts} of {job.max_restarts}.")


def _run(job: Job, console: Console, received: list[int]) -> Failure | None:
    """Starts all processes once, and returns the failure that ended them, if one did."""
    directory = _new_directory(job.log_dir)
    ports, variables = _places(job)
    workers: list[processes.Worker] = []
    failure: Failure | None = None
    try:
        for task, own in zip(job.tasks, variables, strict=True):
            workers.append(processes.Worker(task, job.command, own, directory, console))
        pids = ", ".join(f"{worker.task.name} is process {worker.pid}" for worker in workers)
        console.say(f"dist-f1: {pids}; logs are in {directory}")
        failure = _watch(job, workers, ports, received)
        if failure is not None and not received:
            console.say(f"dist-f1: {failure.task.name} failed first.\n{failure.explain()}")
    finally:
        grace = job.grace_seconds
        processes.end(workers, min(grace, _AFTER_FAILURE_SECONDS) if failure else grace)
    if failure is not None and not received:
        for worker in workers:
            other = worker.failure()
            if other is not None and worker.task != failure.task and other.kind != "ended":
                console.say(f"dist-f1: then {worker.task.name} {other.describe()}.")
    return failure


def _watch(
    job: Job, workers: Sequence[processes.Worker], ports: Sequence[int], received: list[int]
) -> Failure | None:
    """Waits for the end of all that end by themselves, a failure, or a signal."""
    joining = _Joining(workers, ports, job.start_timeout)
    while not received:
        failed = [failure for worker in workers if (failure := worker.failure())]
        if failed:
            # Those that fail together are seen together.
            time.sleep(2 * _POLL_SECONDS)
            return failures.first([f for worker in workers if (f := worker.failure())])
        if all(worker.poll() == 0 for worker in workers if not worker.task.serves):
            return None
        missing = joining.overdue()
        if missing is not None:
            return _hung(missing, job.start_timeout)
        time.sleep(_POLL_SECONDS)
    return None


class _Joining:
    """Whether all tasks join the cluster, that is listen on their ports, once one of them has."""

    def __init__(
        self, workers: Sequence[processes.Worker], ports: Sequence[int], timeout: float
    ) -> None:
        self._waiting = dict(zip(workers, ports, strict=True)) if len(ports) > 1 else {}
        self._number, self._timeout = len(self._waiting), timeout
        self._since: float | None = None
        self._next = 0.0

    def overdue(self) -> processes.Worker | None:
        """A worker whose time is up."""
        now = time.monotonic()
        if not self._waiting or now < self._next:
            return None
        self._next = now + _PROBE_SECONDS
        for worker, port in list(self._waiting.items()):
            if worker.poll() is not None or cluster.listens(port):
                del self._waiting[worker]
        if self._since is None and len(self._waiting) < self._number:
            self._since = now
        if self._since is not None and self._waiting and now - self._since > self._timeout:
            return next(iter(self._waiting))
        return None


def _hung(worker: processes.Worker, timeout: float) -> Failure:
    # It shows where it is, if it can.
    worker.send(signal.SIGUSR1)
    time.sleep(1.0)
    text = (
        f"{failures.tail(worker.log)}\n{worker.task.name} has not joined the cluster within "
        f"{timeout:g} s of the first one that has (--start_timeout), and the others wait for it. "
        "Above is the end of its log, and where it was."
    )
    return Failure(worker.task, 1, "hung", "", text, time.time())


def _new_directory(log_dir: pathlib.Path) -> pathlib.Path:
    """The next of `start-0`, `start-1`, ...; the logs of earlier starts stay."""
    log_dir.mkdir(parents=True, exist_ok=True)
    for number in itertools.count():
        directory = log_dir / f"start-{number}"
        with contextlib.suppress(FileExistsError):
            directory.mkdir()
            return directory
    raise AssertionError


def _places(job: Job) -> tuple[list[int], list[dict[str, str]]]:
    if job.outside:
        return [], [{} for _ in job.tasks]
    if job.first_port:
        ports = cluster.fixed_ports(job.first_port, len(job.tasks))
    else:
        ports = cluster.free_ports(len(job.tasks))
    return ports, cluster.environments(job.tasks, ports, job.gpus, job.cpu_devices)


def _lost_its_port(failure: Failure) -> bool:
    return "Could not start gRPC server" in failure.text


@contextlib.contextmanager
def _signals() -> Iterator[list[int]]:
    """The signals to end that have come; they do not interrupt what is being done."""
    received: list[int] = []
    handled = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in handled}
    try:
        for number in handled:
            # What is ignored, by nohup say, stays so.
            if before[number] is not signal.SIG_IGN:
                signal.signal(number, lambda number, _: received.append(number))
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
