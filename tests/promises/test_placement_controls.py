"""The check for data on the host finds every kind of it."""

import numpy as np
import placement
import pytest
import tensorflow as tf
from helpers import mirrored
from placement import assert_on_gpu, examine, spec
from tensorflow.core.framework import node_def_pb2
from tracing import graph_function

pytestmark = pytest.mark.skipif(
    not placement.has_gpu_kernels(), reason="this TensorFlow was built without kernels for GPUs"
)

C = 4
IDS, ROWS = spec(tf.int64, None), spec(tf.float32, None, C)


def found(call, *specs):
    """Return the reason of each finding by its op."""
    return {
        finding.op: finding.reason for finding in examine(graph_function(call), *specs).findings
    }


def test_an_op_without_a_kernel_is_found():
    def count(ids):
        return tf.raw_ops.DenseBincount(
            input=ids, size=tf.constant(C, tf.int64), weights=tf.zeros([0], tf.int64)
        )

    assert found(count, IDS) == {"DenseBincount": "no kernel for a GPU"}
    of_tf = found(lambda ids: tf.math.bincount(ids, dtype=tf.int64), spec(tf.int32, None))
    assert of_tf["DenseBincount"] == "no kernel for a GPU"


def test_data_on_the_host_is_found():
    def add(x):
        return tf.cast(tf.cast(x, tf.int32) + 1, tf.float32)

    def join(x):
        # Only the last value is data.
        return tf.cast(tf.concat([[1], [2], tf.cast(x, tf.int32)], axis=0), tf.float32)

    def at(x, i):
        return x[i]

    floats = spec(tf.float32, None)
    assert found(add, floats) == {"AddV2": "data on the host: x, z"}
    assert found(join, floats) == {"ConcatV2": "data on the host: output, values"}
    assert found(at, floats, spec(tf.int64)) == {"StridedSlice": "data on the host: begin, end"}
    [finding] = examine(graph_function(add), floats).findings
    assert (finding.dtypes, finding.is_data) == ((("T", "int32"),), True)
    with pytest.raises(AssertionError, match=r"AddV2\(T=int32\): data on the host: x, z"):
        assert_on_gpu(graph_function(add), floats)


def test_shapes_and_constants_are_not_data():
    def reshaped(x):
        rows = tf.shape(x)[0]
        sizes = tf.stack([rows * 2, tf.size(x) // (rows * 2) + tf.rank(x) - 2])
        return tf.reshape(x, sizes) + 1.0

    report = assert_on_gpu(graph_function(reshaped), ROWS)
    assert {"Shape", "StridedSlice", "Mul", "Pack", "AddV2"} <= set(report.examined)


def test_values_of_variables_and_random_numbers_are_data():
    variable = tf.Variable([1, 2])

    def read():
        return tf.cast(variable.read_value() + 1, tf.float32)

    def draw():
        return tf.cast(tf.random.uniform([2], maxval=5, dtype=tf.int32) + 1, tf.float32)

    assert "AddV2" in found(read)
    assert "AddV2" in found(draw)


def add_on_the_host(x):
    return tf.cast(tf.cast(x, tf.int32) + 1, tf.float32)


def test_functions_branches_and_loops_are_followed():
    inner = graph_function(add_on_the_host)
    floats = spec(tf.float32)

    def nested(x):
        return inner(x) + inner(x)

    def branch(flag, x):
        # A size is not data.
        return tf.cond(tf.size(flag) > 0, lambda: add_on_the_host(x), lambda: x)

    def loop(x):
        return tf.while_loop(lambda i, _: i < 3, lambda i, x: (i + 1, inner(x)), [0, x])[1]

    def from_the_second_turn_on(x):
        def turn(i, n, x):
            return i + 1, tf.cast(x, tf.int32), tf.cast(n * 2, tf.float32) + x

        return tf.while_loop(lambda i, n, x: i < 3, turn, [0, 1, x])[2]

    for call in (nested, loop):
        assert found(call, floats) == {"AddV2": "data on the host: x, z"}
    assert examine(graph_function(nested), floats).examined["AddV2"] == 3
    assert found(branch, spec(tf.float32, None), floats)["AddV2"] == "data on the host: x, z"
    assert found(from_the_second_turn_on, floats)["Mul"] == "data on the host: x, z"
    assert "StatelessIf" in found(
        lambda flag, x: tf.cond(flag > 0, lambda: x, lambda: -x), floats, floats
    )


def test_a_loop_condition_that_is_data_is_found():
    def halve(x):
        return tf.while_loop(lambda x: x > 1.0, lambda x: [x / 2.0], [x])

    assert any("loop" in reason for reason in found(halve, spec(tf.float32)).values())


def test_a_function_compiled_by_xla_is_one_op():
    compiled = tf.function(add_on_the_host, jit_compile=True, autograph=False)
    report = assert_on_gpu(graph_function(lambda x: compiled(x) * 2.0), spec(tf.float32, None))
    assert len(report.compiled) == report.examined["XLA"] == 1
    assert "AddV2" not in report.examined
    # The whole function may be compiled too.
    assert examine(compiled, spec(tf.float32, None)).examined == {"XLA": 1}


def test_the_keys_of_a_collective_may_be_on_the_host_but_not_its_data():
    strategy = mirrored(2)

    def reduce(dtype, tensors):
        def replica():
            context = tf.distribute.get_replica_context()
            mine = [tf.cast(tf.random.uniform([2]), dtype) for _ in range(tensors)]
            return [tf.cast(x, tf.float32) for x in context.all_reduce("SUM", mine)]

        return graph_function(lambda: strategy.run(replica))

    for dtype in (tf.float32, tf.int64):
        assert assert_on_gpu(reduce(dtype, 1)).examined["CollectiveReduceV2"] == 2
    # TensorFlow packs several tensors, and there is no GPU kernel that splits int64.
    assert_on_gpu(reduce(tf.float32, 2))
    assert {finding.op for finding in examine(reduce(tf.int64, 2)).findings} == {"SplitV"}


def test_a_kernel_of_the_device_with_the_highest_priority_is_used():
    def node(op, **types):
        made = node_def_pb2.NodeDef(op=op)
        for name, dtype in types.items():
            made.attr[name].type = dtype.as_datatype_enum
        return made

    kernel = placement.kernel_for("AddV2", node("AddV2", T=tf.int32))
    assert (kernel.device_type, sorted(kernel.host_memory_arg)) == ("GPU", ["x", "y", "z"])
    kernel = placement.kernel_for("AddV2", node("AddV2", T=tf.int64))
    assert (kernel.device_type, list(kernel.host_memory_arg)) == ("GPU", [])
    kernel = placement.kernel_for("ReadVariableOp", node("ReadVariableOp", dtype=tf.int64))
    assert kernel.device_type == "DEFAULT"
    assert placement.kernel_for("AddV2", node("AddV2", T=tf.string)) is None
    for output_type, expected in [(tf.int64, True), (tf.int16, False)]:
        types = {"T": tf.float32, "Tidx": tf.int32, "output_type": output_type}
        assert (placement.kernel_for("ArgMax", node("ArgMax", **types)) is not None) is expected


def test_keras_f1_has_no_findings():
    """Keras uses float32 throughout, so it is a control from outside of dist_f1."""
    metric = tf.keras.metrics.F1Score("macro")
    metric.update_state(np.eye(C, dtype=np.float32), np.eye(C, dtype=np.float32))

    def update(y_true, y_pred):
        metric.update_state(y_true, y_pred)

    assert_on_gpu(graph_function(update), ROWS, ROWS)
    assert_on_gpu(graph_function(lambda: metric.result()))
