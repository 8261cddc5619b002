"""The launcher of one of several hosts: starts and stops its workers as the hosts have agreed."""

from __future__ import annotations

import contextlib
import dataclasses
import secrets
import time
from collections.abc import Callable, Mapping, Sequence

from dist_f1.launching import cluster
from dist_f1.launching.console import Console
from dist_f1.launching.errors import UserError
from dist_f1.launching.guardian import Guardian
from dist_f1.launching.hosts.addresses import Host
from dist_f1.launching.hosts.agreement import Agreement
from dist_f1.launching.hosts.exchange import Exchange
from dist_f1.launching.hosts.knowledge import Peer, Rules
from dist_f1.launching.hosts.messages import Cause, Plan, Status
from dist_f1.launching.job import Job
from dist_f1.launching.run import AFTER_FAILURE_SECONDS, Run
from dist_f1.launching.supervisor import stop_signals
from dist_f1.version import __version__

_LOOP_SECONDS = 0.1


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
            "--hosts": ",".join(f"{host.name}:{host.first_port}" for host in self.hosts),
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
        exchange = stack.enter_context(Exchange(job.hosts, job.me, job.workers))
        stack.callback(job.unlock)
        launcher = _Launcher(job, console, guardian)
        stack.callback(launcher.stop, 0.0)

        def objection(group: Sequence[int], missing: Sequence[int]) -> str:
            if job.lock is not None:
                return job.lock()
            return _objection_of_minority(job.rules, group, missing, exchange.peers())

        agreement = Agreement(job.me, job.rules, objection)
        while launcher.exit_code is None:
            peers = exchange.peers()
            _check_settings(job, peers)
            launcher.observe(received)
            status = launcher.status(_seen(peers, job.rules), agreement)
            plan = agreement.decide(time.monotonic(), status, peers)
            if agreement.plan is None:
                job.unlock()
            exchange.publish(launcher.status(_seen(peers, job.rules), agreement))
            launcher.follow(plan, agreement.waits_for)
            exchange.publish(launcher.status(_seen(peers, job.rules), agreement))
            time.sleep(_LOOP_SECONDS)
        if agreement.plan is not None:
            _wait_for_readers(exchange, job.rules.host_timeout)
        return launcher.exit_code


class _Launcher:
    """The workers of this host, and what it reports about them."""

    def __init__(self, job: HostsJob, console: Console, guardian: Guardian) -> None:
        self._job, self._console, self._guardian = job, console, guardian
        self._incarnation = secrets.token_hex(8)
        self.exit_code: int | None = None
        self._run: Run | None = None
        self._number, self._outcome = 0, "stopped"
        self._cause: Cause | None = None
        self._signal = 0
        self._shown: list[object] = []
        self._waiting_since = time.monotonic()

    def observe(self, received: Sequence[int]) -> None:
        """Look at the workers and at signals to the launcher."""
        if received:
            self._signal = received[0]
        if self._run is None or self._outcome != "running":
            return
        failure = self._run.failure()
        if failure is not None:
            self._outcome, self._cause = "failed", Cause(self._job.me, failure)
            self._run.stop()
        elif self._run.is_finished():
            self._outcome = "finished"
            self._run.stop()

    def status(self, seen: Sequence[int], agreement: Agreement) -> Status:
        """Return what this host reports."""
        cause, run = self._cause, self._run
        if cause is not None:
            age = max(0.0, time.time() - cause.failure.time)
            cause = dataclasses.replace(cause, age=age)
        return Status(
            self._job.settings,
            self._job.me,
            self._incarnation,
            tuple(seen),
            self._number,
            self._outcome,
            self._outcome != "running",
            cause,
            tuple(run.left()) if run is not None else (),
            self._signal,
            agreement.plan,
            agreement.restarts,
        )

    def follow(self, plan: Plan | None, waits_for: str) -> None:
        """Do what a plan says."""
        is_member = plan is not None and plan.members.get(self._job.me) == self._incarnation
        if plan is not None and plan.phase == "end":
            self._show_stop(plan)
            self.stop(self._grace(plan))
            self.exit_code = plan.exit_code
        elif plan is None or not is_member:
            if self._outcome == "running":
                self._console.log("dist-f1: the other hosts do not answer; stopping the workers")
                self.stop(AFTER_FAILURE_SECONDS)
            if self._signal:
                self.exit_code = 128 + self._signal
            elif plan is None:
                self._show_waiting(waits_for)
        elif plan.phase == "stop":
            self._show_stop(plan)
            self.stop(self._grace(plan))
            if self._number < plan.number:
                self._number, self._outcome, self._cause = plan.number, "stopped", None
            self._show_waiting(waits_for)
        elif plan.number > self._number:
            self.stop(AFTER_FAILURE_SECONDS)
            self._start(plan)

    def stop(self, grace_seconds: float) -> None:
        """Stop the workers."""
        if self._run is not None and self._outcome == "running":
            self._run.stop(grace_seconds)
            self._outcome = "stopped"

    def _start(self, plan: Plan) -> None:
        job, order = self._job, plan.order
        missing = [host for host in range(len(job.hosts)) if host not in order]
        with_, without = job.rules.describe(order), job.rules.describe(missing)
        rest = f", without {without}" if missing else ""
        restarts = f"restart {plan.restarts} of {job.rules.max_restarts}, " if plan.restarts else ""
        self._console.log(f"dist-f1: {restarts}start {plan.number} on {with_}{rest}")
        addresses = {
            cluster.Task("worker", position * job.workers + index): job.hosts[host].worker_address(
                index
            )
            for position, host in enumerate(order)
            for index in range(job.workers)
        }
        first = order.index(job.me) * job.workers
        tasks = [*addresses][first : first + job.workers]
        variables = cluster.environments(addresses, job.job.gpus, job.job.cpu_devices, tasks)
        ports = cluster.fixed_ports(job.hosts[job.me].first_port, job.workers, "")
        own = dataclasses.replace(job.job, tasks=tasks, log_dir=job.job.log_dir / f"host-{job.me}")
        self._number, self._outcome, self._cause = plan.number, "running", None
        self._run = Run(own, ports, variables, self._console, self._guardian)

    def _grace(self, plan: Plan) -> float:
        return self._job.job.grace_seconds if plan.is_graceful else AFTER_FAILURE_SECONDS

    def _show_stop(self, plan: Plan) -> None:
        """Show once why a start stops."""
        if (plan.number, plan.phase) in self._shown:
            return
        self._shown.append((plan.number, plan.phase))
        cause = plan.cause
        if plan.phase == "stop" and cause is not None:
            where = self._job.rules.describe([cause.host])
            self._console.log(
                f"dist-f1: {where}: {cause.failure.task.name} failed first.\n"
                f"{cause.failure.explain()}"
            )
        elif plan.phase == "stop":
            self._console.log(f"dist-f1: {plan.reason}; starting again from the last checkpoint")
        elif cause is not None and (plan.number, "stop") in self._shown:
            where = self._job.rules.describe([cause.host])
            self._console.log(f"dist-f1: stopped by {cause.failure.task.name} of {where}")
        elif cause is not None:
            self._console.log(f"dist-f1: {cause.failure.text}")

    def _show_waiting(self, waits_for: str) -> None:
        if waits_for and waits_for not in self._shown[-1:]:
            self._shown.append(waits_for)
            self._console.log(f"dist-f1: waiting for {waits_for}")


def _objection_of_minority(
    rules: Rules, group: Sequence[int], missing: Sequence[int], peers: Mapping[int, Peer]
) -> str:
    """Return why a group may not go on: the others may do so too if the network is divided."""
    silent = [host for host in missing if not peers[host].refuses]
    count = len(rules.names)
    is_majority = 2 * len(group) > count or (2 * len(group) == count and 0 in group)
    if not silent or is_majority:
        return ""
    return (
        f"{rules.describe(silent)}, which may run the job at the same time: there is no answer, "
        "and these hosts are no majority (of an even number, the half with the first host)"
    )


def _check_settings(job: HostsJob, peers: Mapping[int, Peer]) -> None:
    for host, peer in peers.items():
        if peer.status is None:
            continue
        for option, value in job.settings.items():
            other = peer.status.settings.get(option)
            if other != value:
                raise UserError(
                    f"{job.rules.describe([host])} has {option}={other}, but this host has "
                    f"{value}. Start all hosts with the same version and options."
                )


def _seen(peers: Mapping[int, Peer], rules: Rules) -> list[int]:
    now = time.monotonic()
    return [
        host
        for host, peer in peers.items()
        if now - peer.heard <= rules.host_timeout and not peer.refuses
    ]


def _wait_for_readers(exchange: Exchange, seconds: float) -> None:
    """Serve the last plan until all other launchers have read it and ended."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and not all(
        peer.refuses or peer.status is None for peer in exchange.peers().values()
    ):
        time.sleep(_LOOP_SECONDS)
