"""Pairs on several worker processes, each with its own sessions."""

import estimators
import pytest
from cluster import run_workers
from shards import counted, fields

pytestmark = [estimators.needs_estimator, pytest.mark.slow]
STEPS = 5


def test_each_worker_fetches_the_counts_of_all_workers_before_the_step():
    ended = run_workers("estimator_jobs.train", 2, STEPS, devices=1)
    expected = [fields(counted(step, 2)) for step in range(1, STEPS)]
    for worker in ended:
        nothing, *after_each_step = worker.result
        assert nothing["total"] == 0
        assert after_each_step == expected
