"""A job on hosts whose network, processes and clock are simulated; what they agree on is real.

Each host runs `Member` and `Agreement`. Workers are replaced by `_Run`: they advance while all
members of their start run and reach each other, and otherwise fail as TensorFlow does.
"""

import dataclasses
import random

from dist_f1.launching.cluster import Task
from dist_f1.launching.failures import Failure
from dist_f1.launching.hosts.agreement import Agreement
from dist_f1.launching.hosts.knowledge import Peer, Rules, answers, missing_quorum
from dist_f1.launching.hosts.member import Member

TICK = 0.1
POLL = 0.5


class World:
    """All hosts of a job.

    Args:
        hosts: Number of hosts.
        work: Seconds of common work that the job needs.
        checkpoint_every: Seconds of work between two checkpoints.
        has_lock: Whether the leader locks the run directory, as for `dist-f1 train`.
        rules: Other limits than those of `Rules`.
    """

    def __init__(self, hosts=3, work=30.0, checkpoint_every=5.0, has_lock=False, seed=0, **rules):
        defaults = {
            "min_hosts": hosts,
            "max_restarts": 100,
            "start_timeout": 20.0,
            "host_timeout": 6.0,
        }
        names = [chr(ord("a") + index) for index in range(hosts)]
        self.rules = Rules(names=names, **{**defaults, **rules})
        self.now = 1000.0
        self.random = random.Random(seed)
        self.work, self.checkpoint_every, self.has_lock = work, checkpoint_every, has_lock
        # Work that was done, and work in the last checkpoint.
        self.done = self.saved = 0.0
        self.lock_holder = None
        self.cut = set()
        self.exit_codes = {}
        self.messages = []
        self.overlaps = 0.0
        self.hosts = {}
        for index in range(hosts):
            self.start(index)

    def start(self, index):
        """Start the launcher of a host."""
        self.hosts[index] = _Host(self, index)
        self.exit_codes.pop(index, None)

    def kill(self, index):
        """Kill the launcher and the workers of a host."""
        host = self.hosts.pop(index, None)
        if host is not None:
            host.end()

    def reaches(self, a, b):
        """Whether packets go from one host to another."""
        return not {(a,), (b,), (min(a, b), max(a, b))} & self.cut

    def advance(self, seconds):
        """Let time pass."""
        for _ in range(round(seconds / TICK)):
            self.now += TICK
            for index in self.random.sample(sorted(self.hosts), len(self.hosts)):
                host = self.hosts[index]
                if not host.is_frozen and host.member.exit_code is None:
                    host.tick()
                if host.member.exit_code is not None:
                    self._end(index, host)
            self._work()

    def run_until_ended(self, seconds):
        """Let time pass until no launcher is left."""
        deadline = self.now + seconds
        while self.hosts and self.now < deadline:
            self.advance(1.0)
        return self.exit_codes

    def _end(self, index, host):
        """Let a launcher end; a leader serves its last plan until the others have read it."""
        self.exit_codes[index] = host.member.exit_code
        host.ends_at = host.ends_at or self.now + self.rules.host_timeout
        if host.agreement.plan is None or len(self.hosts) == 1 or self.now > host.ends_at:
            self.kill(index)

    def _work(self):
        chiefs = [host for host in self.hosts.values() if host.run and host.run.is_chief]
        self.overlaps += TICK * (len({host.run.plan.number for host in chiefs}) > 1)
        for chief in chiefs:
            plan = chief.run.plan
            members = [self.hosts.get(index) for index in plan.members]
            runs = [host and host.run for host in members]
            is_connected = all(run and run.plan == plan and run.is_connected for run in runs)
            if is_connected and not any(host.is_frozen for host in members):
                self._advance_work()

    def _advance_work(self):
        self.done = min(self.work, self.done + TICK)
        if self.done - self.saved >= self.checkpoint_every or self.done == self.work:
            self.saved = self.done


class _Host:
    def __init__(self, world, index):
        self.world, self.index = world, index
        self.is_frozen = False
        self.signals = []
        self.ends_at = None
        self.run = None
        self.peers = {other: Peer() for other in range(len(world.rules.names)) if other != index}
        self.next_poll = world.now + world.random.random() * POLL
        self.agreement = Agreement(index, world.rules, self._objection, world.has_lock)
        self.member = Member(index, world.rules, {}, 8.0, self._start, self._log, lambda: world.now)
        self.published = self._status()

    def tick(self):
        world = self.world
        if world.now >= self.next_poll:
            self.next_poll = world.now + POLL
            for other in self.peers:
                self._poll(other)
        self.member.observe(self.signals)
        plan = self.agreement.decide(world.now, self._status(), self.peers)
        if self.agreement.plan is None:
            self._unlock()
        self.published = self._status()
        self.member.follow(plan, self.agreement.waits_for)
        self.published = self._status()

    def end(self):
        if self.run is not None:
            self.run.stop(0.0)
        self._unlock()

    def _poll(self, other):
        world, peer = self.world, self.peers[other]
        if not world.reaches(self.index, other):
            self.peers[other] = dataclasses.replace(peer, refuses=False)
        elif other not in world.hosts:
            self.peers[other] = dataclasses.replace(peer, refuses=True)
        elif world.hosts[other].is_frozen:
            self.peers[other] = dataclasses.replace(peer, refuses=False)
        else:
            self.peers[other] = Peer(world.hosts[other].published, world.now)

    def _status(self):
        seen = answers(self.peers, self.world.now, self.world.rules.host_timeout)
        return self.member.status([*seen], self.agreement)

    def _objection(self, group, missing):
        world = self.world
        if not world.has_lock:
            return missing_quorum(world.rules, group, missing, self.peers)
        if world.lock_holder not in (None, self):
            return "the lock is taken"
        world.lock_holder = self
        return ""

    def _unlock(self):
        if self.world.lock_holder is self:
            self.world.lock_holder = None

    def _start(self, plan):
        self.run = _Run(self, plan)
        return self.run

    def _log(self, text):
        self.world.messages.append((round(self.world.now, 1), self.index, text))


class _Run:
    """The workers of a host in one start."""

    def __init__(self, host, plan):
        self.host, self.plan = host, plan
        self.is_chief = plan.leader == host.index
        self.is_stopped = self.was_connected = False
        self.own_failure = None
        self.has_left = False
        self.started = host.world.now
        self.fails_at = None

    @property
    def is_connected(self):
        """Whether the workers of all other members run, and can be reached."""
        world = self.host.world
        connected = not self.is_stopped and not self.has_left and self.own_failure is None
        for other in self.plan.members:
            run = other in world.hosts and world.hosts[other].run
            is_up = bool(run) and run.plan == self.plan and not run.is_stopped
            connected = connected and is_up and world.reaches(self.host.index, other)
        if connected and not self.was_connected and self.is_chief:
            world.done = world.saved
        self.was_connected = self.was_connected or connected
        return connected

    def fail(self, title="KeyError", kind="exception"):
        now = self.host.world.now
        task = Task("worker", self.host.index)
        self.own_failure = Failure(task, 1, kind, title, f"traceback of {title}", now)

    def failure(self):
        world = self.host.world
        if self.own_failure is None and self.was_connected and not self.is_connected:
            if self.has_left:
                return None
            # TensorFlow fails some seconds after it has lost another worker.
            if self.fails_at is None:
                self.fails_at = world.now + world.random.uniform(0.1, 4.0)
            elif world.now >= self.fails_at:
                self.fail("UnavailableError")
        return self.own_failure

    def is_finished(self):
        world = self.host.world
        return self.has_left or (self.was_connected and world.done == world.work)

    def left(self):
        return []

    def stop(self, grace_seconds=8.0):
        world = self.host.world
        if not self.is_stopped and grace_seconds > 2 and self.is_connected and self.is_chief:
            world.saved = world.done
        self.is_stopped = True
        if self.host.run is self:
            self.host.run = None

    def show_later_failures(self):
        pass
