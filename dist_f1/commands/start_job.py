"""Start a job on this machine, or this machine's part of a job on several hosts."""

from __future__ import annotations

import sys
from collections.abc import Callable

from dist_f1.commands.job_options import HostOptions
from dist_f1.launching import supervisor
from dist_f1.launching.console import Console
from dist_f1.launching.errors import UsageError
from dist_f1.launching.hosts import addresses
from dist_f1.launching.hosts import supervisor as hosts_supervisor
from dist_f1.launching.hosts.knowledge import Rules
from dist_f1.launching.job import Job


def start_job(
    job: Job,
    hosts: HostOptions | None,
    lock: Callable[[], str] | None = None,
    unlock: Callable[[], None] = lambda: None,
) -> int:
    """Run a job to its end, and return the exit code.

    Args:
        job: The job, with the tasks of this machine.
        hosts: Options for several hosts, each with as many workers as `job`; or `None`.
        lock: See `launching.hosts.supervisor.HostsJob`.
        unlock: See `launching.hosts.supervisor.HostsJob`.

    Raises:
        UserError: The options do not fit together, or ports are in use.
        OSError: Logs cannot be written.
    """
    console = Console(sys.stdout, sys.stderr)
    if hosts is None:
        return supervisor.supervise(job, console)
    workers = len(job.tasks)
    port = job.first_port or addresses.DEFAULT_PORT
    machines = addresses.parse_hosts(hosts.hosts, port, workers)
    me = addresses.own_index(machines, hosts.host_index)
    rules = _rules(job, hosts, [machine.name for machine in machines])
    several = hosts_supervisor.HostsJob(job, machines, me, workers, rules, lock, unlock)
    return hosts_supervisor.supervise(several, console)


def _rules(job: Job, hosts: HostOptions, names: list[str]) -> Rules:
    """Return the limits of a job on several hosts; raise `UsageError` if they are invalid."""
    min_hosts = hosts.min_hosts or len(names)
    if min_hosts > len(names):
        raise UsageError(f"--min_hosts={min_hosts}, but there are {len(names)} hosts.")
    if not hosts.host_timeout:
        raise UsageError("--host_timeout=0 would lose every host. Pass some seconds.")
    return Rules(names, min_hosts, job.max_restarts, hosts.start_timeout, hosts.host_timeout)
