"""`repair_fit` is guarded: it knows what it replaces, and replaces it once."""

import importlib

import pytest
import tensorflow as tf

import dist_f1
from dist_f1.compat.keras3 import faults, repair, trainer

pytestmark = pytest.mark.skipif(not hasattr(tf.keras, "ops"), reason="tf-keras has no such fault")
NAMES = (
    "TensorFlowTrainer._maybe_symbolic_build",
    "reduce_per_replica",
    "TensorFlowTrainer._make_function",
)


@pytest.fixture
def module(monkeypatch):
    """The module of Keras, as Keras wrote it; what a test replaces is put back."""
    module = importlib.import_module(repair._MODULE)
    for name in NAMES:
        owner, last = repair._find(module, name)
        function = getattr(owner, last)
        monkeypatch.setattr(owner, last, getattr(function, "__wrapped__", function))
    return module


def test_every_fault_is_found_and_repaired_once(module):
    checks = [x.is_faulty for x in repair._REPAIRS]
    assert all(is_faulty(module) for is_faulty in checks)
    assert repair.repair_fit() == NAMES
    replaced = [getattr(*repair._find(module, name)) for name in NAMES]
    assert repair.repair_fit() == NAMES
    assert [getattr(*repair._find(module, name)) for name in NAMES] == replaced
    assert not faults.builds_from_a_reduced_batch(module)


def test_unknown_code_is_refused_and_nothing_is_replaced(module, monkeypatch):
    original = module.reduce_per_replica

    def reduce_per_replica(values, strategy, reduction):
        return original(values, strategy, reduction)

    monkeypatch.setattr(module, "reduce_per_replica", reduce_per_replica)
    with pytest.raises(RuntimeError, match=r"unknown reduce_per_replica .*Nothing was changed"):
        repair.repair_fit()
    assert module.reduce_per_replica is reduce_per_replica
    assert not repair._is_replaced(module.TensorFlowTrainer._maybe_symbolic_build)


def test_mended_code_is_left_alone(module, monkeypatch):
    def reduce_per_replica(values, strategy, reduction):
        return strategy.reduce("MEAN", values, axis=None)

    monkeypatch.setattr(module, "reduce_per_replica", reduce_per_replica)
    assert "reduce_per_replica" not in repair.repair_fit()
    assert module.reduce_per_replica is reduce_per_replica


def test_another_backend_is_refused(module, monkeypatch):
    keras = importlib.import_module("keras")
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(RuntimeError, match=r"runs on jax.*KERAS_BACKEND=tensorflow"):
        repair.repair_fit()


def test_only_the_first_replica_of_a_batch_is_kept():
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    per_replica = strategy.experimental_distribute_values_from_function(
        lambda context: tf.constant([context.replica_id_in_sync_group])
    )
    batch = trainer.first_replica((per_replica, {"y": tf.constant(3)}, None))
    assert (int(batch[0][0]), int(batch[1]["y"]), batch[2]) == (0, 3, None)


def test_the_package_is_enough_to_reach_it():
    assert dist_f1.compat.keras3.repair_fit is repair.repair_fit
