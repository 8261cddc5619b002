"""A real cluster of two workers and a parameter server, driven by a coordinator."""

import numpy as np
import pytest
import tensorflow as tf
from cluster import run_alone
from helpers import mirrored
from shards import CLASSES, fields, shard
from sklearn.metrics import f1_score

import dist_f1
from dist_f1 import Counts


@pytest.mark.slow
@pytest.mark.parametrize("variables", ["whole", "split"])
def test_asynchronous_workers_lose_no_count(variables, tmp_path):
    with mirrored(3).scope():
        here = dist_f1.F1Score("macro", num_classes=CLASSES)
    here.update_state([0, 1, 3], np.array([0, 2, 3]))
    path = tf.train.Checkpoint(f1=here.accumulator).save(str(tmp_path / "mirrored"))
    out = run_alone("parameter_servers.custom_loop", variables, tmp_path, path).result

    columns = [shard(step, 0)[:2] for step in range(40)]
    y_true, y_pred = (np.concatenate(column) for column in zip(*columns, strict=True))
    whole = Counts.from_labels(y_true, y_pred, CLASSES)
    assert out["servers"] == 3
    assert out["counts"] == fields(whole)
    assert out["compiled"] == pytest.approx(f1_score(y_true, y_pred, average="macro"), abs=1e-6)
    assert out["sizes"] == [len(column[0]) for column in columns]
    assert out["collectives"] == 0
    assert out["later"] == fields(whole + Counts.from_labels([0, 1], [0, 1], CLASSES))
    assert out["restored"] == fields(here.counts())
    assert out["merged"] == fields(whole + here.counts())
    tf.train.Checkpoint(f1=here.accumulator).restore(out["path"]).assert_consumed()
    assert fields(here.counts()) == out["counts"]


@pytest.mark.skipif(hasattr(tf.keras, "ops"), reason="Keras 3 has no fit on parameter servers")
def test_fit_of_tf_keras_counts_every_batch():
    out = run_alone("parameter_servers.keras_fit").result
    assert out["servers"] == 3
    # Each batch has two rows of each class, on any worker.
    assert out["counts"]["actual"] == [12] * 4
    assert out["counts"]["total"] == 48
    assert out["counts"]["true_positive"] == [12, 0, 0, 0]
    assert out["history"] == [pytest.approx(0.25, abs=1e-6)] * 2
