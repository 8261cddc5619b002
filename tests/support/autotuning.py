"""Switches off the autotuning of tf.data.

The end of an iterator may wait up to a minute for the tuning thread. The elements and their order
stay the same without it.
"""

import tensorflow as tf


def switch_off():
    # TensorFlow calls this for every dataset with an iterator. Strategies create datasets for each
    # device, which do not take the options of the user.
    tf.data.Dataset._apply_debug_options = _disable


def _disable(dataset):
    options = tf.data.Options()
    options.autotune.enabled = False
    return dataset.with_options(options)
