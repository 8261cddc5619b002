"""One replica's program, taken out of a step and compiled by XLA."""

import pytest
import tensorflow as tf
from helpers import tpu

from dist_f1 import testing


def step_of(replica):
    @tf.function
    def step(*columns):
        return tpu(8).run(replica, columns)

    return step


def test_its_arguments_are_what_a_replica_is_given():
    def replica(x, ids, same):
        return tf.gather(x, ids) * same

    specs = [tf.TensorSpec([4]), tf.TensorSpec([2], tf.int32)]
    program = testing.replica_program(step_of(replica), *specs, 3.0)
    assert program.specs == specs
    assert "multiply" in program.lower()


def test_variables_are_those_of_the_first_replica_and_no_arguments():
    with tpu(8).scope():
        own = tf.Variable(tf.ones([4]), synchronization=tf.VariableSynchronization.ON_READ)

    def replica(x):
        own.assign_add(x)
        return own.read_value()

    program = testing.replica_program(step_of(replica), tf.TensorSpec([4]))
    assert program.specs == [tf.TensorSpec([4])]
    assert "add" in program.lower()


def test_functions_loops_and_branches_are_compiled_along():
    @tf.function
    def called(x):
        return tf.math.cosh(x)

    def replica(x):
        total = tf.while_loop(lambda i, _: i < 3, lambda i, y: (i + 1, called(y)), [0, x])[1]
        return tf.cond(tf.reduce_sum(x) > 0, lambda: total, lambda: -total)

    code = testing.replica_program(step_of(replica), tf.TensorSpec([4])).lower()
    assert "while" in code
    assert "conditional" in code


@pytest.mark.parametrize("stage", ["hlo", "hlo_serialized", "optimized_hlo"])
def test_any_stage_is_to_be_had(stage):
    def replica(x):
        return tf.square(x)

    made = testing.replica_program(step_of(replica), tf.TensorSpec([4])).lower(stage)
    assert isinstance(made, bytes if stage == "hlo_serialized" else str)
    assert made


def test_what_xla_cannot_compile_fails():
    def replica(x):
        return tf.strings.length(tf.strings.as_string(x))

    program = testing.replica_program(step_of(replica), tf.TensorSpec([4]))
    with pytest.raises((ValueError, tf.errors.OpError)):
        program.lower()


def test_arguments_are_not_taken_for_constants():
    """A size that depends on an argument compiles only if the argument is baked in."""

    def replica(x, size):
        return tf.math.unsorted_segment_sum(x, tf.zeros_like(x, tf.int32), size[0])

    specs = tf.TensorSpec([4]), tf.TensorSpec([1], tf.int32)
    program = testing.replica_program(step_of(replica), *specs)
    with pytest.raises((ValueError, tf.errors.OpError)):
        program.lower()


def test_a_program_in_a_function_that_is_called_is_found():
    def replica(x):
        return tf.math.atan(x)

    inner = step_of(replica)

    @tf.function
    def outer(x):
        return inner(x)

    assert "atan" in testing.replica_program(outer, tf.TensorSpec([4])).lower()
