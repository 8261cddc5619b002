import numpy as np
import pytest
import tensorflow as tf
from test_counts import same

from dist_f1.layout import Layout


@pytest.mark.parametrize("samples", [False, True])
@pytest.mark.parametrize("confusion", [False, True])
def test_packing_keeps_every_field(samples, confusion):
    layout = Layout(3, samples, confusion)
    vector = tf.range(layout.size, dtype=tf.int64)
    counts = layout.unpack(vector)
    np.testing.assert_array_equal(layout.pack(counts), vector)
    same(layout.unpack(vector.numpy()), counts)
    assert [np.shape(field) for field in counts[:5]] == [(3,), (3,), (3,), (), ()]
