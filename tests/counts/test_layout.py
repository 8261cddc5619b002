"""`Layout`: packs counts into one vector, and unpacks them."""

import numpy as np
import pytest
import tensorflow as tf
from comparisons import same

from dist_f1.counts.layout import Layout


@pytest.mark.parametrize("samples", [None, (), ("f1", "recall")])
@pytest.mark.parametrize("confusion", [False, True])
@pytest.mark.parametrize("groups", [0, 1, 4])
def test_packing_keeps_every_field(samples, confusion, groups):
    layout = Layout(3, samples, confusion, groups)
    vector = tf.range(layout.size, dtype=tf.int64)
    counts = layout.unpack(vector)
    np.testing.assert_array_equal(layout.pack(counts), vector)
    same(layout.unpack(vector.numpy()), counts)
    leading = (groups,) if groups else ()
    shapes = [(3,), (3,), (3,), (), ()]
    assert [np.shape(field) for field in counts[:5]] == [leading + shape for shape in shapes]
    assert Layout.from_counts(counts) == layout


def test_counts_between_thresholds_have_one_bucket_more_than_thresholds():
    layout = Layout(2, thresholds=(0.25, 0.5, 0.75))
    counts = layout.unpack(np.arange(layout.size))
    assert counts.true_positive.shape == counts.predicted.shape == (4, 2)
    assert counts.actual.shape == (2,)
    np.testing.assert_array_equal(layout.pack(counts), np.arange(layout.size))
