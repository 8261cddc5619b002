"""Interleaved timing: the order of calls, what is waited for, and what is counted."""

import collections
import gc
import time

import pytest
import tensorflow as tf

from benchmarks import timing
from benchmarks.samples import Samples
from benchmarks.timing import CONTROL, MIN_ROUNDS, Timed, interleaved, to_records


def calls_of(seed, rounds=60, warmup=5):
    called = []
    cases = {name: lambda name=name: called.append(name) for name in "abc"}
    interleaved(cases, steps=rounds, warmup=warmup, seed=seed)
    return [tuple(called[i : i + 3]) for i in range(0, len(called), 3)]


def test_every_round_has_every_variant_in_a_new_random_order():
    rounds = calls_of(seed=0)
    assert len(rounds) == 65
    assert all(sorted(order) == ["a", "b", "c"] for order in rounds)
    orders = collections.Counter(rounds[5:])
    assert len(orders) == 6
    assert max(orders.values()) < 30


def test_the_orders_depend_only_on_the_seed():
    assert calls_of(seed=3) == calls_of(seed=3)
    assert calls_of(seed=3) != calls_of(seed=4)


def test_the_first_call_is_kept_apart():
    called = collections.Counter()

    def call(name, seconds):
        called[name] += 1
        time.sleep(seconds if called[name] == 1 else 0.0)

    found = interleaved(
        {"a": lambda: call("a", 0.05), "b": lambda: call("b", 0.0)}, steps=7, warmup=1
    )
    assert found["a"].first_ms > 50.0 > found["b"].first_ms
    assert found["a"].samples.statistics["maximum"] < 50.0
    assert len(found["a"].samples) == len(found["b"].samples) == 7
    assert called == {"a": 8, "b": 8}


class Slow:
    """Like a tensor that is not computed yet."""

    def __init__(self):
        self.waited = False

    def numpy(self):
        time.sleep(0.01)
        self.waited = True


def test_results_are_waited_for_inside_of_the_timed_region():
    given = []

    def call():
        given.append(Slow())
        return {"x": [given[-1], None, 3], "y": tf.constant(1)}

    found = interleaved({"a": call}, steps=5)
    assert all(slow.waited for slow in given)
    assert min(found["a"].samples.values) >= 10.0


def test_every_replica_is_waited_for():
    slow = [Slow(), Slow()]
    per_replica = tf.distribute.DistributedValues
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    values = strategy.experimental_distribute_values_from_function(
        lambda context: tf.constant(context.replica_id_in_sync_group)
    )
    assert isinstance(values, per_replica)
    assert [leaf.numpy() for leaf in tf.nest.flatten(values, expand_composites=True)] == [0, 1]
    timing.wait([values, slow])
    assert all(one.waited for one in slow)


def test_asynchronous_devices_are_waited_for(monkeypatch):
    synced = []

    def sync():
        synced.append(True)
        time.sleep(0.01)

    monkeypatch.setattr(timing, "_is_asynchronous", lambda: True)
    monkeypatch.setattr(tf.test.experimental, "sync_devices", sync)
    assert timing.milliseconds(lambda: None) >= 10.0
    assert synced == [True]


def test_only_devices_other_than_cpus_are_asynchronous(monkeypatch):
    device = collections.namedtuple("Device", "device_type")
    timing._is_asynchronous.cache_clear()
    monkeypatch.setattr(tf.config, "list_logical_devices", lambda: [device("CPU"), device("GPU")])
    assert timing._is_asynchronous()
    timing._is_asynchronous.cache_clear()
    monkeypatch.setattr(tf.config, "list_logical_devices", lambda: [device("CPU")])
    assert not timing._is_asynchronous()
    timing._is_asynchronous.cache_clear()


def test_garbage_is_not_collected_during_a_call():
    collecting = []
    interleaved({"a": lambda: collecting.append(gc.isenabled())}, steps=3)
    assert not any(collecting)
    assert gc.isenabled()


def test_a_failing_call_leaves_garbage_collection_enabled():
    with pytest.raises(ZeroDivisionError):
        interleaved({"a": lambda: 1 / 0})
    assert gc.isenabled()


def test_progress_is_reported_after_each_timed_round():
    reported = []
    interleaved({"a": lambda: None}, steps=4, progress=reported.append)
    assert reported == [1, 1, 1, 1]


@pytest.mark.parametrize(
    ("budget", "rounds"), [(None, 50), (0, 50), (1e-6, MIN_ROUNDS), (60.0, 50)]
)
def test_a_budget_limits_the_rounds_but_not_below_the_minimum(budget, rounds):
    found = interleaved({"a": lambda: time.sleep(1e-3)}, steps=50, budget_seconds=budget)
    assert len(found["a"].samples) == rounds


def test_fewer_steps_than_the_minimum_are_not_increased():
    found = interleaved({"a": lambda: None}, steps=3, warmup=0, budget_seconds=1e-6)
    assert len(found["a"].samples) == 3


def test_workers_agree_on_the_rounds_that_the_budget_allows():
    found = interleaved(
        {"a": lambda: None}, steps=50, budget_seconds=1e3, agree=lambda rounds: rounds - 8
    )
    assert len(found["a"].samples) == 42


def test_records_have_the_difference_to_the_baseline_and_the_noise():
    timed = {
        "base": Timed(Samples((1.0, 2.0, 3.0)), 50.0),
        "other": Timed(Samples((2.0, 3.0, 4.0)), 60.0),
        CONTROL: Timed(Samples((1.25, 2.25, 3.25)), 1.0),
    }
    base, other = to_records(
        "read",
        {"classes": 3},
        timed,
        "base",
        counted={"other": {"collectives": 1}},
        values={"other": {"x": 2}},
        wrong={"other": 0},
    )
    assert (base.variant, other.variant) == ("base", "other")
    assert base.difference is None
    assert base.baseline is None
    assert base.wrong is None
    assert other.baseline == "base"
    assert other.difference.median == 1.0
    assert other.noise == base.noise
    assert other.noise.median == 0.25
    assert other.counted == {"collectives": 1}
    assert other.values == {"first_ms": 60.0, "x": 2}
    assert other.wrong == 0
    assert other.case == {"classes": 3}
