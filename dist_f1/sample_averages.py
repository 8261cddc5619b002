"""Sums over rows for `average="samples"`: one score per row, averaged over rows.

A row that names `p` classes, of which `t` are right, while it really has `a`, has precision
`t / p`, recall `t / a` and F1 `2t / (p + a)`. Their sums do not follow from per-class counts, so
they are kept beside them, as fixed-point integers: the sum is then the same whatever the order
and the split of the rows, like every other count.
"""

from __future__ import annotations

from typing import Any

import tensorflow as tf

# Each ratio is split into two limbs of 26 bits. A limb adds up without loss over 2**37 rows,
# and two of them hold all that float64 knows of a ratio in [0, 1], but its last bit.
_LIMB = 2.0**26

RATIOS = ("precision", "recall", "f1")
FIELDS = (
    *(f"{ratio}_{limb}" for ratio in RATIOS for limb in ("high", "low")),
    *(f"{ratio}_undefined" for ratio in RATIOS),
    "all_right",
)


def rowwise(right: tf.Tensor, predicted: tf.Tensor, actual: tf.Tensor) -> tf.Tensor:
    """The `FIELDS` of each row, float64 `[N, len(FIELDS)]`, each a whole number.

    Args:
        right: `[N]`, classes that are both predicted and actual.
        predicted: `[N]`, classes predicted.
        actual: `[N]`, classes that are there.
    """
    right, predicted, actual = (tf.cast(x, tf.float64) for x in (right, predicted, actual))
    columns, undefined = [], []
    for above, below in ((right, predicted), (right, actual), (2.0 * right, predicted + actual)):
        scaled = tf.math.divide_no_nan(above, below) * _LIMB
        high = tf.floor(scaled)
        columns += [high, tf.round((scaled - high) * _LIMB)]
        undefined.append(tf.cast(below == 0.0, tf.float64))
    all_right = tf.cast((right == predicted) & (right == actual), tf.float64)
    return tf.stack([*columns, *undefined, all_right], axis=-1)


def ratio_sum(samples: Any, ratio: str) -> Any:
    """The sum over rows of one of `RATIOS`, from float64 sums `[len(FIELDS)]`."""
    high = samples[FIELDS.index(f"{ratio}_high")]
    low = samples[FIELDS.index(f"{ratio}_low")]
    return (high + low / _LIMB) / _LIMB


def undefined_sum(samples: Any, ratio: str) -> Any:
    """How many rows leave one of `RATIOS` undefined (0 / 0)."""
    return samples[FIELDS.index(f"{ratio}_undefined")]


def all_right_sum(samples: Any) -> Any:
    """How many rows have every class right."""
    return samples[FIELDS.index("all_right")]
