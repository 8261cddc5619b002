"""Keeps a known crash of TensorFlow out of the tests.

A strategy's iterator that is deleted before its end may still be fetching batches, and then crashes
the process now and then. Keras 3 deletes one in each `fit` and `evaluate` under a strategy, unless
`dist_f1.compat.keras3.repair_fit` has replaced that.
"""

import collections
import functools

from tensorflow.python.data.ops import multi_device_iterator_ops

# By the time that as many are newer, an iterator has fetched its batches.
_NUMBER = 64


def defer():
    """Delete the iterators of strategies later."""
    newest = collections.deque(maxlen=_NUMBER)
    owned = multi_device_iterator_ops.OwnedMultiDeviceIterator
    init = owned.__init__

    @functools.wraps(init)
    def init_and_keep(self, *args, **kwargs):
        init(self, *args, **kwargs)
        newest.append(self)

    owned.__init__ = init_and_keep
