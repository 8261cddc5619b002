"""Measured training steps: they train, and their scores are correct."""

import functools

import numpy as np
import pytest
import tensorflow as tf
from benchmark_context import DEVICES, quiet_context
from ml_collections import ConfigDict
from sklearn.metrics import f1_score

from benchmarks.context import mirrored, tensorflow_variable
from benchmarks.models import PROBLEMS
from benchmarks.per_step import training
from benchmarks.per_step.meters import BASELINE, VARIANTS
from benchmarks.suites import per_step
from benchmarks.timing import CONTROL

SLOW_PROBLEMS = ["mlp", *(pytest.param(x, marks=pytest.mark.slow) for x in [*PROBLEMS][1:])]


def batches(strategy, problem, samples, number=1):
    drawn = training.draw_batches(problem, samples, number, seed=1)
    return [training.distribute(strategy, batch) for batch in drawn]


@pytest.mark.parametrize("name", SLOW_PROBLEMS)
def test_a_step_on_two_replicas_equals_a_step_on_the_whole_batch(name):
    problem, strategy = PROBLEMS[name], mirrored(DEVICES, 2)
    (whole,) = training.draw_batches(problem, 4, 1, seed=1)
    alone = problem.create(0)
    with tf.GradientTape() as tape:
        loss = training.cross_entropy(whole.one_hot, tf.nn.softmax(alone(whole.x)))
    variables = [tensorflow_variable(variable) for variable in alone.trainable_variables]
    gradients = tape.gradient(loss, variables)
    assert len(gradients) >= 6

    with strategy.scope():
        model = problem.create(0)
    step = training.training_step(strategy, problem, model)
    losses, _, _ = step(*batches(strategy, problem, 4))
    for local in strategy.experimental_local_results(losses):
        np.testing.assert_allclose(local, loss, rtol=1e-5)
    changed = 0
    for trained, before, gradient in zip(
        model.trainable_variables, variables, gradients, strict=True
    ):
        expected = before - problem.learning_rate * tf.convert_to_tensor(gradient)
        replicas = strategy.experimental_local_results(tensorflow_variable(trained))
        first, second = (x.numpy() for x in replicas)
        np.testing.assert_array_equal(first, second)
        np.testing.assert_allclose(first, expected, atol=1e-6)
        changed += not np.array_equal(first, before.numpy())
    # The softmax of attention does not depend on the bias of the keys.
    assert changed >= len(gradients) - (name == "tagger")


@pytest.mark.parametrize("name", PROBLEMS)
def test_all_classes_occur_in_every_batch_and_batches_are_divisible(name):
    problem = PROBLEMS[name]
    for batch in training.draw_batches(problem, problem.batch, 2, seed=3):
        np.testing.assert_array_equal(np.unique(batch.y), np.arange(problem.classes))
        np.testing.assert_array_equal(batch.one_hot.argmax(-1), batch.y.ravel())
    assert not any(problem.batch % replicas for replicas in (1, 2, 3, 4, 8))


@pytest.mark.slow
@pytest.mark.parametrize("name", PROBLEMS)
def test_the_model_learns(name):
    problem, strategy = PROBLEMS[name], mirrored(DEVICES, 2)
    with strategy.scope():
        model = problem.create(0)
    step = training.training_step(strategy, problem, model)
    (batch,) = batches(strategy, problem, 24)
    losses = [float(strategy.experimental_local_results(step(batch)[0])[0]) for _ in range(10)]
    assert losses[-1] < losses[0]


def count_mismatches(factories, name="mlp", replicas=2, samples=96):
    problem, strategy = PROBLEMS[name], mirrored(DEVICES, replicas)
    with strategy.scope():
        model = problem.create(0)
        meters = {key: create(strategy, problem.classes) for key, create in factories.items()}
    step = training.training_step(strategy, problem, model, list(meters.values()), keep=True)
    data = batches(strategy, problem, samples, 3)
    return training.count_mismatches(strategy, step, meters, data)


@pytest.mark.slow
def test_every_variant_agrees_with_scikit_learn_on_a_model_with_pixels():
    found = count_mismatches(VARIANTS, "segmenter", samples=PROBLEMS["segmenter"].batch)
    assert found == dict.fromkeys(VARIANTS, 0)


HostMeter = VARIANTS["scikit-learn"]


class MeanOfReplicas(HostMeter):
    """The mean of the replicas' scores, which is not the score."""

    def values(self):
        replicas = [np.concatenate(pairs).T for pairs in self._pairs]
        scores = [f1_score(*columns, average="macro", zero_division=0) for columns in replicas]
        return {"f1_macro": float(np.mean(scores))}


class LastStepOnly(HostMeter):
    """Resets before each step."""

    def collect(self, combined):
        self.reset()
        super().collect(combined)


def test_a_wrong_meter_is_noticed():
    found = count_mismatches({"mean": MeanOfReplicas, "last": LastStepOnly, "right": HostMeter})
    assert found == {"mean": 3, "last": 2, "right": 0}


def config(**changes):
    settings = {
        "models": ("mlp",),
        "variants": tuple(VARIANTS),
        "replicas": (2, 8),
        "workers": (),
        "steps": 3,
        "budget_seconds": 0.0,
        "batch_factor": 1,
    }
    return ConfigDict(settings | changes)


FAST = ("none", "F1Score, read in the step", "keras F1Score")


@functools.cache
def run_variants(variants):
    return list(per_step.run(config(variants=variants), quiet_context()))


@pytest.fixture(params=[FAST, pytest.param(tuple(VARIANTS), marks=pytest.mark.slow)], ids=len)
def variants(request):
    return request.param


@pytest.fixture
def all_records(variants):
    return run_variants(variants)


def test_there_is_a_record_for_each_variant_and_each_available_number_of_replicas(
    all_records, variants
):
    assert [(record.case["replicas"], record.variant) for record in all_records] == [
        (2, variant) for variant in variants
    ]
    for record in all_records:
        assert record.suite == "per_step"
        assert len(record.timed) == 3
        assert record.case["workers"] == 1
        assert record.case["scores"] == "[768, 10]"
        assert record.values["first_ms"] > 0
        peak, added = (record.values[f"{name}_memory_mb"]["host"] for name in ("peak", "case"))
        assert peak > added >= 0


def test_a_record_is_compared_with_baseline_control_and_keras(all_records):
    records = {record.variant: record for record in all_records}
    base, ours = records.pop(BASELINE), records["F1Score, read in the step"]
    assert base.difference is None
    assert base.wrong is None
    assert base.noise == ours.noise
    assert ours.baseline == BASELINE
    assert ours.values["overhead_percent"] == pytest.approx(
        100 * ours.difference.median / base.timed.p50
    )
    paired = np.subtract(ours.timed.values, records["keras F1Score"].timed.values)
    assert ours.values["versus_keras_f1"]["median"] == pytest.approx(np.median(paired))
    assert ours.values["sync"] == "step"
    assert "F1Score" not in records or records["F1Score"].values["sync"] == "epoch"
    assert "versus_keras_f1" not in records["keras F1Score"].values
    assert all(record.wrong == 0 and record.values["end_ms"] > 0 for record in records.values())


def test_the_collectives_of_a_step_are_counted(all_records):
    reads = {"F1Score, read in the step": 1, "F1Score, read after the step": 1}
    sent = dict.fromkeys(VARIANTS, 0) | reads | {"strategy.reduce": 3}
    for record in all_records:
        assert record.counted["collectives_added"] == sent[record.variant]


@pytest.mark.slow
@pytest.mark.parametrize(("replicas", "collectives"), [(1, [0, 0]), (3, [1, 1])])
def test_other_numbers_of_replicas(replicas, collectives):
    records = list(
        per_step.run(config(replicas=(replicas,), variants=("F1Score",)), quiet_context())
    )
    assert [(record.variant, record.wrong) for record in records] == [
        ("none", None),
        ("F1Score", 0),
    ]
    assert [record.counted["collectives"] for record in records] == collectives


def worker(*ms, wrong=1):
    variant = {"ms": ms, "first_ms": ms[0], "end_ms": 1.0, "collectives": 1, "notes": {}}
    variants = {BASELINE: variant | {"ms": [1.0] * len(ms), "wrong": None}}
    variants[CONTROL] = variants[BASELINE]
    variants["F1Score"] = variant | {"wrong": wrong}
    memory = {"host": ms[0]}
    case = {"device": "one", "replicas": 2, "scores": [4, 2], "variants": variants}
    return case | {"peak_memory_mb": memory, "case_memory_mb": memory}


def test_the_slowest_worker_of_each_round_counts():
    _, record = per_step.records("mlp", [worker(1.0, 5.0, 2.0), worker(3.0, 4.0, 4.0)])
    assert record.timed.values == (3.0, 5.0, 4.0)
    assert record.difference.median == 3.0
    assert record.wrong == 2
    assert record.values["slowest_worker"] == 1
    assert record.values["worker_p50_ms"] == [2.0, 4.0]
    assert record.values["peak_memory_mb"] == {"host": 3.0}
    assert record.values["first_ms"] == 3.0
    assert (record.case["workers"], record.case["device"]) == (2, "2 x (one)")


def test_workers_with_different_numbers_of_rounds_raise():
    with pytest.raises(ValueError, match="shorter"):
        list(per_step.records("mlp", [worker(1.0, 5.0), worker(3.0)]))


@pytest.mark.parametrize("setting", ["models", "variants"])
def test_a_missing_name_raises(setting):
    with pytest.raises(ValueError, match=f"config.per_step.{setting}: there is no 'x'; choose"):
        next(per_step.run(config(**{setting: ("x",)}), quiet_context()))
