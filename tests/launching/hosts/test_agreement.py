"""What several hosts agree on, with a simulated network: see `support/simulated_hosts.py`."""

import random

import pytest
from simulated_hosts import World

END = 600.0


def ended_well(world):
    codes = world.run_until_ended(END)
    assert set(codes.values()) == {0}, world.messages
    assert world.done == world.saved == world.work
    return len(codes)


def texts(world, host):
    return "\n".join(text for _, index, text in world.messages if index == host)


@pytest.mark.parametrize("hosts", [1, 2, 5])
def test_all_hosts_start_together_and_end_with_0(hosts):
    world = World(hosts)
    assert ended_well(world) == hosts
    starts = [time for time, _, text in world.messages if "start 1 on" in text]
    assert len(starts) == hosts
    assert max(starts) - min(starts) < 1.5


def test_a_host_that_does_not_come_is_named_on_each_of_the_others():
    world = World()
    world.kill(1)
    world.advance(19.0)
    assert not world.exit_codes
    codes = world.run_until_ended(30.0)
    assert codes == {0: 1, 2: 1}
    for host in (0, 2):
        assert "waiting for host 1 (b)" in texts(world, host)
        assert "host 1 (b) did not come within 20 s (--start_timeout)" in texts(world, host)


def test_the_first_cause_is_shown_on_each_host():
    world = World(max_restarts=0)
    world.advance(10.0)
    # Workers of other hosts fail with an UnavailableError some seconds later.
    world.hosts[2].run.fail("KeyError")
    assert world.run_until_ended(30.0) == {0: 1, 1: 1, 2: 1}
    for host in range(3):
        assert "worker 2 of host 2 (c) failed first.\ntraceback of KeyError" in texts(world, host)
        assert "stopped by worker 2 of host 2 (c)" in texts(world, host)


@pytest.mark.parametrize("victim", [0, 1])
def test_a_lost_host_is_the_cause_and_not_the_errors_that_follow(victim):
    world = World(max_restarts=0)
    world.advance(10.0)
    world.kill(victim)
    codes = world.run_until_ended(30.0)
    assert set(codes.values()) == {1}
    for host in codes:
        assert f"host {victim} ({'ab'[victim]})" in texts(world, host)
        assert "UnavailableError" not in texts(world, host)


def test_a_permanent_failure_is_not_restarted():
    world = World()
    world.advance(10.0)
    world.hosts[1].run.fail("no data", kind="exit")
    assert set(world.run_until_ended(30.0).values()) == {1}
    assert "start 2" not in texts(world, 0)


def test_all_hosts_restart_together_at_most_as_often_as_allowed():
    world = World(max_restarts=1)
    world.advance(10.0)
    world.hosts[1].run.fail()
    world.advance(10.0)
    for host in range(3):
        assert "restart 1 of 1, start 2 on host 0 (a), host 1 (b), host 2 (c)" in texts(world, host)
    world.hosts[0].run.fail()
    assert set(world.run_until_ended(30.0).values()) == {1}


@pytest.mark.parametrize("victim", [0, 2])
def test_a_host_whose_launcher_was_killed_is_taken_back(victim):
    world = World()
    world.advance(10.0)
    world.kill(victim)
    world.advance(10.0)
    assert not world.exit_codes
    world.start(victim)
    assert ended_well(world) == 3


@pytest.mark.parametrize("victim", [0, 1, 2])
def test_an_elastic_job_goes_on_without_a_host_and_takes_it_back_at_a_checkpoint(victim):
    world = World(min_hosts=2, work=60.0)
    world.advance(12.0)
    world.kill(victim)
    world.advance(40.0)
    assert world.done > 12.0
    other = (victim + 1) % 3
    assert f"without host {victim}" in texts(world, other)
    world.start(victim)
    before = world.done
    world.advance(10.0)
    # The workers have saved a checkpoint before they stopped.
    assert world.saved >= before
    assert "joins the job" in texts(world, other)
    assert len(world.hosts[victim].run.plan.members) == 3
    assert ended_well(world) == 3


def test_an_elastic_job_waits_for_as_many_hosts_as_it_needs():
    world = World(min_hosts=2)
    world.advance(10.0)
    world.kill(0)
    world.kill(1)
    codes = world.run_until_ended(100.0)
    assert codes == {2: 1}
    assert "did not come" in texts(world, 2)


@pytest.mark.parametrize("has_lock", [False, True])
def test_a_divided_network_never_has_two_jobs(has_lock):
    world = World(4, min_hosts=1, has_lock=has_lock, work=200.0)
    world.advance(10.0)
    world.cut = {(0, 2), (0, 3), (1, 2), (1, 3)}
    world.advance(100.0)
    running = {host.run.plan.number for host in world.hosts.values() if host.run}
    assert len(running) == 1
    world.cut = set()
    _restart_ended(world)
    world.advance(30.0)
    assert all(len(host.run.plan.members) == 4 for host in world.hosts.values())
    ended_well(world)
    assert world.overlaps == 0.0


def test_a_frozen_leader_that_wakes_up_follows_the_others():
    world = World(min_hosts=2, work=100.0)
    world.advance(10.0)
    world.hosts[0].is_frozen = True
    world.advance(40.0)
    assert world.hosts[1].run.plan.leader == 1
    world.hosts[0].is_frozen = False
    world.advance(20.0)
    assert world.hosts[0].run.plan.leader == 1
    assert ended_well(world) == 3


def test_a_pause_of_a_launcher_does_not_lose_the_others():
    world = World()
    world.advance(10.0)
    for host in world.hosts.values():
        host.is_frozen = True
    world.advance(60.0)
    for host in world.hosts.values():
        host.is_frozen = False
    assert ended_well(world) == 3
    assert "does not answer" not in texts(world, 1)


def test_a_signal_to_one_launcher_ends_all():
    world = World()
    world.advance(10.0)
    world.hosts[1].signals.append(15)
    assert world.run_until_ended(30.0) == {0: 143, 1: 143, 2: 143}
    assert "host 1 (b) was stopped by SIGTERM" in texts(world, 0)


@pytest.mark.parametrize("victim", [0, 2])
def test_a_host_leaves_an_elastic_job_with_a_checkpoint_and_without_waiting(victim):
    world = World(min_hosts=1)
    world.advance(10.0)
    before = world.done
    world.hosts[victim].signals.append(15)
    world.advance(8.0)
    assert world.exit_codes == {victim: 143}
    assert world.saved >= before
    assert len(world.hosts[1].run.plan.members) == 2
    world.exit_codes.clear()
    assert ended_well(world) == 2


def test_hosts_that_do_not_reach_each_other_do_not_start():
    world = World()
    world.cut = {(1, 2)}
    codes = world.run_until_ended(60.0)
    assert set(codes.values()) == {1}
    assert not any("start 1" in text for _, _, text in world.messages)


def _random_fault(world, chooser):
    """Do something bad to a host; return a function that undoes it."""
    index = chooser.choice(sorted(world.hosts))
    other = chooser.choice([host for host in range(len(world.rules.names)) if host != index])
    host = world.hosts[index]
    kind = chooser.choice(["kill", "cut", "pair", "freeze", "fail", "crash"])
    if kind == "kill":
        world.kill(index)
    elif kind == "cut":
        world.cut.add((index,))
        return lambda: world.cut.discard((index,))
    elif kind == "pair":
        pair = (min(index, other), max(index, other))
        world.cut.add(pair)
        return lambda: world.cut.discard(pair)
    elif kind == "freeze":
        host.is_frozen = True
        return lambda: setattr(host, "is_frozen", False)
    elif host.run is not None:
        host.run.fail(kind="exception" if kind == "fail" else "ended")
    return lambda: None


@pytest.mark.parametrize("has_lock", [False, True])
@pytest.mark.parametrize("min_hosts", [1, 3])
@pytest.mark.parametrize("seed", range(15))
def test_a_job_ends_well_after_any_faults(seed, min_hosts, has_lock):
    chooser = random.Random(seed)
    world = World(3, min_hosts=min_hosts, has_lock=has_lock, seed=seed, work=100.0)
    for _ in range(12):
        world.advance(chooser.uniform(0.0, 15.0))
        if not world.hosts:
            break
        undo = _random_fault(world, chooser)
        world.advance(chooser.choice([0.5, 3.0, 10.0, 40.0]))
        undo()
        _restart_ended(world)
    for _ in range(30):
        world.advance(20.0)
        if _restart_ended(world):
            break
    codes = world.run_until_ended(END)
    # A host that was cut off at the end gives up.
    assert 0 in codes.values(), world.messages
    assert world.done == world.saved == world.work
    if has_lock:
        assert world.overlaps == 0.0


def _restart_ended(world):
    """Start the launchers that were killed or gave up, as a service manager does."""
    if 0 in world.exit_codes.values():
        return True
    for index in range(len(world.rules.names)):
        if index not in world.hosts:
            world.start(index)
    return False
