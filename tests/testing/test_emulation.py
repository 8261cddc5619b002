"""Steps that were traced for a TPU run inside `emulated_tpu`."""

import pytest
import tensorflow as tf
from helpers import mirrored, tpu
from tpu.steps import replica_values

from dist_f1 import testing
from dist_f1.testing import strategies


def replica():
    context = tf.distribute.get_replica_context()
    return context.all_reduce("sum", tf.constant(1.0))


@tf.function(autograph=False)
def step():
    return tpu(8).run(replica)


def test_a_function_runs_inside_and_fails_afterwards():
    with testing.emulated_tpu():
        assert [float(x) for x in replica_values(tpu(8), step())] == [8.0] * 8
    with pytest.raises(tf.errors.OpError):
        replica_values(tpu(8), step())


def test_strategy_run_runs():
    with testing.emulated_tpu():
        values = tpu(8).run(tf.function(replica, autograph=False))
    assert [float(x) for x in replica_values(tpu(8), values)] == [8.0] * 8


def test_the_emulation_ends_with_an_exception():
    original = type(step.get_concrete_function())._call_flat
    with pytest.raises(KeyError), testing.emulated_tpu():
        raise KeyError
    assert type(step.get_concrete_function())._call_flat is original


def test_other_functions_run_as_usual():
    def double(x):
        return 2 * x

    with testing.emulated_tpu():
        assert int(tf.function(double, autograph=False)(3)) == 6
        values = mirrored(2).run(tf.function(replica, autograph=False))
    assert [float(x) for x in mirrored(2).experimental_local_results(values)] == [2.0, 2.0]


def test_ops_of_the_host_run_once():
    count = tf.Variable(0)

    @tf.function(autograph=False)
    def counted():
        count.assign_add(1)
        values = tpu(8).run(replica)
        return tpu(8).reduce("sum", values, axis=None), count.read_value()

    with testing.emulated_tpu():
        results = [[float(x) for x in counted()] for _ in range(2)]
    assert results == [[64.0, 1.0], [64.0, 2.0]]


def test_packed_variables_raise_with_the_remedy():
    strategy = tf.distribute.TPUStrategy(strategies._Resolver(8, 2))
    strategy.extended._tpu_devices = tpu(8).extended._tpu_devices
    strategy._enable_packed_variable_in_eager_mode = True
    with strategy.scope():
        variable = tf.Variable(0.0)

    def add():
        return variable.read_value() + 1.0

    @tf.function(autograph=False)
    def packed():
        return strategy.run(add)

    with (
        testing.emulated_tpu(),
        pytest.raises(NotImplementedError, match=r"packed variables.*tpu_strategy\(\)"),
    ):
        packed()
