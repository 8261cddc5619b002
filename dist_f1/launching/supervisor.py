"""Run the processes of a job on this machine: start, watch, stop and restart them."""

import contextlib
import itertools
import signal
import time
from collections.abc import Iterator, Sequence

from dist_f1.launching import cluster
from dist_f1.launching.console import Console
from dist_f1.launching.failures import Failure
from dist_f1.launching.guardian import Guardian
from dist_f1.launching.job import Job
from dist_f1.launching.run import POLL_SECONDS, Run

# Another process may take a free port before a worker listens on it.
_PORT_ATTEMPTS = 3


def supervise(job: Job, console: Console) -> int:
    """Run a job until it succeeds or may not be restarted again, and return its exit code.

    The exit code is 0 if all workers succeeded. If a worker failed, it is the code of the root
    cause, or 128 + the number of the signal that killed it. If a signal stopped the launcher, it is
    128 + the number of that signal.

    Raises:
        ValueError: Ports are in use, or there are fewer GPUs than workers.
        OSError: Logs cannot be written.
    """
    with stop_signals() as received, Guardian() as guardian:
        for restart in itertools.count(1):
            failure = _run(job, console, received, guardian)
            if received:
                return 128 + received[0]
            if failure is None:
                return 0
            if failure.is_permanent or restart > job.max_restarts:
                console.log(f"dist-f1: stopped by {failure.task.name}; logs are in {job.log_dir}")
                return failure.shell_exit_code
            console.log(f"dist-f1: restart {restart} of {job.max_restarts}")
    raise AssertionError


def _run(job: Job, console: Console, received: Sequence[int], guardian: Guardian) -> Failure | None:
    """Run all processes once, with other ports if necessary; return the root cause of a failure."""
    for attempt in itertools.count(1):
        failure = _run_once(job, console, received, guardian)
        if failure is None or not failure.is_port_conflict:
            return failure
        if job.first_port or attempt > _PORT_ATTEMPTS or received:
            return failure
        console.log("dist-f1: another process took a port; starting again with other ports")
    raise AssertionError


def _run_once(
    job: Job, console: Console, received: Sequence[int], guardian: Guardian
) -> Failure | None:
    ports, variables = _ports_and_variables(job)
    run = Run(job, ports, variables, console, guardian)
    failure: Failure | None = None
    try:
        while not received and not run.is_finished():
            failure = run.failure()
            if failure is not None:
                console.log(f"dist-f1: {failure.task.name} failed first.\n{failure.explain()}")
                break
            time.sleep(POLL_SECONDS)
    finally:
        run.stop()
    if failure is not None and not received:
        run.show_later_failures()
    return failure


def _ports_and_variables(job: Job) -> tuple[list[int], list[dict[str, str]]]:
    if job.is_external:
        return [], [{} for _ in job.tasks]
    if job.first_port:
        ports = cluster.fixed_ports(job.first_port, len(job.tasks))
    else:
        ports = cluster.free_ports(len(job.tasks))
    addresses = cluster.local_addresses(job.tasks, ports)
    return ports, cluster.environments(addresses, job.gpus, job.cpu_devices)


@contextlib.contextmanager
def stop_signals() -> Iterator[list[int]]:
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
