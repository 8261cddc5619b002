"""From counts in the buckets between thresholds to the counts at each threshold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dist_f1.counts import Counts
from dist_f1.counts import arrays as xp
from dist_f1.counts.lazy_tensorflow import Array, LazyModule, is_tensor, tf

if TYPE_CHECKING:
    from dist_f1.replicas import contexts
else:
    contexts = LazyModule("dist_f1.replicas.contexts")


def at_thresholds(buckets: Counts) -> Counts:
    """Return the counts at each of T thresholds, with a leading axis `[T]`.

    Args:
        buckets: Counts whose `true_positive` and `predicted` are `[T + 1, C]`, by bucket.
    """
    thresholds = buckets.predicted.shape[0] - 1
    optional = {"class_total": buckets.class_total, "invalid_by_cause": buckets.invalid_by_cause}
    optional = {name: x for name, x in optional.items() if not isinstance(x, tuple)}
    return Counts(
        _suffix_sums(buckets.true_positive)[1:],
        _suffix_sums(buckets.predicted)[1:],
        xp.repeat_first(buckets.actual, thresholds),
        xp.repeat_first(buckets.total, thresholds),
        xp.repeat_first(buckets.invalid, thresholds),
        {} if buckets.num_classes > 1 else (),
        **{name: xp.repeat_first(x, thresholds) for name, x in optional.items()},
    )


def _suffix_sums(x: Array) -> Array:
    """Return the sum of each element of the first axis and all later elements."""
    if not is_tensor(x):
        return np.cumsum(x[::-1], axis=0)[::-1]
    is_on_tpu = contexts.device_type(x) == "TPU"
    return _suffix_scan(x) if is_on_tpu else tf.cumsum(x, axis=0, reverse=True)


def _suffix_scan(x: tf.Tensor) -> tf.Tensor:
    """Return suffix sums by a Hillis-Steele scan: additions at distances 1, 2, 4, ...

    The TPU compiler runs out of memory for a cumulative sum of more than 128 int64.
    """
    size, distance = x.shape.as_list()[0], 1
    while distance < size:
        padding = tf.zeros_like(x[:distance])
        x, distance = x + tf.concat([x[distance:], padding], axis=0), 2 * distance
    return x
