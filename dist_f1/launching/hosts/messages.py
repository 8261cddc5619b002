"""The messages between the launchers of a job, as JSON."""

from __future__ import annotations

import dataclasses
import json
from typing import Any, Literal

from dist_f1.launching.cluster import Task
from dist_f1.launching.failures import Failure

Phase = Literal["run", "stop", "end"]


@dataclasses.dataclass(frozen=True)
class Cause:
    """Why a start ended.

    Args:
        host: Index of the host.
        failure: Failure of a worker, of the host (`kind="lost"`), or a signal to its launcher.
        age: Seconds since the failure, by the clock of that host.
    """

    host: int
    failure: Failure
    age: float = 0.0


@dataclasses.dataclass(frozen=True)
class Plan:
    """The decision of the leader about one start of the job.

    Args:
        number: Number of the start, from 1; higher than that of each earlier start.
        leader: Host that has decided.
        members: Incarnation of each host that takes part.
        phase: Whether the members run the job, stop it, or end.
        restarts: Restarts after failures so far.
        cause: Why the start stops; `None` if nothing has failed.
        reason: Reason for a stop without a failure.
        exit_code: Exit code, in the phase `"end"`.
    """

    number: int
    leader: int
    members: dict[int, str]
    phase: Phase = "run"
    restarts: int = 0
    cause: Cause | None = None
    reason: str = ""
    exit_code: int = 0

    @property
    def is_graceful(self) -> bool:
        """Whether workers may save a checkpoint before they stop: nothing has failed just now."""
        return self.phase == "end" or self.cause is None

    @property
    def order(self) -> list[int]:
        """The members in the order of their workers: the leader, and then by index."""
        return sorted(self.members, key=lambda host: (host != self.leader, host))


@dataclasses.dataclass(frozen=True)
class Status:
    """The report of a launcher about itself.

    Args:
        settings: Settings that must be the same on all hosts.
        host: Index of the host.
        incarnation: Random name of this launcher process.
        sees: Hosts that this one has heard from lately.
        number: Number of the last start that this host took part in, 0 if none.
        outcome: `"running"`, `"finished"` or `"failed"` for that start, or `"stopped"`.
        phase: Last phase of a plan for that start that this host has followed.
        failure: The failure of that start on this host.
        left: Tasks that have exited with code 0, and the seconds since then.
        leaving: Number of the signal that stops this launcher; 0 if there is none.
        plan: The plan of this host, if it leads.
        restarts: Restarts of the last plan that this host has seen.
    """

    settings: dict[str, str]
    host: int
    incarnation: str
    sees: tuple[int, ...] = ()
    number: int = 0
    outcome: str = "stopped"
    phase: str = ""
    failure: Cause | None = None
    left: tuple[tuple[str, float], ...] = ()
    leaving: int = 0
    plan: Plan | None = None
    restarts: int = 0

    @property
    def is_idle(self) -> bool:
        """Whether no worker of the last start is left."""
        return self.outcome != "running"


def dumps(status: Status) -> bytes:
    """Return a status as JSON."""
    return json.dumps(dataclasses.asdict(status)).encode()


def loads(data: bytes) -> Status:
    """Return the status in JSON that `dumps` wrote.

    Raises:
        ValueError: The bytes hold no status.
    """
    try:
        record = json.loads(data)
        plan = record["plan"]
        if plan is not None:
            members = {int(host): str(name) for host, name in plan["members"].items()}
            plan = Plan(**{**plan, "members": members, "cause": _cause(plan["cause"])})
        return Status(
            **{
                **record,
                "sees": tuple(map(int, record["sees"])),
                "failure": _cause(record["failure"]),
                "left": tuple((str(task), float(age)) for task, age in record["left"]),
                "plan": plan,
            }
        )
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"these bytes hold no status of a launcher: {error!r}") from error


def _cause(record: dict[str, Any] | None) -> Cause | None:
    if record is None:
        return None
    failure = {**record["failure"], "task": Task(**record["failure"]["task"])}
    return Cause(int(record["host"]), Failure(**failure), float(record["age"]))
