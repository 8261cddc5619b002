"""Variables as inputs and outputs of a program."""

import pytest
import tensorflow as tf

from dist_f1.testing.variables import VariableValues, value_spec


def ops_of(function):
    graph = tf.function(function, autograph=False).get_concrete_function().graph
    return {op.type: op for op in graph.get_operations()}


def test_reads_and_assignments_apply_to_the_values():
    variable = tf.Variable([1.0, 2.0])

    def all_ops():
        variable.assign_add([1.0, 1.0])
        variable.assign_sub([1.0, 1.0])
        variable.assign([5.0, 5.0])
        return variable.read_value()

    ops, handle = ops_of(all_ops), variable.handle
    values = VariableValues([handle], [tf.constant([1.0, 2.0])])
    steps = [
        ("AssignAddVariableOp", [10.0, 10.0], [11.0, 12.0]),
        ("AssignSubVariableOp", [1.0, 1.0], [10.0, 11.0]),
        ("AssignVariableOp", [7.0, 8.0], [7.0, 8.0]),
    ]
    for name, argument, expected in steps:
        assert values.apply(ops[name], handle, [tf.constant(argument)]) == []
        (read,) = values.apply(ops["ReadVariableOp"], handle, [])
        assert read.numpy().tolist() == expected
        assert [x.numpy().tolist() for x in values.all()] == [expected]
    # The variable itself is unchanged.
    assert variable.numpy().tolist() == [1.0, 2.0]


def test_other_ops_on_variables_raise():
    variable = tf.Variable([1.0, 2.0])

    def scatter():
        variable.scatter_nd_add([[0]], [1.0])

    with pytest.raises(NotImplementedError, match="ResourceScatterNdAdd"):
        VariableValues([variable.handle], [tf.constant([1.0, 2.0])]).apply(
            ops_of(scatter)["ResourceScatterNdAdd"], variable.handle, []
        )


def test_a_handle_has_the_spec_of_its_variable():
    variable = tf.Variable(tf.zeros([2, 3], tf.int64))
    assert value_spec(variable.handle) == tf.TensorSpec([2, 3], tf.int64)
