"""`Member`: what one host does in a job on several hosts."""

from __future__ import annotations

import dataclasses
import secrets
import time
from collections.abc import Callable, Sequence

from dist_f1.launching.cluster import Task
from dist_f1.launching.errors import UserError
from dist_f1.launching.failures import Failure
from dist_f1.launching.hosts.agreement import Agreement
from dist_f1.launching.hosts.knowledge import Rules
from dist_f1.launching.hosts.messages import Cause, Plan, Status
from dist_f1.launching.run import AFTER_FAILURE_SECONDS, Run


class Member:
    """The workers of this host, and what it reports about them.

    Args:
        me: Index of this host.
        rules: Limits of the job.
        settings: Settings that must be the same on all hosts.
        grace_seconds: Seconds that workers get to save a checkpoint.
        start: Function that starts the workers of this host for a plan.
        log: Function that shows a message.
        clock: Function that returns seconds, as `time.time` does.
    """

    def __init__(
        self,
        me: int,
        rules: Rules,
        settings: dict[str, str],
        grace_seconds: float,
        start: Callable[[Plan], Run],
        log: Callable[[str], None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._me, self._rules, self._settings = me, rules, settings
        self._grace_seconds, self._start, self._log = grace_seconds, start, log
        self._clock = clock
        self._incarnation = secrets.token_hex(8)
        self.exit_code: int | None = None
        self._run: Run | None = None
        self._number, self._outcome, self._phase = 0, "stopped", ""
        self._cause: Cause | None = None
        self._signal = 0
        # The stops that were shown, and the hosts that this one waits for.
        self._shown: set[tuple[int, str]] = set()
        self._waits_for = ""

    def observe(self, received: Sequence[int]) -> None:
        """Look at the workers and at signals to the launcher."""
        if received:
            self._signal = received[0]
        if self._run is None or self._outcome != "running":
            return
        failure = self._run.failure()
        if failure is not None:
            self._outcome, self._cause = "failed", Cause(self._me, failure)
            self._run.stop()
        elif self._run.is_finished():
            self._outcome = "finished"
            self._run.stop()

    def status(self, seen: Sequence[int], agreement: Agreement) -> Status:
        """Return what this host reports."""
        cause, run = self._cause, self._run
        if cause is not None:
            age = max(0.0, self._clock() - cause.failure.time)
            cause = dataclasses.replace(cause, age=age)
        return Status(
            self._settings,
            self._me,
            self._incarnation,
            tuple(seen),
            self._number,
            self._outcome,
            self._phase,
            cause,
            tuple(run.left()) if run is not None else (),
            self._signal,
            agreement.plan,
            agreement.restarts,
        )

    def follow(self, plan: Plan | None, waits_for: str) -> None:
        """Carry out a plan."""
        is_member = plan is not None and plan.members.get(self._me) == self._incarnation
        if plan is not None and plan.phase == "end":
            self._show_stop(plan)
            self.stop(self._grace(plan))
            self.exit_code = plan.exit_code
        elif plan is None or not is_member:
            if self._outcome == "running":
                self._log(
                    "dist-f1: the host that leads the job does not answer; stopping the workers"
                )
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
            self._phase = "stop"
            self._show_waiting(waits_for)
        elif plan.number > self._number:
            self.stop(AFTER_FAILURE_SECONDS)
            self._show_start(plan)
            self._begin(plan)

    def stop(self, grace_seconds: float) -> None:
        """Stop the workers."""
        if self._run is not None and self._outcome == "running":
            self._run.stop(grace_seconds)
            self._outcome = "stopped"

    def _begin(self, plan: Plan) -> None:
        self._number, self._outcome, self._phase = plan.number, "running", "run"
        self._cause = None
        try:
            self._run = self._start(plan)
        except (OSError, UserError) as error:
            # The other hosts must learn the cause, e.g. a port in use or a full disk.
            text = f"{self._rules.describe([self._me])}: {error}"
            failure = Failure(Task("host", self._me), 1, "exit", text, text, self._clock())
            self._run, self._outcome = None, "failed"
            self._cause = Cause(self._me, failure)

    def _grace(self, plan: Plan) -> float:
        return self._grace_seconds if plan.is_graceful else AFTER_FAILURE_SECONDS

    def _show_start(self, plan: Plan) -> None:
        missing = [host for host in range(len(self._rules.names)) if host not in plan.order]
        without = f", without {self._rules.describe(missing)}" if missing else ""
        restart = f"restart {plan.restarts} of {self._rules.max_restarts}, "
        self._log(
            f"dist-f1: {restart if plan.restarts else ''}start {plan.number} on "
            f"{self._rules.describe(plan.order)}{without}"
        )

    def _show_stop(self, plan: Plan) -> None:
        """Show once why a start stops."""
        if (plan.number, plan.phase) in self._shown:
            return
        self._shown.add((plan.number, plan.phase))
        self._waits_for = ""
        cause = plan.cause
        if cause is None:
            if plan.phase == "stop":
                self._log(f"dist-f1: {plan.reason}; starting again from the last checkpoint")
            return
        failure, where = cause.failure, self._rules.describe([cause.host])
        is_of_host = failure.task.type == "host"
        if (plan.number, "stop") not in self._shown or plan.phase == "stop":
            first = f"{failure.task.name} of {where} failed first.\n{failure.explain()}"
            self._log(f"dist-f1: {failure.text if is_of_host else first}")
        if plan.phase == "end" and not is_of_host:
            self._log(f"dist-f1: stopped by {failure.task.name} of {where}")

    def _show_waiting(self, waits_for: str) -> None:
        if waits_for and waits_for != self._waits_for:
            self._waits_for = waits_for
            self._log(f"dist-f1: waiting for {waits_for}")
