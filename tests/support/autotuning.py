"""Keeps autotuning out of the pipelines of tf.data: iterators end at once without it.

With it, the end of an iterator may wait for the thread that tunes, and the longer the iterator has
lived the longer, up to a minute. The elements and their order are the same without.
"""

import tensorflow as tf


def switch_off():
    # TensorFlow calls this on every dataset that gets an iterator, also on those that strategies
    # make for each device, which have no options of the user's.
    tf.data.Dataset._apply_debug_options = _without


def _without(dataset):
    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.with_options(options)
