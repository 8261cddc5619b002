"""What a host knows about the job and the other hosts."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence

from dist_f1.launching.hosts.messages import Status


@dataclasses.dataclass(frozen=True)
class Peer:
    """What this host knows about another one.

    Args:
        status: Last status; `None` before the first one.
        heard: Time of that status, by the monotonic clock of this host.
        refuses: Whether the host refuses connections now: it runs no launcher.
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
