"""Kernels are chosen by device, shape and compilation, and any field can be overridden."""

import pytest
import tensorflow as tf

from dist_f1 import kernels
from dist_f1.kernels import Kernels

BINCOUNT, SEGMENT_SUM = "bincount", "segment_sum"
COMPILED = Kernels("CPU", "lanes", SEGMENT_SUM, compiled=True)


def chosen(*shape, dtype="float32", decision="argmax", is_large=True, **options):
    """The kernels chosen while a step is traced."""
    found = []

    def choose(y_score):
        found.append(kernels.choose(y_score, decision=decision, is_large=is_large))

    step = tf.function(choose, autograph=False, **options)
    step.get_concrete_function(tf.TensorSpec(shape, dtype))
    return found[0]


@pytest.mark.parametrize(
    ("device", "jit_compile", "shape", "expected"),
    [
        ("TPU", False, (65_536, 10), Kernels("TPU", "keys", "matmul")),
        ("TPU", True, (None, 1000), Kernels("TPU", "keys", "matmul")),
        ("GPU", False, (65_536, 1000), Kernels("GPU", "rows", BINCOUNT)),
        ("GPU", True, (65_536, 1000), Kernels("GPU", "rows", SEGMENT_SUM)),
        ("CPU", True, (65_536, 10), Kernels("CPU", "lanes", SEGMENT_SUM)),
        ("CPU", True, (None, 1000), Kernels("CPU", "lanes", SEGMENT_SUM)),
        ("CPU", False, (2**13, 16), COMPILED),
        ("CPU", False, (16_384, 1009), COMPILED),
        ("CPU", False, (2**13 - 1, 16), Kernels("CPU", "rows", BINCOUNT)),
        ("CPU", False, (None, 10), COMPILED),
        ("CPU", False, (100, 255), Kernels("CPU", "rows", BINCOUNT)),
        ("CPU", False, (100, 256), Kernels("CPU", "blocks", BINCOUNT)),
    ],
)
def test_the_choice_follows_the_documented_table(device, jit_compile, shape, expected):
    with kernels.override(device=device):
        assert chosen(*shape, jit_compile=jit_compile) == expected


def test_only_large_batches_of_narrow_scores_or_thresholds_are_compiled():
    assert chosen(16_384, 1000).compiled
    assert not chosen(16_384, 1000, dtype="float64").compiled
    assert chosen(16_384, 1000, dtype="float64", decision="threshold").compiled
    assert not chosen(65_536, 10, decision="other").compiled
    assert not chosen(None, 10, decision="other").compiled
    assert chosen(None, 10, decision="threshold").compiled
    assert not chosen(None, 10, is_large=False).compiled
    assert chosen(65_536, 10, is_large=False).compiled, "the number of rows is known"
    assert not kernels.choose(tf.zeros([65_536, 10])).compiled, "eagerly each shape would compile"


def test_ids_are_int32_where_that_is_fast():
    assert [Kernels(device).index for device in ("CPU", "GPU", "TPU")] == [
        tf.int64,
        tf.int64,
        tf.int32,
    ]
    assert COMPILED.index == tf.int32


def test_the_device_is_that_of_the_scope():
    found = []

    def step(scores):
        with tf.device("GPU:1"):
            found.append(kernels.device(scores))
        with tf.device("CPU:0"):
            found.append(kernels.device(scores))

    tf.function(step, autograph=False).get_concrete_function(tf.TensorSpec([2, 2]))
    assert found == ["GPU", "CPU"]


def test_an_override_ends_with_its_context():
    scores = tf.zeros([4, 4])
    with kernels.override(device="GPU"), kernels.override(histogram="segment_sum"):
        assert kernels.choose(scores) == Kernels("GPU", histogram="segment_sum")
    assert kernels.choose(scores) == Kernels()
    first, second = kernels.override(compiled=True), kernels.override(argmax="blocks")
    first.__enter__()
    second.__enter__()
    first.__exit__(None, None, None)
    assert kernels.choose(scores) == Kernels(argmax="blocks")
    second.__exit__(None, None, None)
    assert kernels.choose(scores) == Kernels()


def test_an_override_with_an_unknown_field_or_kernel_raises():
    with pytest.raises(ValueError, match="compiled must be True or False"):
        kernels.override(compiled="no").__enter__()
    with pytest.raises(ValueError, match="histogram must be one of bincount"):
        kernels.override(histogram="sort").__enter__()
    with pytest.raises(TypeError, match="speed"):
        kernels.override(speed=1).__enter__()
