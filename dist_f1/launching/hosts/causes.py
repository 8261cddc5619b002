"""Why a start of a job on several hosts has ended."""

from __future__ import annotations

import signal
from collections.abc import Mapping, Sequence

from dist_f1.launching import failures
from dist_f1.launching.cluster import Task
from dist_f1.launching.failures import Failure
from dist_f1.launching.hosts.knowledge import Rules
from dist_f1.launching.hosts.messages import Cause, Status


def first_cause(troubles: Sequence[Cause], members: Mapping[int, Status]) -> Cause:
    """Return the earliest cause, preferring those that do not follow from another one."""
    first = min(troubles, key=lambda cause: (cause.failure.is_secondary, -cause.age))
    if not first.failure.may_follow:
        return first
    left = [
        (age, host, task)
        for host, status in members.items()
        for task, age in status.left
        if age > first.age
    ]
    if not left:
        return first
    age, host, task = max(left)
    kind, _, index = task.partition(" ")
    return Cause(host, failures.left(Task(kind, int(index)), 0.0, first.failure), age)


def lost(host: int, what: str, rules: Rules) -> Failure:
    """Return the failure of a whole host."""
    text = f"{rules.describe([host])} {what}."
    return Failure(Task("host", host), 1, "lost", "", text, 0.0)


def absent(missing: Sequence[int], rules: Rules) -> Failure:
    """Return the failure of hosts that did not come before a start."""
    text = (
        f"{rules.describe(missing)} did not come within {rules.start_timeout:g} s "
        "(--start_timeout). Start the same command there, with its own --host_index, and check "
        "that all hosts can connect to each other's ports."
    )
    return Failure(Task("host", missing[0]), 1, "lost", "", text, 0.0)


def refused(host: int, reason: str) -> Cause:
    """Return the cause if this host may not lead the job."""
    return Cause(host, Failure(Task("host", host), 1, "exit", reason, reason, 0.0))


def stopped_by(host: int, number: int, rules: Rules) -> Failure:
    """Return the failure of a host whose launcher got a signal."""
    text = f"{rules.describe([host])} was stopped by {signal.Signals(number).name}."
    return Failure(Task("host", host), -number, "lost", "", text, 0.0)
