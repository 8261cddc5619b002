"""The program of one replica, extracted from a step and compiled by XLA."""

import pytest
import tensorflow as tf
from helpers import tpu

from dist_f1 import testing


def step_for(replica):
    @tf.function(autograph=False)
    def step(*columns):
        return tpu(8).run(replica, columns)

    return step


def test_the_arguments_are_those_of_a_replica():
    def replica(x, ids, shared):
        return tf.gather(x, ids) * shared

    specs = [tf.TensorSpec([4]), tf.TensorSpec([2], tf.int32)]
    program = testing.replica_program(step_for(replica), *specs, 3.0)
    assert program.specs == specs
    assert "multiply" in program.lower()


def test_arguments_of_the_step_that_replicas_share_are_arguments():
    @tf.function(autograph=False)
    def step(x, shared):
        def replica(x):
            return x * shared

        return tpu(8).run(replica, (x,))

    specs = [tf.TensorSpec([4]), tf.TensorSpec([])]
    program = testing.replica_program(step, *specs)
    assert program.specs == specs
    assert "multiply" in program.lower()


def test_variables_of_the_first_replica_are_no_arguments():
    with tpu(8).scope():
        variable = tf.Variable(tf.ones([4]), synchronization=tf.VariableSynchronization.ON_READ)

    def replica(x):
        variable.assign_add(x)
        return variable.read_value()

    program = testing.replica_program(step_for(replica), tf.TensorSpec([4]))
    assert program.specs == [tf.TensorSpec([4])]
    assert "add" in program.lower()


def test_called_functions_loops_and_branches_are_compiled():
    @tf.function(autograph=False)
    def called(x):
        return tf.math.cosh(x)

    def replica(x):
        total = tf.while_loop(lambda i, _: i < 3, lambda i, y: (i + 1, called(y)), [0, x])[1]
        return tf.cond(tf.reduce_sum(x) > 0, lambda: total, lambda: -total)

    code = testing.replica_program(step_for(replica), tf.TensorSpec([4])).lower()
    assert "while" in code
    assert "conditional" in code


def test_every_stage_has_an_output():
    def replica(x):
        return tf.square(x)

    program = testing.replica_program(step_for(replica), tf.TensorSpec([4]))
    for stage, kind in [("hlo", str), ("hlo_serialized", bytes), ("optimized_hlo", str)]:
        output = program.lower(stage)
        assert isinstance(output, kind)
        assert output


def test_a_program_that_xla_cannot_compile_raises():
    def replica(x):
        return tf.strings.length(tf.strings.as_string(x))

    program = testing.replica_program(step_for(replica), tf.TensorSpec([4]))
    with pytest.raises((ValueError, tf.errors.OpError)):
        program.lower()


def test_arguments_are_no_constants():
    """A size that depends on an argument only compiles if the argument is a constant."""

    def replica(x, size):
        return tf.math.unsorted_segment_sum(x, tf.zeros_like(x, tf.int32), size[0])

    specs = tf.TensorSpec([4]), tf.TensorSpec([1], tf.int32)
    program = testing.replica_program(step_for(replica), *specs)
    with pytest.raises((ValueError, tf.errors.OpError)):
        program.lower()


def test_a_program_in_a_called_function_is_found():
    def replica(x):
        return tf.math.atan(x)

    inner = step_for(replica)

    @tf.function(autograph=False)
    def outer(x):
        return inner(x)

    assert "atan" in testing.replica_program(outer, tf.TensorSpec([4])).lower()
