"""The lint finds ops that a TPU does not support."""

import json
import pathlib

import pytest
import tensorflow as tf
from helpers import tpu

import dist_f1
from dist_f1 import testing
from dist_f1.testing import op_lint

FLOATS, IDS = tf.TensorSpec([4]), tf.TensorSpec([4], tf.int32)


def lint(replica, *specs):
    @tf.function(autograph=False)
    def step(*columns):
        return tpu(8).run(replica, columns)

    return testing.lint_tpu_ops(step, *specs)


def ops_found(replica, *specs):
    return {finding.op for finding in lint(replica, *specs).findings}


def test_common_ops_have_no_findings():
    def replica(x):
        return tf.reduce_sum(tf.nn.softmax(x)) * 2.0

    report = lint(replica, FLOATS)
    assert report.findings == []
    assert report.examined["Softmax"] == 1
    assert str(report).endswith(" ops, 0 findings")


def test_string_ops_are_found():
    def replica(x):
        return tf.strings.length(tf.strings.as_string(x))

    report = lint(replica, FLOATS)
    assert {x.op for x in report.findings} == {"AsString", "StringLength"}
    assert all(x.reason == "no TPU kernel" for x in report.findings)
    assert "AsString(T=float32): no TPU kernel; node " in str(report)


def test_python_functions_are_found():
    def replica(x):
        return tf.numpy_function(lambda a: a, [x], tf.float32)

    assert ops_found(replica, FLOATS) & {"PyFunc", "PyFuncStateless", "EagerPyFunc"}


def test_unsupported_dtypes_are_found():
    def replica(x):
        return tf.cumsum(tf.cast(x, tf.int32)), tf.cumsum(tf.cast(x, tf.int8))

    (finding,) = lint(replica, FLOATS).findings
    assert finding.op == "Cumsum"
    assert finding.dtypes == {"T": "int8", "Tidx": "int32"}
    assert finding.reason == "no TPU kernel for T=int8"


@pytest.mark.parametrize("op", ["Unique", "Where", "RaggedRange"])
def test_data_dependent_shapes_are_found(op):
    def unique(x):
        return tf.unique(x)[0]

    def where(x):
        return tf.where(x > 0)

    def ragged_range(x):
        return tf.ragged.range(tf.cast(x, tf.int32)).flat_values

    replica = {"Unique": unique, "Where": where, "RaggedRange": ragged_range}[op]
    assert op in ops_found(replica, FLOATS)


def test_ops_in_loops_branches_and_called_functions_are_found():
    def length(x):
        total = tf.reduce_sum(tf.boolean_mask(x, x > 0))
        return tf.cast(tf.strings.length(tf.strings.as_string(total)), tf.float32)

    called = tf.function(length)

    def call_twice(function, x):
        def body(i, _):
            return i + 1, function(x)

        return tf.while_loop(lambda i, _: i < 2, body, [0, 0.0])

    def in_a_call(x):
        return called(x)

    def in_a_loop(x):
        return call_twice(length, x)

    def in_a_branch(x):
        return tf.cond(x[0] > 0, lambda: length(x), lambda: 0.0)

    def in_a_call_in_a_loop(x):
        return call_twice(called, x)

    for replica in (in_a_call, in_a_loop, in_a_branch, in_a_call_in_a_loop):
        assert {"AsString", "StringLength", "Where"} <= ops_found(replica, FLOATS)


def test_data_dependent_shapes_are_found_in_a_function_that_calls_run():
    with tpu(8).scope():
        variable = tf.Variable(tf.zeros([4]), synchronization=tf.VariableSynchronization.ON_READ)

    def static(x):
        variable.assign_add(x)
        return variable.read_value()

    def dynamic(x):
        return tf.unique(static(x))[0]

    def step_for(replica):
        @tf.function
        def inner(x):
            return tpu(8).run(replica, (x,))

        @tf.function
        def outer(x):
            return inner(x)

        return outer

    # The shapes of variables are known there too.
    assert testing.lint_tpu_ops(step_for(static), FLOATS).findings == []
    (finding,) = testing.lint_tpu_ops(step_for(dynamic), FLOATS).findings
    assert finding.op == "Unique"


def test_shapes_are_no_findings_if_the_number_of_rows_is_unknown():
    def replica(x):
        return tf.reduce_sum(x * 2.0)

    assert lint(replica, tf.TensorSpec([None])).findings == []


def test_sums_have_their_dtype_and_shape():
    def replica(x, ids):
        return dist_f1.all_reduce_sum([x]), dist_f1.all_reduce_sum([ids])

    @tf.function(autograph=False)
    def step(*columns):
        return tpu(8).run(replica, columns)

    sums = testing.cross_replica_sums(step, FLOATS, IDS)
    assert [(x.dtype, x.shape.as_list()) for x in sums] == [(tf.float32, [4]), (tf.uint32, [8])]


def test_a_step_without_a_tpu_computation_raises():
    def replica(x):
        return x * 2

    for inspect in (testing.lint_tpu_ops, testing.cross_replica_sums, testing.replica_program):
        with pytest.raises(ValueError, match=r"Found 0 TPU computations.*strategy.run once"):
            inspect(tf.function(replica), FLOATS)
        with pytest.raises(TypeError):
            inspect(replica, FLOATS)


def test_two_computations_raise():
    def replica(x):
        return x * 2

    @tf.function(autograph=False)
    def step(x):
        return tpu(8).run(replica, (x,)), tpu(8).run(replica, (x,))

    with pytest.raises(ValueError, match="2 TPU computations"):
        testing.lint_tpu_ops(step, FLOATS)


def test_the_list_of_kernels_has_their_dtypes():
    path = pathlib.Path(op_lint.__file__).with_name("tpu_ops.json")
    listed = json.loads(path.read_text())
    assert listed == op_lint.tpu_ops()
    assert len(listed) > 400
    for name, kernels in listed.items():
        assert kernels, name
        for kernel in kernels:
            for argument, dtypes in kernel.items():
                assert dtypes == sorted(set(dtypes)) != [], (name, argument)
    # As the documentation of the ops says.
    (kernel,) = listed["CrossReplicaSum"]
    assert "int64" not in kernel["T"]
    assert {"float32", "bfloat16", "int32", "uint32"} <= set(kernel["T"])
    assert not {"AsString", "PyFunc", "DecodeJpeg"} & set(listed)
