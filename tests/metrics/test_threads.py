"""Threads that make the first updates of a metric at the same time lose no row."""

import os
import sys
import threading

import numpy as np
import pytest
import tensorflow as tf
from helpers import strategy
from tiers import slow

import dist_f1

Y = np.eye(3, dtype=np.float32)[np.random.default_rng(0).integers(0, 3, 120)]
UPDATES = 5
# More runs find rarer races: THREAD_RUNS=50 make test-all ARGS=tests/metrics/test_threads.py
RUNS = int(os.environ.get("THREAD_RUNS", "4"))


def count_in_threads(metric, threads, update):
    """Return the number of rows after several threads have updated at once, and their errors."""
    barrier, errors = threading.Barrier(threads), []

    def work():
        barrier.wait()
        try:
            for _ in range(UPDATES):
                update()
        except Exception as error:
            errors.append(error)

    workers = [threading.Thread(target=work) for _ in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    return int(metric.counts().total), errors


@tf.autograph.experimental.do_not_convert
def update_state(metric):
    metric.update_state(Y, Y)


@pytest.mark.parametrize("times", [1, slow(RUNS)])
@pytest.mark.parametrize("name", ["none", "mirrored_3"])
@pytest.mark.parametrize("threads", [2, 8])
@pytest.mark.parametrize("in_graph", [False, True])
def test_no_row_is_lost(name, threads, in_graph, times):
    chosen = strategy(name)
    interval = sys.getswitchinterval()
    # Under MirroredStrategy, eager ops of TensorFlow itself fail now and then in several threads:
    # one thread gets the attributes of another thread's op. Such a run shows nothing about metrics.
    is_unsafe = name != "none" and not in_graph
    clean = 0
    if not is_unsafe:
        # Frequent switches find more races.
        sys.setswitchinterval(1e-5)
    try:
        for _ in range(times):
            with chosen.scope():
                metric = dist_f1.F1Score("macro")

            def update(metric=metric):
                chosen.run(update_state, (metric,))

            step = tf.function(update, autograph=False) if in_graph else update
            rows, errors = count_in_threads(metric, threads, step)
            if is_unsafe and {type(error) for error in errors} == {tf.errors.InvalidArgumentError}:
                continue
            assert not errors
            clean += 1
            assert rows == threads * UPDATES * len(Y) * chosen.num_replicas_in_sync
    finally:
        sys.setswitchinterval(interval)
    assert clean or is_unsafe
