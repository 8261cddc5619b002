"""Functions that run in several real worker processes."""

import os
import pathlib
import time

import pytest
from ml_collections import ConfigDict

from benchmarks import workers
from benchmarks.progress import Progress
from benchmarks.suites import Context, per_step

PROGRAM = """
import time

import tensorflow as tf


def add(strategy, number):
    index = strategy.cluster_resolver.task_id
    total = strategy.run(
        lambda: tf.distribute.get_replica_context().all_reduce("sum", tf.constant(number + index))
    )
    return {"index": index, "total": int(strategy.experimental_local_results(total)[0])}


def fail(strategy):
    if strategy.cluster_resolver.task_id == 1:
        raise LookupError("nothing there")
    time.sleep(600)


def hang(strategy):
    time.sleep(600)
"""


@pytest.fixture
def program(tmp_path, monkeypatch):
    (tmp_path / "work_of_workers.py").write_text(PROGRAM)
    monkeypatch.syspath_prepend(tmp_path)
    return "work_of_workers:{}".format


def test_each_worker_is_given_the_arguments_and_they_reach_each_other(program):
    values = workers.run(program("add"), 2, {"number": 10}, timeout=120)
    assert values == [{"index": 0, "total": 21}, {"index": 1, "total": 21}]


def test_the_worker_that_fails_is_named_and_ends_the_others(program):
    started = time.monotonic()
    with pytest.raises(workers.WorkersFailed, match=r"(?s)nothing there.*worker 1 raised Lookup"):
        workers.run(program("fail"), 2, timeout=120)
    assert time.monotonic() - started < 110


def test_workers_that_take_too_long_are_ended(program, monkeypatch):
    started = []

    class Recorded(workers.processes.Worker):
        def __init__(self, *arguments):
            super().__init__(*arguments)
            started.append(self.pid)

    monkeypatch.setattr(workers.processes, "Worker", Recorded)
    with pytest.raises(workers.WorkersFailed, match=r"worker \d has not ended within 3 s"):
        workers.run(program("hang"), 2, timeout=3)
    assert len(started) == 2
    for pid in started:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)


def test_per_step_on_two_workers():
    config = ConfigDict(
        {
            "models": ("mlp",),
            "variants": ("F1Score", "F1Score, read in the step", "keras F1Score", "scikit-learn"),
            "replicas": (),
            "workers": (2,),
            "steps": 500,
            "budget_seconds": 0.2,
            "batch_factor": 1,
        }
    )
    context = Context(["CPU:0"], "label", 0, Progress(quiet=True), pathlib.Path())
    rows = list(per_step.run(config, context))
    assert [row.variant for row in rows] == ["none", *config.variants]
    for row in rows:
        assert (row.case["workers"], row.case["replicas"]) == (2, 2)
        assert 20 <= len(row.timed) < 500
        assert row.values["slowest_worker"] in (0, 1)
        assert len(row.values["worker_p50_ms"]) == 2
    assert [row.wrong for row in rows] == [None, 0, 0, 0, 0]
    assert [row.counted["collectives_added"] for row in rows] == [0, 0, 1, 0, 0]
