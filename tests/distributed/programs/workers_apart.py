"""Workers that are not at the same point of the program."""

import os
import pathlib
import time

import numpy as np
import tensorflow as tf
from shards import CLASSES
from worker_steps import columns_of, compile_step, fields, is_chief, reading_step

import dist_f1
from dist_f1.replicas import all_reduce


def too_few_steps(strategy):
    """Let one worker leave the loop early and read, while the other is still in a step."""
    metric, step = reading_step(strategy)
    for index in range(4 - strategy.cluster_resolver.task_id):
        step(*columns_of(strategy, index))
    return {"result": float(metric.result())}


def too_few_steps_before_a_reset(strategy):
    """Let one worker start the next epoch while the other is still in the first."""
    metric, step = reading_step(strategy)
    for _ in range(2):
        for index in range(4 - strategy.cluster_resolver.task_id):
            step(*columns_of(strategy, index))
        metric.reset_state()
    return {}


def first_update_alone(strategy, directory):
    """Make the first update on the chief before the other worker makes its first update."""
    with strategy.scope():
        metric = dist_f1.F1Score("macro")
    columns = [tf.zeros([3], tf.int64), tf.stack([tf.eye(CLASSES)[0]] * 3)]
    chief_is_first = is_chief(strategy) or _wait_for(directory)
    strategy.run(lambda: metric.update_state(*columns) and None)
    _signal(directory)
    local = dist_f1.F1Score("macro", num_classes=CLASSES)
    local.update_state([0], np.array([0]))
    try:
        metric.merge_state([local])
        error = ""
    except ValueError as raised:
        error = str(raised)
    with strategy.scope():
        merged = dist_f1.F1Score("macro")
        merged.merge_state([metric])
    merged_rows = fields(merged.counts())["total"]
    return {"chief_is_first": chief_is_first, "error": error, "merged": merged_rows}


def _signal(directory):
    pathlib.Path(directory, "signal").touch()


def _wait_for(directory):
    """Wait for `_signal` of the chief; return whether it came."""
    end = time.monotonic() + 100
    while not pathlib.Path(directory, "signal").exists():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def one_dies(strategy):
    """End one worker in the middle of an epoch."""
    _, step = reading_step(strategy)
    for index in range(4):
        step(*columns_of(strategy, index))
        if index == 1 and not is_chief(strategy):
            os._exit(3)
    return {}


def only_one_reads(strategy, directory):
    """Read on the chief only, while the other worker is alive."""
    all_reduce.TIMEOUT_SECONDS = 3.0
    with strategy.scope():
        metric = dist_f1.F1Score("macro", num_classes=CLASSES, sync="epoch")
    step = compile_step(strategy, lambda y, p, _: metric.update_state(y, p) and None)
    step(*columns_of(strategy, 0))
    if not is_chief(strategy):
        _wait_for(directory)
        return {}
    try:
        metric.result()
    except tf.errors.DeadlineExceededError as error:
        return {"error": error.message}
    finally:
        _signal(directory)
    return {"error": ""}


def save_and_restore(strategy, directory, *paths):
    """Save in the middle of an epoch on each worker; restore checkpoints of other jobs."""
    with strategy.scope():
        metric = dist_f1.F1Score("macro", num_classes=CLASSES)
    step = compile_step(strategy, lambda y, p, _: metric.update_state(y, p) and None)
    step(*columns_of(strategy, 0))
    saved = fields(metric.counts())
    checkpoint = tf.train.Checkpoint(f1=metric.accumulator)
    # TensorFlow requires that every worker saves; the file of the chief is kept.
    own = os.path.join(directory, "chief" if is_chief(strategy) else "other")
    manager = tf.train.CheckpointManager(checkpoint, own, max_to_keep=1)
    manager.save()
    step(*columns_of(strategy, 1))
    later = fields(metric.counts())

    checkpoint.restore(manager.latest_checkpoint).assert_consumed()
    again = fields(metric.counts())
    step(*columns_of(strategy, 1))
    later_again = fields(metric.counts())

    restored = []
    for path in paths:
        with strategy.scope():
            fresh = dist_f1.F1Score("macro", num_classes=CLASSES)
        tf.train.Checkpoint(f1=fresh.accumulator).restore(path).assert_consumed()
        restored.append(fields(fresh.counts()))
        resumed = compile_step(strategy, lambda y, p, _, m=fresh: m.update_state(y, p) and None)
        resumed(*columns_of(strategy, 1))
        restored.append(fields(fresh.counts()))
    return {
        "saved": saved,
        "again": again,
        "later": later,
        "later_again": later_again,
        "restored": restored,
        "path": manager.latest_checkpoint,
    }
