"""The state of the other hosts as one host sees it, and the limits of the job."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence

from dist_f1.launching.hosts.messages import Status


@dataclasses.dataclass(frozen=True)
class Peer:
    """Another host, as this one sees it.

    Args:
        status: Last status; `None` before the first one.
        heard: Time of that status, by the monotonic clock of this host.
        refuses: Whether connections to the host fail at once: it runs no launcher.
    """

    status: Status | None = None
    heard: float = -math.inf
    refuses: bool = False


@dataclasses.dataclass(frozen=True)
class Rules:
    """Limits of a job, the same on all hosts.

    Args:
        names: Names of all hosts.
        min_hosts: Smallest number of hosts with which the job may run.
        max_restarts: Maximum number of restarts after failures.
        start_timeout: Seconds that hosts wait for missing ones before each start.
        host_timeout: Seconds without an answer after which a host is lost.
    """

    names: Sequence[str]
    min_hosts: int
    max_restarts: int
    start_timeout: float
    host_timeout: float

    @property
    def is_elastic(self) -> bool:
        """Whether the job may run without some of its hosts."""
        return self.min_hosts < len(self.names)

    def describe(self, hosts: Sequence[int]) -> str:
        """Return the names of hosts, e.g. `host 1 (b)`."""
        return ", ".join(f"host {host} ({self.names[host]})" for host in hosts)


def answers(peers: Mapping[int, Peer], now: float, host_timeout: float) -> dict[int, Status]:
    """Return the statuses of the hosts that have answered within the time-out."""
    return {
        host: peer.status
        for host, peer in peers.items()
        if peer.status is not None and not peer.refuses and now - peer.heard <= host_timeout
    }


def missing_quorum(
    rules: Rules, group: Sequence[int], missing: Sequence[int], peers: Mapping[int, Peer]
) -> str:
    """Return why a group may not continue: the others may do so too if the network is divided."""
    silent = [host for host in missing if not peers[host].refuses]
    count = len(rules.names)
    has_quorum = 2 * len(group) > count or (2 * len(group) == count and 0 in group)
    if not silent or has_quorum:
        return ""
    return (
        f"{rules.describe(silent)} may run the job at the same time: there is no answer, and these "
        "hosts are no majority (of an even number, the half with the first host)"
    )


def see_each_other(a: Status, b: Status) -> bool:
    """Whether both hosts have heard from each other lately."""
    return a.host in b.sees and b.host in a.sees


def mutual_group(ready: Mapping[int, Status]) -> list[int]:
    """Return hosts that all see each other, from the lowest index on."""
    group: list[int] = []
    for host in sorted(ready):
        if all(see_each_other(ready[host], ready[other]) for other in group):
            group.append(host)
    return group
