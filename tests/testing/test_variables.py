"""Variables as values that go in and come out."""

import pytest
import tensorflow as tf

from dist_f1.testing.variables import Values, value_spec


def graph_of(function):
    graph = tf.function(function, autograph=False).get_concrete_function().graph
    return {op.type: op for op in graph.get_operations()}


def test_reads_and_assignments_are_done_on_values():
    own = tf.Variable([1.0, 2.0])

    def all_ops():
        own.assign_add([1.0, 1.0])
        own.assign_sub([1.0, 1.0])
        own.assign([5.0, 5.0])
        return own.read_value()

    ops, handle = graph_of(all_ops), own.handle
    values = Values([handle], [tf.constant([1.0, 2.0])])
    steps = [
        ("AssignAddVariableOp", [10.0, 10.0], [11.0, 12.0]),
        ("AssignSubVariableOp", [1.0, 1.0], [10.0, 11.0]),
        ("AssignVariableOp", [7.0, 8.0], [7.0, 8.0]),
    ]
    for name, given, after in steps:
        assert values.apply(ops[name], handle, [tf.constant(given)]) == []
        (read,) = values.apply(ops["ReadVariableOp"], handle, [])
        assert read.numpy().tolist() == after
        assert [x.numpy().tolist() for x in values.all()] == [after]
    # The variable itself is left alone.
    assert own.numpy().tolist() == [1.0, 2.0]


def test_other_ops_on_variables_are_refused():
    own = tf.Variable([1.0, 2.0])

    def scatter():
        own.scatter_nd_add([[0]], [1.0])

    with pytest.raises(NotImplementedError, match="ResourceScatterNdAdd"):
        Values([own.handle], [tf.constant([1.0, 2.0])]).apply(
            graph_of(scatter)["ResourceScatterNdAdd"], own.handle, []
        )


def test_a_handle_knows_what_it_holds():
    own = tf.Variable(tf.zeros([2, 3], tf.int64))
    assert value_spec(own.handle) == tf.TensorSpec([2, 3], tf.int64)
