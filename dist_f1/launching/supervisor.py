"""Run the processes of a job: start, watch, stop and restart them."""

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
# Another process may take a free port before a worker listens on it.
_PORT_ATTEMPTS = 3
# After a failure the other workers have nothing to save: their work since the last checkpoint is
# incomplete. They would not stop by themselves, because TensorFlow only notes SIGTERM.
_AFTER_FAILURE_SECONDS = 2.0


@dataclasses.dataclass(frozen=True)
class Job:
    """A command to run in one process for each task.

    Args:
        command: A script and its arguments, or `-m`, a module and its arguments.
        tasks: The tasks.
        log_dir: Directory that gets a subdirectory for each start, with a log of each task.
        is_external: Whether the environment already describes the cluster.
        gpus: GPU ids to divide, see `cluster.environments`.
        cpu_devices: Logical CPU devices of each worker without a GPU.
        first_port: First port of the tasks; 0 for free ports.
        max_restarts: Maximum number of restarts after a failure.
        join_timeout: Seconds a task may take to join after the first task has joined.
        grace_seconds: Seconds between SIGTERM and SIGKILL.
    """

    command: Sequence[str]
    tasks: Sequence[Task]
    log_dir: pathlib.Path
    is_external: bool = False
    gpus: Sequence[str] = ()
    cpu_devices: int = 1
    first_port: int = 0
    max_restarts: int = 0
    join_timeout: float = 300.0
    grace_seconds: float = 8.0


def supervise(job: Job, console: Console) -> int:
    """Run a job until it succeeds or may not be restarted again, and return its exit code.

    The exit code is 0 if all workers succeeded. If a worker failed, it is the code of the root
    cause, or 128 + the number of the signal that killed it. If a signal stopped the launcher, it is
    128 + the number of that signal.

    Raises:
        ValueError: Ports are in use, or there are fewer GPUs than workers.
        OSError: Logs cannot be written.
    """
    with _signals() as received:
        for restart in itertools.count(1):
            failure = _run(job, console, received)
            if received:
                return 128 + received[0]
            if failure is None:
                return 0
            if failure.is_permanent or restart > job.max_restarts:
                console.log(f"dist-f1: stopped by {failure.task.name}; logs are in {job.log_dir}")
                return failure.shell_exit_code
            console.log(f"dist-f1: restart {restart} of {job.max_restarts}")
    raise AssertionError


def _run(job: Job, console: Console, received: Sequence[int]) -> Failure | None:
    """Run all processes once, with other ports if necessary; return the root cause of a failure."""
    for attempt in itertools.count(1):
        failure = _run_once(job, console, received)
        if failure is None or not failure.is_port_conflict:
            return failure
        if job.first_port or attempt > _PORT_ATTEMPTS or received:
            return failure
        console.log("dist-f1: another process took a port; starting again with other ports")
    raise AssertionError


def _run_once(job: Job, console: Console, received: Sequence[int]) -> Failure | None:
    directory = _new_directory(job.log_dir)
    ports, variables = _ports_and_variables(job)
    workers: list[processes.Worker] = []
    failure: Failure | None = None
    try:
        for task, own in zip(job.tasks, variables, strict=True):
            workers.append(processes.Worker(task, job.command, own, directory, console))
        pids = ", ".join(f"{worker.task.name} is process {worker.pid}" for worker in workers)
        console.log(f"dist-f1: {pids}; logs are in {directory}")
        failure = _watch(job, workers, ports, received)
        if failure is not None and not received:
            console.log(f"dist-f1: {failure.task.name} failed first.\n{failure.explain()}")
    finally:
        grace = job.grace_seconds
        processes.stop(workers, min(grace, _AFTER_FAILURE_SECONDS) if failure else grace)
    if failure is not None and not received:
        for worker in workers:
            other = worker.failure()
            if other is not None and worker.task != failure.task and other.kind != "ended":
                console.log(f"dist-f1: then {worker.task.name} {other.describe()}.")
    return failure


def _watch(
    job: Job, workers: Sequence[processes.Worker], ports: Sequence[int], received: Sequence[int]
) -> Failure | None:
    """Wait until all tasks but the servers have exited, one has failed, or a signal comes."""
    joining = _JoinDeadline(workers, ports, job.join_timeout)
    while not received:
        if any(worker.failure() for worker in workers):
            # Wait for simultaneous failures.
            time.sleep(2 * _POLL_SECONDS)
            return failures.root_cause([f for worker in workers if (f := worker.failure())])
        if all(worker.poll() == 0 for worker in workers if not worker.task.is_server):
            return None
        missing = joining.overdue_worker()
        if missing is not None:
            return _hung(missing, job.join_timeout)
        time.sleep(_POLL_SECONDS)
    return None


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


def _hung(worker: processes.Worker, timeout: float) -> Failure:
    # Make the worker print its stack, if it can.
    worker.send(signal.SIGUSR1)
    time.sleep(1.0)
    text = (
        f"{failures.tail(worker.log)}\n{worker.task.name} has not joined the cluster within "
        f"{timeout:g} s of the first worker (--join_timeout), and the others wait for it. Above "
        "are the last lines of its log, with its stack."
    )
    return Failure(worker.task, 1, "hung", "", text, time.time())


def _new_directory(log_dir: pathlib.Path) -> pathlib.Path:
    """Make the next of `start-0`, `start-1`, ...; earlier logs are kept."""
    log_dir.mkdir(parents=True, exist_ok=True)
    for number in itertools.count():
        directory = log_dir / f"start-{number}"
        with contextlib.suppress(FileExistsError):
            directory.mkdir()
            return directory
    raise AssertionError


def _ports_and_variables(job: Job) -> tuple[list[int], list[dict[str, str]]]:
    if job.is_external:
        return [], [{} for _ in job.tasks]
    if job.first_port:
        ports = cluster.fixed_ports(job.first_port, len(job.tasks))
    else:
        ports = cluster.free_ports(len(job.tasks))
    return ports, cluster.environments(job.tasks, ports, job.gpus, job.cpu_devices)


@contextlib.contextmanager
def _signals() -> Iterator[list[int]]:
    """Collect the signals that should stop the job, without interrupting anything."""
    received: list[int] = []
    handled = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in handled}
    try:
        for number in handled:
            # An ignored signal stays ignored, e.g. under nohup.
            if before[number] is not signal.SIG_IGN:
                signal.signal(number, lambda number, _: received.append(number))
        yield received
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
