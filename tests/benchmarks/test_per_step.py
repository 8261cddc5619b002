"""Training steps that are measured: they train for real, and what is computed in them is right."""

import functools
import pathlib

import numpy as np
import pytest
import tensorflow as tf
from ml_collections import ConfigDict
from sklearn.metrics import f1_score

from benchmarks.models import PROBLEMS
from benchmarks.per_step import batches, training
from benchmarks.per_step.meters import BASELINE, VARIANTS, OnTheHost
from benchmarks.per_step.strategies import mirrored
from benchmarks.progress import Progress
from benchmarks.suites import Context, per_step
from benchmarks.timing import CONTROL

DEVICES = [f"CPU:{i}" for i in range(4)]


def placed(strategy, problem, rows, number=1):
    return [batches.distribute(strategy, b) for b in batches.draw(problem, rows, number, seed=1)]


@pytest.mark.parametrize("name", PROBLEMS)
def test_a_step_on_two_replicas_is_one_on_the_whole_batch(name):
    problem, strategy = PROBLEMS[name], mirrored(DEVICES, 2)
    (whole,) = batches.draw(problem, 4, 1, seed=1)
    alone = problem.make(0)
    with tf.GradientTape() as tape:
        loss = training.cross_entropy(whole.one_hot, tf.nn.softmax(alone(whole.x)))
    slopes = tape.gradient(loss, alone.trainable_variables)
    assert len(slopes) >= 6

    with strategy.scope():
        model = problem.make(0)
    step = training.training_step(strategy, problem, model)
    losses, _, _ = step(*placed(strategy, problem, 4))
    for local in strategy.experimental_local_results(losses):
        np.testing.assert_allclose(local, loss, rtol=1e-5)
    moved = 0
    pairs = zip(model.trainable_variables, alone.trainable_variables, slopes, strict=True)
    for variable, before, slope in pairs:
        expected = before - problem.learning_rate * tf.convert_to_tensor(slope)
        first, second = (v.numpy() for v in strategy.experimental_local_results(variable))
        np.testing.assert_array_equal(first, second)
        np.testing.assert_allclose(first, expected, atol=1e-6)
        moved += not np.array_equal(first, before.numpy())
    assert moved == len(slopes)


@pytest.mark.parametrize("name", PROBLEMS)
def test_all_classes_occur_in_every_batch_and_shares_are_equal(name):
    problem = PROBLEMS[name]
    for batch in batches.draw(problem, problem.batch, 2, seed=3):
        np.testing.assert_array_equal(np.unique(batch.y), np.arange(problem.classes))
        np.testing.assert_array_equal(batch.one_hot.argmax(-1), batch.y.ravel())
    assert not any(problem.batch % replicas for replicas in (1, 2, 3, 4, 8))


def test_the_model_learns():
    problem, strategy = PROBLEMS["mlp"], mirrored(DEVICES, 2)
    with strategy.scope():
        model = problem.make(0)
    step = training.training_step(strategy, problem, model)
    (batch,) = placed(strategy, problem, 96)
    losses = [float(strategy.experimental_local_results(step(batch)[0])[0]) for _ in range(10)]
    assert losses[-1] < losses[0]


def wrong_values(makers, name="mlp", replicas=2, rows=96):
    problem, strategy = PROBLEMS[name], mirrored(DEVICES, replicas)
    with strategy.scope():
        model = problem.make(0)
        meters = {key: make(strategy, problem.classes) for key, make in makers.items()}
    step = training.training_step(strategy, problem, model, list(meters.values()), keep=True)
    data = placed(strategy, problem, rows, 3)
    return training.wrong_values(strategy, step, meters, data)


@functools.cache
def wrong_values_of_variants(name):
    return wrong_values(VARIANTS, name, rows=PROBLEMS[name].batch)


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("name", ["mlp", "segmenter"])
def test_no_variant_differs_from_scikit_learn(name, variant):
    assert wrong_values_of_variants(name)[variant] == 0


class MeanOfReplicas(OnTheHost):
    """What F1 is not."""

    def values(self):
        own = [np.concatenate(pairs).T for pairs in self._pairs]
        scores = [f1_score(*columns, average="macro", zero_division=0) for columns in own]
        return {"f1_macro": float(np.mean(scores))}


class Forgetful(OnTheHost):
    """Knows the last step only."""

    def collect(self, combined):
        self.reset()
        super().collect(combined)


def test_a_wrong_metric_is_found_out():
    found = wrong_values({"mean": MeanOfReplicas, "last": Forgetful, "right": OnTheHost})
    assert found == {"mean": 3, "last": 2, "right": 0}


def context(progress=None):
    progress = progress or Progress(quiet=True)
    return Context(DEVICES, "label", 0, progress, pathlib.Path())


def config(**changes):
    settings = {
        "models": ("mlp",),
        "variants": tuple(VARIANTS),
        "replicas": (2, 3, 8),
        "workers": (),
        "steps": 3,
        "budget_seconds": 0.0,
        "batch_factor": 1,
    }
    return ConfigDict(settings | changes)


@functools.cache
def all_rows():
    return list(per_step.run(config(), context()))


def test_there_is_a_row_for_each_variant_and_each_number_of_replicas_that_has_devices():
    assert [(row.case["replicas"], row.variant) for row in all_rows()] == [
        (replicas, variant) for replicas in (2, 3) for variant in VARIANTS
    ]
    for row in all_rows():
        assert row.suite == "per_step"
        assert len(row.timed) == 3
        assert row.case["workers"] == 1
        assert row.case["scores"] == "[768, 10]"
        assert row.values["first_ms"] > 0
        peak, added = (row.values[f"{name}_memory_mb"]["host"] for name in ("peak", "case"))
        assert peak > added >= 0


def test_a_row_is_compared_with_the_baseline_the_control_and_keras():
    rows = {row.variant: row for row in all_rows()[: len(VARIANTS)]}
    base, ours = rows.pop(BASELINE), rows["F1Score"]
    assert base.difference is None
    assert base.wrong is None
    assert base.noise == ours.noise
    assert ours.baseline == BASELINE
    assert ours.values["overhead_percent"] == pytest.approx(
        100 * ours.difference.median / base.timed.p50
    )
    paired = np.subtract(ours.timed.values, rows["keras F1Score"].timed.values)
    assert ours.values["versus_keras_f1"]["median"] == pytest.approx(np.median(paired))
    assert ours.values["sync"] == "epoch"
    assert "versus_keras_f1" not in rows["keras F1Score"].values
    assert all(row.wrong == 0 and row.values["end_ms"] > 0 for row in rows.values())


def test_what_a_step_sends_is_counted():
    sent = dict.fromkeys(VARIANTS, 0) | {"F1Score, read in the step": 1, "strategy.reduce": 3}
    for row in all_rows():
        assert row.counted["collectives_added"] == sent[row.variant]


def test_one_replica_sends_nothing():
    rows = per_step.run(config(replicas=(1,), variants=("F1Score",)), context())
    assert [(row.variant, row.counted["collectives"], row.wrong) for row in rows] == [
        ("none", 0, None),
        ("F1Score", 0, 0),
    ]


def test_the_slowest_worker_counts():
    def worker(*ms):
        variant = {"ms": ms, "first_ms": ms[0], "end_ms": 1.0, "collectives": 1, "notes": {}}
        timed = {BASELINE: variant | {"ms": [1.0, 1.0, 1.0], "wrong": None}}
        timed[CONTROL] = timed[BASELINE]
        timed["F1Score"] = variant | {"wrong": 1}
        case = {"device": "one", "replicas": 2, "scores": [4, 2], "variants": timed}
        memory = {"host": ms[0]}
        return case | {"peak_memory_mb": memory, "case_memory_mb": memory}

    _, row = per_step.rows("mlp", [worker(1.0, 5.0, 2.0), worker(3.0, 4.0, 4.0)])
    assert row.timed.values == (3.0, 5.0, 4.0)
    assert row.difference.median == 3.0
    assert row.wrong == 2
    assert row.values["slowest_worker"] == 1
    assert row.values["worker_p50_ms"] == [2.0, 4.0]
    assert row.values["peak_memory_mb"] == {"host": 3.0}
    assert (row.case["workers"], row.case["device"]) == (2, "2 x (one)")


@pytest.mark.parametrize("setting", ["models", "variants"])
def test_an_unknown_name_is_told(setting):
    with pytest.raises(ValueError, match=f"config.per_step.{setting}: there is no 'x'; choose"):
        next(per_step.run(config(**{setting: ("x",)}), context()))
