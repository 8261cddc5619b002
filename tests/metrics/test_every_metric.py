"""Every metric class keeps the same promises; the cases are in support/metric_cases.py."""

import functools
import json

import numpy as np
import pytest
import tensorflow as tf
from comparisons import same
from helpers import mirrored, run_on_shards
from metric_cases import CASES

import dist_f1


def make(name):
    case = CASES[name]
    # float32 would round the values of scikit-learn.
    return case.make(num_classes=case.num_classes, dtype="float64")


@functools.cache
def counted(name):
    """Return a metric that has counted all rows of a case."""
    return CASES[name].update(make(name))


def assert_result(result, expected):
    if isinstance(expected, dict):
        for entry, value in expected.items():
            np.testing.assert_allclose(result[entry], value, rtol=1e-12, err_msg=entry)
    else:
        np.testing.assert_allclose(result, expected, rtol=1e-12)


def test_every_metric_class_has_a_case():
    public = {getattr(dist_f1, name) for name in dist_f1.__all__}
    classes = {c for c in public if isinstance(c, type) and issubclass(c, tf.keras.metrics.Metric)}
    assert {CASES[name].make.func for name in CASES} == classes


@pytest.mark.parametrize("name", CASES)
def test_the_result_and_the_functional_score_equal_sklearn(name):
    metric = counted(name)
    assert_result(metric.result(), CASES[name].expected)
    if not hasattr(metric, "sweep"):
        assert_result(metric.score(metric.counts().numpy()), CASES[name].expected)


@pytest.mark.parametrize("name", CASES)
def test_unequal_shards_on_three_replicas_have_the_counts_and_the_result_of_all_rows(name):
    strategy, rows = mirrored(3), CASES[name].rows
    with strategy.scope():
        metric = make(name)

    def update(*columns):
        metric.update_state(**dict(zip(rows, columns, strict=True)))

    run_on_shards(strategy, update, list(rows.values()), [5, 50])
    same(metric.accumulator.read(), counted(name).accumulator.read())
    assert_result(metric.result(), CASES[name].expected)


@pytest.mark.parametrize("name", CASES)
def test_metrics_of_disjoint_rows_merge(name):
    merged, *parts = (make(name) for _ in range(3))
    CASES[name].update(parts[0], slice(20))
    CASES[name].update(parts[1], slice(20, None))
    merged.merge_state(parts)
    same(merged.accumulator.read(), counted(name).accumulator.read())


@pytest.mark.parametrize("name", CASES)
def test_a_checkpoint_restores_the_counts_and_counting_resumes(name, tmp_path):
    half, restored = CASES[name].update(make(name), slice(20)), make(name)
    path = tf.train.Checkpoint(metric=half.accumulator).save(str(tmp_path / "metric"))
    tf.train.Checkpoint(metric=restored.accumulator).restore(path).assert_consumed()
    CASES[name].update(restored, slice(20, None))
    same(restored.accumulator.read(), counted(name).accumulator.read())


@pytest.mark.parametrize("name", CASES)
def test_from_config_makes_the_same_metric(name):
    config = make(name).get_config()
    copy = type(make(name)).from_config(json.loads(json.dumps(config)))
    through_keras = tf.keras.metrics.deserialize(tf.keras.metrics.serialize(make(name)))
    for metric in (copy, through_keras):
        assert type(metric) is type(make(name))
        assert metric.get_config() == config
    same(CASES[name].update(copy).accumulator.read(), counted(name).accumulator.read())
