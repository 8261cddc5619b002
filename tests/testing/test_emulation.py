"""Inside of `emulated_tpu`, what was traced for a TPU runs."""

import pytest
import tensorflow as tf
from helpers import mirrored, tpu
from tpu.steps import each_replica

from dist_f1 import testing


def replica():
    context = tf.distribute.get_replica_context()
    return context.all_reduce("sum", tf.constant(1.0))


@tf.function
def step():
    return tpu(8).run(replica)


def test_a_function_runs_inside_and_not_after_it():
    with testing.emulated_tpu():
        assert [float(x) for x in each_replica(tpu(8), step())] == [8.0] * 8
    with pytest.raises(tf.errors.OpError):
        each_replica(tpu(8), step())


def test_run_itself_runs():
    with testing.emulated_tpu():
        values = tpu(32).run(tf.function(replica))
    assert [float(x) for x in each_replica(tpu(32), values)] == [32.0] * 32


def test_it_ends_when_something_is_raised():
    kept = type(step.get_concrete_function())._call_flat
    with pytest.raises(KeyError), testing.emulated_tpu():
        raise KeyError
    assert type(step.get_concrete_function())._call_flat is kept


def test_other_functions_run_as_they_do():
    def twice(x):
        return 2 * x

    with testing.emulated_tpu():
        assert int(tf.function(twice)(3)) == 6
        values = mirrored(2).run(tf.function(replica))
    assert [float(x) for x in mirrored(2).experimental_local_results(values)] == [2.0, 2.0]


def test_what_the_host_does_is_done_once():
    count = tf.Variable(0)

    @tf.function
    def counted():
        count.assign_add(1)
        values = tpu(8).run(replica)
        return tpu(8).reduce("sum", values, axis=None), count.read_value()

    with testing.emulated_tpu():
        results = [[float(x) for x in counted()] for _ in range(2)]
    assert results == [[64.0, 1.0], [64.0, 2.0]]


def test_packed_variables_are_refused_with_the_remedy():
    strategy = tf.distribute.TPUStrategy(plain_resolver())
    strategy.extended._tpu_devices = tpu(8).extended._tpu_devices
    strategy._enable_packed_variable_in_eager_mode = True
    with strategy.scope():
        own = tf.Variable(0.0)

    def add():
        return own.read_value() + 1.0

    @tf.function
    def packed():
        return strategy.run(add)

    with (
        testing.emulated_tpu(),
        pytest.raises(NotImplementedError, match=r"packed variables.*tpu_strategy\(\)"),
    ):
        packed()


def plain_resolver():
    from dist_f1.testing import strategies

    return strategies._Resolver(8, 2)
