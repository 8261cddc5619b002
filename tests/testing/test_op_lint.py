"""Ops that a TPU would not take are found before it is asked."""

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
    @tf.function
    def step(*columns):
        return tpu(8).run(replica, columns)

    return testing.lint_tpu_ops(step, *specs)


def ops_found(replica, *specs):
    return {finding.op for finding in lint(replica, *specs).findings}


def test_a_step_of_usual_ops_has_no_findings():
    def replica(x):
        return tf.reduce_sum(tf.nn.softmax(x)) * 2.0

    report = lint(replica, FLOATS)
    assert report.findings == []
    assert report.examined["Softmax"] == 1
    assert str(report).endswith(" ops, 0 findings")


def test_strings_have_no_kernel():
    def replica(x):
        return tf.strings.length(tf.strings.as_string(x))

    report = lint(replica, FLOATS)
    assert {x.op for x in report.findings} == {"AsString", "StringLength"}
    assert all(x.reason == "no kernel on a TPU" for x in report.findings)
    assert "AsString(T=float32): no kernel on a TPU; node " in str(report)


def test_python_code_has_no_kernel():
    def replica(x):
        return tf.numpy_function(lambda a: a, [x], tf.float32)

    assert ops_found(replica, FLOATS) & {"PyFunc", "PyFuncStateless", "EagerPyFunc"}


def test_a_dtype_without_a_kernel_is_found():
    def replica(x):
        return tf.cumsum(tf.cast(x, tf.int32)), tf.cumsum(tf.cast(x, tf.int8))

    (finding,) = lint(replica, FLOATS).findings
    assert finding.op == "Cumsum"
    assert finding.dtypes == {"T": "int8", "Tidx": "int32"}
    assert finding.reason == "no kernel on a TPU for T=int8"


@pytest.mark.parametrize("op", ["Unique", "Where", "RaggedRange"])
def test_a_shape_that_depends_on_data_is_found(op):
    def unique(x):
        return tf.unique(x)[0]

    def where(x):
        return tf.where(x > 0)

    def ragged_range(x):
        return tf.ragged.range(tf.cast(x, tf.int32)).flat_values

    replica = {"Unique": unique, "Where": where, "RaggedRange": ragged_range}[op]
    assert op in ops_found(replica, FLOATS)


@pytest.mark.parametrize(
    ("kind", "ops"), [("strings", {"AsString", "StringLength"}), ("shape", {"Where"})]
)
def test_findings_are_in_loops_branches_and_called_functions_too(kind, ops):
    def length(x):
        if kind == "shape":
            return tf.reduce_sum(tf.boolean_mask(x, x > 0))
        return tf.cast(tf.strings.length(tf.strings.as_string(x[0])), tf.float32)

    called = tf.function(length)

    def twice(function, x):
        def body(turn, _):
            return turn + 1, function(x)

        return tf.while_loop(lambda turn, _: turn < 2, body, [0, 0.0])

    def in_a_call(x):
        return called(x)

    def in_a_loop(x):
        return twice(length, x)

    def in_a_branch(x):
        return tf.cond(x[0] > 0, lambda: length(x), lambda: 0.0)

    def in_a_call_in_a_loop(x):
        return twice(called, x)

    for replica in (in_a_call, in_a_loop, in_a_branch, in_a_call_in_a_loop):
        assert ops <= ops_found(replica, FLOATS)


def test_a_shape_that_depends_on_data_is_found_in_a_function_that_calls_run():
    with tpu(8).scope():
        own = tf.Variable(tf.zeros([4]), synchronization=tf.VariableSynchronization.ON_READ)

    def known(x):
        own.assign_add(x)
        return own.read_value()

    def unknown(x):
        return tf.unique(known(x))[0]

    def step_of(replica):
        @tf.function
        def inner(x):
            return tpu(8).run(replica, (x,))

        @tf.function
        def outer(x):
            return inner(x)

        return outer

    # Variables have a shape there, too.
    assert testing.lint_tpu_ops(step_of(known), FLOATS).findings == []
    (finding,) = testing.lint_tpu_ops(step_of(unknown), FLOATS).findings
    assert finding.op == "Unique"


def test_where_the_rows_are_not_known_shapes_are_no_findings():
    def replica(x):
        return tf.reduce_sum(x * 2.0)

    assert lint(replica, tf.TensorSpec([None])).findings == []


def test_sums_are_listed_with_dtype_and_shape():
    def replica(x, ids):
        return dist_f1.all_reduce_sum([x]), dist_f1.all_reduce_sum([ids])

    @tf.function
    def step(*columns):
        return tpu(8).run(replica, columns)

    sums = testing.cross_replica_sums(step, FLOATS, IDS)
    assert [(x.dtype, x.shape.as_list()) for x in sums] == [(tf.float32, [4]), (tf.uint32, [8])]


def test_a_step_without_a_tpu_computation_is_refused():
    def replica(x):
        return x * 2

    for look in (testing.lint_tpu_ops, testing.cross_replica_sums, testing.replica_program):
        with pytest.raises(ValueError, match=r"0 TPU computations.*strategy.run once"):
            look(tf.function(replica), FLOATS)
        with pytest.raises(TypeError):
            look(replica, FLOATS)


def test_two_computations_are_refused():
    def replica(x):
        return x * 2

    @tf.function
    def step(x):
        return tpu(8).run(replica, (x,)), tpu(8).run(replica, (x,))

    with pytest.raises(ValueError, match="2 TPU computations"):
        testing.lint_tpu_ops(step, FLOATS)


def test_the_list_names_dtypes_of_arguments_that_ops_have():
    path = pathlib.Path(op_lint.__file__).with_name("tpu_ops.json")
    listed = json.loads(path.read_text())
    assert listed == op_lint.tpu_ops()
    assert len(listed) > 400
    for name, kernels in listed.items():
        assert kernels, name
        for kernel in kernels:
            for argument, dtypes in kernel.items():
                assert dtypes == sorted(set(dtypes)) != [], (name, argument)
    # What is known of them from their documentation.
    (kernel,) = listed["CrossReplicaSum"]
    assert "int64" not in kernel["T"]
    assert {"float32", "bfloat16", "int32", "uint32"} <= set(kernel["T"])
    assert not {"AsString", "PyFunc", "DecodeJpeg"} & set(listed)
