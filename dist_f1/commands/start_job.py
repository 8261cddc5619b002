"""Start a job on this machine, or this machine's part of a job on several hosts."""

from __future__ import annotations

import dataclasses
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
        hosts: Options for several hosts, or `None`.
        lock: See `launching.hosts.supervisor.HostsJob`.
        unlock: Releases the lock.

    Raises:
        UserError: The options do not fit together, or ports are in use.
        OSError: Logs cannot be written.
    """
    console = Console(sys.stdout, sys.stderr)
    if hosts is None:
        return supervisor.supervise(job, console)
    several = hosts_job(job, hosts)
    return hosts_supervisor.supervise(
        dataclasses.replace(several, lock=lock, unlock=unlock), console
    )


def hosts_job(job: Job, options: HostOptions) -> hosts_supervisor.HostsJob:
    """Return the part of this host in a job with the workers of `job` on each host.

    Raises:
        UsageError: The options are invalid.
    """
    workers = len(job.tasks)
    port = job.first_port or addresses.DEFAULT_PORT
    hosts = addresses.parse_hosts(options.hosts, port, workers)
    me = addresses.own_index(hosts, options.host_index)
    min_hosts = options.min_hosts or len(hosts)
    if min_hosts > len(hosts):
        raise UsageError(f"--min_hosts={min_hosts}, but there are {len(hosts)} hosts.")
    if not options.host_timeout:
        raise UsageError("--host_timeout=0 would lose every host. Pass some seconds.")
    rules = Rules(
        [host.name for host in hosts],
        min_hosts,
        job.max_restarts,
        options.start_timeout,
        options.host_timeout,
    )
    return hosts_supervisor.HostsJob(job, hosts, me, workers, rules)
