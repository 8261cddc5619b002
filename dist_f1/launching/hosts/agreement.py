"""The decisions of the hosts of a job, without any input or output.

Each launcher publishes a `Status`, and reads those of the others. One host leads: its `Plan` names
the members of a start and its phase, and the other hosts follow it. Without a plan, the hosts wait
for each other, and the first of them makes one. If the leader is lost, the next host leads.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping, Sequence

from dist_f1.launching.hosts import causes
from dist_f1.launching.hosts.knowledge import Peer, Rules, answers, mutual_group, see_each_other
from dist_f1.launching.hosts.messages import Cause, Plan, Status

# How long the leader waits for failures of other hosts, which may be the cause of the first one.
_SETTLE_SECONDS = 2.0
# A launcher that did not run for longer, e.g. after SIGSTOP, has old news of the others only.
_MAX_PAUSE_SECONDS = 3.0


class Agreement:
    """Decides for one host, from its status and those of the others.

    Args:
        me: Index of this host.
        rules: Limits of the job.
        objection: Function from the hosts of a start and the missing ones to the reason why this
            host may not lead them now; empty if it may.
        has_lock: Whether an objection proves that the missing hosts run the job. This host then
            waits for them without a limit.
    """

    def __init__(
        self,
        me: int,
        rules: Rules,
        objection: Callable[[Sequence[int], Sequence[int]], str],
        has_lock: bool,
    ) -> None:
        self._me, self._rules, self._objection, self._has_lock = me, rules, objection, has_lock
        # The plan of this host, if it leads, and the one that it follows otherwise.
        self.plan: Plan | None = None
        self._followed: Plan | None = None
        # The hosts that this one waits for, as a message.
        self.waits_for = ""
        self.restarts = 0
        self._number = 0
        self._left: set[int] = set()
        self._forming_since: float | None = None
        self._planned_at = 0.0
        self._trouble_since: float | None = None
        self._newcomers_since: float | None = None
        self._decided_at = self._woke_at = -math.inf

    def decide(self, now: float, mine: Status, peers: Mapping[int, Peer]) -> Plan | None:
        """Return the plan to follow now, which may be this host's own; `None` without a plan."""
        if now - self._decided_at > _MAX_PAUSE_SECONDS:
            self._woke_at = now
        self._decided_at, self.waits_for = now, ""
        peers = {
            host: dataclasses.replace(peer, heard=max(peer.heard, self._woke_at))
            for host, peer in peers.items()
        }
        statuses = {**answers(peers, now, self._rules.host_timeout), self._me: mine}
        self._learn(statuses)
        foreign = self._plan_of_others(statuses)
        if self.plan is not None and foreign is not None and _rank(foreign) > _rank(self.plan):
            # Both have led without seeing each other.
            self.plan = None
        if self.plan is not None:
            self.plan = self._lead(self.plan, now, statuses, peers)
            return self.plan
        followed, self._followed = self._followed, foreign
        if foreign is not None:
            self._forming_since = None
            return foreign
        if followed is not None and followed.phase == "run" and mine.number == followed.number:
            self.plan = self._count_lost_leader(followed, mine)
        if self.plan is None:
            self.plan = self._form(now, statuses)
        return self.plan

    def _count_lost_leader(self, plan: Plan, mine: Status) -> Plan | None:
        """Count a restart; return a plan for the end if there may be no more."""
        if plan.leader in self._left:
            return None
        self.restarts = plan.restarts + 1
        if self.restarts <= self._rules.max_restarts:
            return None
        failure = causes.lost(plan.leader, "does not answer any more", self._rules)
        own = Plan(plan.number + 1, self._me, {self._me: mine.incarnation})
        return self._end(own, 1, Cause(plan.leader, failure))

    def _learn(self, statuses: Mapping[int, Status]) -> None:
        for host, status in statuses.items():
            plan = status.plan
            self._number = max(self._number, status.number, plan.number if plan else 0)
            self.restarts = max(self.restarts, status.restarts, plan.restarts if plan else 0)
            (self._left.add if status.leaving else self._left.discard)(host)

    def _plan_of_others(self, statuses: Mapping[int, Status]) -> Plan | None:
        own = statuses[self._me].incarnation
        plans = [status.plan for host, status in statuses.items() if host != self._me]
        # The end of a job that this process was not part of does not concern it.
        concerned = [
            plan
            for plan in plans
            if plan is not None and (plan.phase != "end" or plan.members.get(self._me) == own)
        ]
        return max(concerned, key=_rank, default=None)

    def _lead(
        self, plan: Plan, now: float, statuses: Mapping[int, Status], peers: Mapping[int, Peer]
    ) -> Plan | None:
        if plan.phase == "run":
            return self._watch(plan, now, statuses, peers)
        if plan.phase == "stop":
            return self._after_stop(plan, now, statuses)
        return plan

    def _watch(
        self, plan: Plan, now: float, statuses: Mapping[int, Status], peers: Mapping[int, Peer]
    ) -> Plan:
        members = {host: statuses[host] for host in plan.members if host in statuses}
        troubles = self._troubles(plan, now, members, peers)
        if troubles:
            if self._trouble_since is None:
                self._trouble_since = now
            if self._is_settled(now - self._trouble_since, troubles, plan, peers):
                return self._stop(plan, cause=causes.first_cause(troubles, members))
            return plan
        self._trouble_since = None
        leaving = [host for host, status in members.items() if status.leaving]
        if leaving and self._rules.is_elastic:
            return self._stop(plan, reason=f"{self._rules.describe(leaving)} leaves the job")
        if leaving:
            number = members[leaving[0]].leaving
            cause = Cause(leaving[0], causes.stopped_by(leaving[0], number, self._rules))
            return self._end(plan, 128 + number, cause)
        # There are no troubles, so all members are known, and work on this start.
        if all(status.outcome == "finished" for status in members.values()):
            return self._end(plan, 0, None)
        newcomers = _newcomers(members, statuses)
        if not newcomers:
            self._newcomers_since = None
        elif self._newcomers_since is None:
            self._newcomers_since = now
        elif now - self._newcomers_since > _SETTLE_SECONDS:
            return self._stop(plan, reason=f"{self._rules.describe(newcomers)} joins the job")
        return plan

    def _troubles(
        self,
        plan: Plan,
        now: float,
        members: Mapping[int, Status],
        peers: Mapping[int, Peer],
    ) -> list[Cause]:
        """Return the failures of members, and the members that are lost."""
        found = []
        for host, incarnation in plan.members.items():
            status = members.get(host)
            if status is None:
                peer = peers[host]
                silence = max(0.0, now - peer.heard)
                what = f"has not answered for {silence:.0f} s (--host_timeout)"
                if peer.refuses:
                    what = "runs no launcher any more"
                found.append(Cause(host, causes.lost(host, what, self._rules), silence))
            elif status.incarnation != incarnation:
                found.append(Cause(host, causes.lost(host, "was started again", self._rules)))
            elif status.number != plan.number:
                if now - self._planned_at > self._rules.host_timeout:
                    what = f"has not started within {self._rules.host_timeout:g} s"
                    found.append(Cause(host, causes.lost(host, what, self._rules)))
            elif status.failure is not None:
                found.append(status.failure)
            elif status.outcome == "stopped":
                what = "had stopped because it did not reach the others"
                found.append(Cause(host, causes.lost(host, what, self._rules)))
        return found

    def _is_settled(
        self,
        waited: float,
        troubles: Sequence[Cause],
        plan: Plan,
        peers: Mapping[int, Peer],
    ) -> bool:
        """Whether the cause must be among these: a lost host or a slow one may still appear."""
        if waited > self._rules.host_timeout + _SETTLE_SECONDS:
            return True
        assert self._trouble_since is not None
        since = self._trouble_since + _SETTLE_SECONDS / 2
        others = [host for host in plan.members if host != self._me]
        is_complete = all(peers[host].heard > since or peers[host].refuses for host in others)
        is_primary = any(not cause.failure.may_follow for cause in troubles)
        return waited > _SETTLE_SECONDS and (is_primary or is_complete)

    def _stop(self, plan: Plan, cause: Cause | None = None, reason: str = "") -> Plan:
        self._trouble_since = self._newcomers_since = self._forming_since = None
        return dataclasses.replace(plan, phase="stop", cause=cause, reason=reason)

    def _end(self, plan: Plan, exit_code: int, cause: Cause | None) -> Plan:
        return dataclasses.replace(plan, phase="end", cause=cause, exit_code=exit_code)

    def _after_stop(self, plan: Plan, now: float, statuses: Mapping[int, Status]) -> Plan | None:
        members = [
            statuses[host]
            for host, incarnation in plan.members.items()
            if host in statuses and statuses[host].incarnation == incarnation
        ]
        # Each member must have seen the cause, also if its own workers had stopped before.
        if any(s.number != plan.number or not s.is_idle or s.phase != "stop" for s in members):
            return plan
        if all(s.outcome == "finished" for s in members) and len(members) == len(plan.members):
            return self._end(plan, 0, None)
        if plan.cause is not None and (
            plan.cause.failure.is_permanent or plan.restarts >= self._rules.max_restarts
        ):
            return self._end(plan, plan.cause.failure.shell_exit_code, plan.cause)
        if statuses[self._me].leaving:
            # The others do not wait for this host, see `_form`.
            return None
        self.restarts = plan.restarts + (plan.cause is not None)
        return self._form(now, statuses) or plan

    def _form(self, now: float, statuses: Mapping[int, Status]) -> Plan | None:
        """Return a plan for a start as soon as this host may lead one."""
        if self._forming_since is None:
            self._forming_since = now
        ready = {
            host: status
            for host, status in statuses.items()
            if status.is_idle and not status.leaving and (status.plan is None or host == self._me)
        }
        group = mutual_group(ready)
        if self._me not in group:
            return None
        missing = [host for host in range(len(self._rules.names)) if host not in group]
        waited, is_leader = now - self._forming_since, self.plan or group[0] == self._me
        # A minority waits longer, so that the others can start first.
        patience = self._rules.start_timeout * (2 if 2 * len(group) < len(self._rules.names) else 1)
        is_enough = len(group) >= self._rules.min_hosts
        if missing and not (is_enough and self._left.issuperset(missing)) and waited < patience:
            self.waits_for = self._rules.describe(missing)
            return None
        if not is_leader:
            return None
        members = {host: ready[host].incarnation for host in group}
        plan = Plan(self._number + 1, self._me, members, restarts=self.restarts)
        if not is_enough:
            return self._end(plan, 1, Cause(missing[0], causes.absent(missing, self._rules)))
        objection = self._objection(group, missing)
        if objection and missing and (self._has_lock or waited < 2 * patience):
            self.waits_for = f"{self._rules.describe(missing)}: {objection}"
            return None
        if objection:
            return self._end(plan, 1, causes.refused(self._me, objection))
        self._forming_since, self._planned_at = None, now
        return plan


def _rank(plan: Plan) -> tuple[int, int]:
    return plan.number, -plan.leader


def _newcomers(members: Mapping[int, Status], statuses: Mapping[int, Status]) -> list[int]:
    """Return hosts that could take part and do not."""
    return [
        host
        for host, status in statuses.items()
        if host not in members
        and status.is_idle
        and not status.leaving
        and status.plan is None
        and all(see_each_other(status, member) for member in members.values())
    ]
