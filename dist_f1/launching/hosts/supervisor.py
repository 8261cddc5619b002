"""The launcher of one of several hosts: starts and stops its workers as the hosts have agreed."""

from __future__ import annotations

import contextlib
import dataclasses
import time
from collections.abc import Callable, Mapping, Sequence

from dist_f1.launching import cluster
from dist_f1.launching.cluster import Task
from dist_f1.launching.console import Console
from dist_f1.launching.errors import UserError
from dist_f1.launching.guardian import Guardian
from dist_f1.launching.hosts.addresses import Host
from dist_f1.launching.hosts.agreement import Agreement
from dist_f1.launching.hosts.exchange import Exchange
from dist_f1.launching.hosts.knowledge import Peer, Rules, answers, missing_quorum
from dist_f1.launching.hosts.member import Member
from dist_f1.launching.hosts.messages import Plan
from dist_f1.launching.job import Job
from dist_f1.launching.run import Run
from dist_f1.launching.supervisor import stop_signals
from dist_f1.version import __version__

_LOOP_SECONDS = 0.1
_MISMATCH_SECONDS = 5.0


@dataclasses.dataclass(frozen=True)
class HostsJob:
    """A job on several hosts.

    Args:
        job: The job; its tasks are made for each start.
        hosts: All hosts.
        me: Index of this host.
        workers: Workers of each host.
        rules: Limits of the job.
        lock: Function that locks what the job writes, and returns a reason if it is in use; `None`
            if there is no such lock.
        unlock: Function that releases the lock.
    """

    job: Job
    hosts: Sequence[Host]
    me: int
    workers: int
    rules: Rules
    lock: Callable[[], str] | None = None
    unlock: Callable[[], None] = lambda: None

    @property
    def settings(self) -> dict[str, str]:
        """Settings that must be the same on all hosts, by option."""
        return {
            "--hosts": ",".join(f"{host.name}:{host.port}" for host in self.hosts),
            "--workers": str(self.workers),
            "--min_hosts": str(self.rules.min_hosts),
            "--max_restarts": str(self.rules.max_restarts),
            "dist_f1": __version__,
        }


def supervise(job: HostsJob, console: Console) -> int:
    """Run this host's part of a job until the hosts agree that it ends; return the exit code.

    The exit code is the same on all hosts, see `launching.supervisor.supervise`.

    Raises:
        UserError: A port is in use, or another host has other settings.
        OSError: Logs cannot be written.
    """
    with contextlib.ExitStack() as stack:
        received = stack.enter_context(stop_signals())
        guardian = stack.enter_context(Guardian())
        exchange = stack.enter_context(Exchange(job.hosts, job.me))
        stack.callback(job.unlock)
        member = Member(
            job.me,
            job.rules,
            job.settings,
            job.job.grace_seconds,
            lambda plan: _start(job, plan, console, guardian),
            console.log,
        )
        stack.callback(member.stop, 0.0)

        def objection(group: Sequence[int], missing: Sequence[int]) -> str:
            if job.lock is not None:
                return job.lock()
            return missing_quorum(job.rules, group, missing, exchange.peers())

        agreement = Agreement(job.me, job.rules, objection, job.lock is not None)
        while member.exit_code is None:
            now, peers = time.monotonic(), exchange.peers()
            seen = [*answers(peers, now, job.rules.host_timeout)]
            member.observe(received)
            status = member.status(seen, agreement)
            if difference := _different_setting(job, peers):
                # The other host must see the settings of this one.
                exchange.publish(status)
                _wait_for_readers(exchange, _MISMATCH_SECONDS)
                raise UserError(difference)
            plan = agreement.decide(now, status, peers)
            if agreement.plan is None:
                job.unlock()
            # The others need a new plan at once, also while the workers here take time to stop.
            exchange.publish(member.status(seen, agreement))
            member.follow(plan, agreement.waits_for)
            exchange.publish(member.status(seen, agreement))
            time.sleep(_LOOP_SECONDS)
        if agreement.plan is not None:
            _wait_for_readers(exchange, job.rules.host_timeout)
        return member.exit_code


def _start(job: HostsJob, plan: Plan, console: Console, guardian: Guardian) -> Run:
    """Start the workers of this host for a plan."""
    addresses = {
        Task("worker", position * job.workers + index): job.hosts[host].worker_address(index)
        for position, host in enumerate(plan.order)
        for index in range(job.workers)
    }
    first = plan.order.index(job.me) * job.workers
    tasks = [*addresses][first : first + job.workers]
    variables = cluster.environments(addresses, job.job.gpus, job.job.cpu_devices, tasks)
    ports = cluster.fixed_ports(job.hosts[job.me].port + 1, job.workers, "")
    log_dir = job.job.log_dir / f"host-{job.me}"
    own = dataclasses.replace(job.job, tasks=tasks, log_dir=log_dir)
    return Run(own, ports, variables, console, guardian)


def _different_setting(job: HostsJob, peers: Mapping[int, Peer]) -> str:
    """Return an error if another host has another setting than this one; empty if none has."""
    for host, peer in peers.items():
        for option, value in job.settings.items():
            if peer.status is not None and peer.status.settings.get(option) != value:
                return (
                    f"{job.rules.describe([host])} has {option}="
                    f"{peer.status.settings.get(option)}, but this host has {value}. Start all "
                    "hosts with the same version and options."
                )
    return ""


def _wait_for_readers(exchange: Exchange, seconds: float) -> None:
    """Serve the last plan until all other launchers have read it and ended."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and not all(
        peer.refuses or peer.status is None for peer in exchange.peers().values()
    ):
        time.sleep(_LOOP_SECONDS)
