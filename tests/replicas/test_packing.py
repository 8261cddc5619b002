"""Packed vectors add up to the packed sum, bit for bit, in every dtype and in every wire format."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

from dist_f1.replicas.packing import pack, unpack, wire_format_for

INTEGERS = ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64")
FLOATS = ("float16", "bfloat16", "float32", "float64", "complex64", "complex128")


@st.composite
def structures(draw):
    """Tensors on several replicas: dtypes, and one array of small sizes for each replica."""
    dtypes = draw(st.lists(st.sampled_from(INTEGERS + FLOATS), min_size=1, max_size=4))
    shapes = [draw(st.sampled_from([(), (0,), (1,), (3,), (2, 2)])) for _ in dtypes]
    replicas = draw(st.integers(1, 5))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return [
        [_values(random, dtype, shape) for dtype, shape in zip(dtypes, shapes, strict=True)]
        for _ in range(replicas)
    ]


def _values(random, dtype, shape):
    if dtype in INTEGERS:
        limits = np.iinfo(dtype)
        values = random.integers(limits.min, limits.max, shape, dtype, endpoint=True)
        return np.where(random.random(shape) < 0.3, limits.min, values).astype(dtype)
    # Sums of multiples of 1/8 up to 64 are exact in every float.
    values = random.integers(-100, 100, shape) / 8
    if "complex" in dtype:
        values = values + 1j * random.integers(-100, 100, shape) / 8
    return np.asarray(values).astype(tf.as_dtype(dtype).as_numpy_dtype)


def _summed(rows, tpu):
    """What unpacks from the sum of packed rows, added up in the dtype of the wire format."""
    tensors = [[tf.constant(value) for value in row] for row in rows]
    wire = wire_format_for([x.dtype for x in tensors[0]], tpu)
    vectors = [pack(row, wire) for row in tensors]
    assert {vector.dtype for vector in vectors} == {wire.dtype}
    total = np.sum([vector.numpy() for vector in vectors], 0, wire.dtype.as_numpy_dtype)
    return unpack(tf.constant(total), tensors[0], wire)


@pytest.mark.parametrize("tpu", [False, True])
@given(rows=structures())
def test_the_sum_of_packed_vectors_is_the_packed_sum(rows, tpu):
    for index, ours in enumerate(_summed(rows, tpu)):
        values = [row[index] for row in rows]
        dtype = values[0].dtype
        assert ours.dtype.as_numpy_dtype == dtype
        assert ours.shape == values[0].shape
        if dtype.name in INTEGERS:
            # Python's integers, wrapped where the dtype ends.
            expected = sum(value.astype(object) for value in values)
            difference = (ours.numpy().astype(object) - expected) % 2 ** (8 * dtype.itemsize)
            assert not np.any(difference)
        else:
            wide = np.complex128 if dtype.name.startswith("complex") else np.float64
            np.testing.assert_array_equal(ours.numpy().astype(wide), sum(values).astype(wide))


@pytest.mark.parametrize(
    ("dtypes", "wire", "on_tpu"),
    [
        (["int64"], ("int64", None), ("uint32", 16)),
        (["int8", "uint64"], ("int64", None), ("uint32", 16)),
        (["float16", "bfloat16"], ("float32", None), ("float32", None)),
        (["float32", "complex64"], ("float32", None), ("float32", None)),
        (["float32", "float64"], ("float64", None), ("float64", None)),
        (["float32", "int64"], ("float64", 32), ("float32", 8)),
        (["complex128", "int32"], ("float64", 32), ("float64", 16)),
    ],
)
def test_the_wire_format_follows_from_the_dtypes(dtypes, wire, on_tpu):
    types = [tf.as_dtype(dtype) for dtype in dtypes]
    for tpu, (dtype, bits) in ((False, wire), (True, on_tpu)):
        assert wire_format_for(types, tpu) == (tf.as_dtype(dtype), bits)


@pytest.mark.parametrize(
    ("beside", "tpu", "replicas"),
    [((), True, 65_537), (("float32",), True, 65_536), (("float64",), False, 2**21)],
)
def test_limbs_are_exact_for_the_documented_number_of_replicas(beside, tpu, replicas):
    tensors = [tf.constant([-1, 2**62, 2**63 - 1, -(2**63), 12_345_678_901_234_567])]
    tensors += [tf.zeros([1], dtype) for dtype in beside]
    wire = wire_format_for([x.dtype for x in tensors], tpu)
    vector = pack(tensors, wire).numpy()
    total = vector * vector.dtype.type(replicas)
    # No element overflowed, or was rounded.
    assert total.astype(object).tolist() == [int(x) * replicas for x in vector]
    ours = unpack(tf.constant(total), tensors, wire)[0].numpy()
    for value, sum_ in zip(tensors[0].numpy(), ours, strict=True):
        assert (int(sum_) - int(value) * replicas) % 2**64 == 0


def test_shapes_may_be_unknown_while_tracing():
    @tf.function(
        input_signature=[tf.TensorSpec([None], tf.int64), tf.TensorSpec([None, 2], tf.float32)],
        autograph=False,
    )
    def round_trip(ids, values):
        wire = wire_format_for([ids.dtype, values.dtype])
        return unpack(pack([ids, values], wire), [ids, values], wire)

    for rows in (0, 3):
        ids, values = np.arange(rows) - 1, np.ones([rows + 1, 2], np.float32)
        for ours, expected in zip(round_trip(ids, values), (ids, values), strict=True):
            np.testing.assert_array_equal(ours, expected)
