"""Functions that run in several worker processes."""

import os
import time

import pytest
from benchmark_context import quiet_context
from ml_collections import ConfigDict

from benchmarks import workers
from benchmarks.suites import per_step

pytestmark = pytest.mark.slow

PROGRAM = """
import os
import pathlib
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


def hang(strategy, directory):
    (pathlib.Path(directory) / str(os.getpid())).touch()
    time.sleep(600)
"""


@pytest.fixture
def program(tmp_path, monkeypatch):
    (tmp_path / "program_of_workers.py").write_text(PROGRAM)
    monkeypatch.syspath_prepend(tmp_path)
    return "program_of_workers:{}".format


def test_each_worker_gets_the_arguments_and_reaches_the_other(program):
    values = workers.run(program("add"), 2, {"number": 10}, timeout=300)
    assert values == [{"index": 0, "total": 21}, {"index": 1, "total": 21}]


def test_a_failing_worker_is_named_and_ends_the_others(program):
    # The other worker would take 600 seconds.
    with pytest.raises(
        workers.WorkersFailedError, match=r"(?s)nothing there.*worker 1 raised Lookup"
    ):
        workers.run(program("fail"), 2, timeout=300)


def test_workers_that_take_too_long_are_ended(program, tmp_path):
    directory = tmp_path / "pids"
    directory.mkdir()
    with pytest.raises(workers.WorkersFailedError, match="2 workers have not ended within 12 s"):
        workers.run(program("hang"), 2, {"directory": str(directory)}, timeout=12)
    pids = [int(path.name) for path in directory.iterdir()]
    assert len(pids) == 2
    # The kernel may take a moment.
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and any(os.path.exists(f"/proc/{pid}") for pid in pids):
        time.sleep(0.1)
    for pid in pids:
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
    records = list(per_step.run(config, quiet_context()))
    assert [record.variant for record in records] == ["none", *config.variants]
    for record in records:
        assert (record.case["workers"], record.case["replicas"]) == (2, 2)
        assert 20 <= len(record.timed) < 500
        assert record.values["slowest_worker"] in (0, 1)
        assert len(record.values["worker_p50_ms"]) == 2
    assert [record.wrong for record in records] == [None, 0, 0, 0, 0]
    assert [record.counted["collectives_added"] for record in records] == [0, 0, 1, 0, 0]
