"""The kernels for TPUs count what NumPy counts; here they run on the CPU."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st

import dist_f1
from dist_f1 import kernels
from dist_f1.kernels import histograms
from dist_f1.kernels.histograms import HistogramSpec, grouped_columns

# From this number of pairs of a row and a bin on, a histogram is a product.
EDGE = histograms._FEW_PRODUCTS
CASES = {
    "argmax": ({}, [4], "ids"),
    "one-hot": ({}, [4], "one-hot"),
    "pixels": ({"confusion": True}, [3, 5, 4], "ids"),
    "pixels one-hot": ({}, [3, 5, 4], "one-hot"),
    "thresholds": ({"threshold": 0.5}, [4], "multilabel"),
    "tokens by threshold": ({"threshold": 0.5}, [6, 4], "multilabel"),
    "top_k": ({"top_k": 2}, [6, 4], "ids"),
    "weighted": ({"weighted": True}, [4], "ids"),
    "weighted samples": (
        {"weighted": True, "average": "samples", "threshold": 0.5},
        [4],
        "multilabel",
    ),
    "weighted multilabel": ({"weighted": True, "threshold": 0.5}, [4], "multilabel"),
    "groups": ({"num_groups": 3}, [4], "ids"),
    "groups multilabel": ({"num_groups": 3, "threshold": 0.5}, [4], "multilabel"),
    "groups weighted": ({"num_groups": 3, "weighted": True}, [4], "ids"),
}

FAST = ("pixels", "weighted samples", "groups multilabel")


def batch(shape, targets, rows=23):
    random = np.random.default_rng(len(shape))
    scores = random.random((rows, *shape)).astype(np.float32)
    scores[1] = np.nan
    scores[2] = scores.flat[0]
    ids = random.integers(0, shape[-1], scores.shape[:-1])
    if targets == "ids":
        return ids, scores, random
    if targets == "one-hot":
        return np.eye(shape[-1])[ids], scores, random
    return random.integers(0, 2, scores.shape), scores, random


def _cases():
    """A TPU always uses `argmax="keys"`, so only the slow tier tries other searches."""
    for name in CASES:
        for rows in ("known", "unknown"):
            is_fast = (rows == "known" and name in FAST) or (name, rows) == ("argmax", "unknown")
            marks = [] if is_fast else [pytest.mark.slow]
            yield pytest.param(name, rows, "keys", marks=marks)
        for search in ("rows", "lanes"):
            yield pytest.param(name, "known", search, marks=pytest.mark.slow)


@pytest.mark.parametrize(("name", "rows", "search"), _cases())
def test_kernels_for_a_tpu_count_the_same_as_those_for_a_cpu(name, rows, search):
    options, shape, targets = CASES[name]
    y_true, y_pred, random = batch(shape, targets)
    extra = {"mask": random.random(len(y_pred)) < 0.8}
    if "weighted" in options:
        extra["sample_weight"] = random.random(len(y_pred)).astype(np.float32)
    if "num_groups" in options:
        extra["by"] = random.integers(-1, 4, len(y_pred))
    kind = dist_f1.Scores if "confusion" in options else dist_f1.F1Score
    counted = []
    for device in ("CPU", "TPU"):
        metric = kind(num_classes=4, **options)
        specs = [
            tf.TensorSpec([None if rows == "unknown" else len(x), *x.shape[1:]], x.dtype)
            for x in (y_true, y_pred, *extra.values())
        ]

        def update(y_true, y_pred, *others, metric=metric):
            metric.update_state(y_true, y_pred, **dict(zip(extra, others, strict=True)))

        with kernels.override(device=device, argmax=search):
            step = tf.function(update, input_signature=specs, autograph=False)
            step(y_true, y_pred, *extra.values())
        counted.append(metric.counts().numpy())
    assert counted[0].total.sum() > 0
    for plain, on_tpu in zip(*map(tf.nest.flatten, counted), strict=True):
        np.testing.assert_allclose(on_tpu, plain, rtol=1e-13)


@given(
    st.sampled_from([1, 2, 3, 16, 17, 100, 1000, 4097]),
    st.sampled_from([1, 40, 700, EDGE // 1000, EDGE // 1000 + 1]),
    st.integers(0, 99),
)
def test_a_product_of_one_hot_matrices_is_a_histogram(size, rows, seed):
    random = np.random.default_rng(seed)
    # Ids in rows that are not counted may have any value.
    ids = random.integers(-size, 2 * size, rows).astype(np.int32)
    valid = (ids >= 0) & (ids < size) & (random.random(rows) < 0.9)
    spec = HistogramSpec(tf.constant(ids), None, size)
    counted = histograms.histograms(
        [spec], tf.constant(valid), None, kernels.Kernels("TPU", "keys", "matmul")
    )
    np.testing.assert_array_equal(counted, np.bincount(ids[valid], minlength=size))


@pytest.mark.parametrize("few", [0, 2**40])
@pytest.mark.parametrize("rows", [2**16 + 3, pytest.param(2**24 + 3, marks=pytest.mark.slow)])
def test_counts_may_exceed_the_range_of_narrow_dtypes(few, rows, monkeypatch):
    monkeypatch.setattr(histograms, "_FEW_PRODUCTS", few)
    # Integers end at 2**15 in int16; not all are exact from 2**8 in bfloat16, 2**24 in float32.
    spec = HistogramSpec(tf.zeros([rows], tf.int32), None, 2)
    counted = histograms.histograms(
        [spec], tf.fill([rows], True), None, kernels.Kernels("TPU", "keys", "matmul")
    )
    assert counted.numpy().tolist() == [rows, 0]


def test_columns_are_counted_by_group():
    random = np.random.default_rng(0)
    matrix, groups = random.random((900, 5)) < 0.7, random.integers(0, 3, 900)
    expected = [matrix[groups == group].sum(axis=0) for group in range(3)]
    np.testing.assert_array_equal(grouped_columns(tf.constant(matrix), groups, 3), expected)


def test_weights_are_summed_without_matrix_products():
    metric = dist_f1.F1Score("samples", threshold=0.5, num_classes=4, weighted=True)

    def update(*batch):
        metric.update_state(*batch)

    step = tf.function(update, autograph=False)
    with kernels.override(device="TPU"):
        graph = step.get_concrete_function(tf.zeros([6, 4]), tf.zeros([6, 4]), tf.ones([6])).graph
    ops = {op.type for op in graph.get_operations()}
    assert "Sum" in ops
    assert not {op for op in ops if "MatMul" in op or "Einsum" in op}


def test_too_large_a_product_is_a_segment_sum(monkeypatch):
    monkeypatch.setattr(histograms, "_MAX_PRODUCTS", 10)
    step = tf.function(
        lambda ids: histograms.histograms(
            [HistogramSpec(ids, None, 4)], ids >= 0, None, kernels.Kernels("TPU", "keys", "matmul")
        ),
        autograph=False,
    )
    ops = {
        op.type for op in step.get_concrete_function(tf.zeros([3], tf.int32)).graph.get_operations()
    }
    assert "UnsortedSegmentSum" in ops
    assert step(tf.constant([1, -1, 1])).numpy().tolist() == [0, 2, 0, 0]
