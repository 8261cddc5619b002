"""Asynchronous checkpoints hold the counts at the time of the request."""

import pytest
import tensorflow as tf
from checkpoints import make, restore, rows, update
from helpers import strategy

import dist_f1


@pytest.mark.parametrize("name", [pytest.param("none", marks=pytest.mark.slow), "mirrored_3"])
def test_an_asynchronous_checkpoint_holds_the_counts_at_its_request(name, tmp_path):
    chosen = strategy(name)
    metric = make(chosen, num_classes=3)
    checkpoint = tf.train.Checkpoint(f1=metric.accumulator)
    options = tf.train.CheckpointOptions(enable_async=True)
    paths, totals = [], []
    for index in range(4):
        update(chosen, metric, *rows(10, seed=index))
        totals.append(int(metric.counts().total))
        paths.append(checkpoint.save(str(tmp_path / "f1"), options))
        update(chosen, metric, *rows(3, seed=index))
    if hasattr(checkpoint, "sync"):
        checkpoint.sync()
    else:
        # Reading waits for the pending write.
        checkpoint.read(paths[-1], options)
    for path, total in zip(paths, totals, strict=True):
        fresh = dist_f1.F1Score("macro", num_classes=3)
        restore(fresh, path)
        assert int(fresh.counts().total) == total


def test_an_asynchronous_checkpoint_of_an_unknown_layout_raises(tmp_path):
    checkpoint = tf.train.Checkpoint(f1=dist_f1.F1Score().accumulator)
    with pytest.raises(ValueError, match="Pass num_classes="):
        checkpoint.save(str(tmp_path / "f1"), tf.train.CheckpointOptions(enable_async=True))
