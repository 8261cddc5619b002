"""Sums over rows for `average="samples"`: one score per row, averaged over rows.

A row that names `p` classes, of which `t` are right, while it really has `a`, has precision
`t / p`, recall `t / a`, Jaccard index `t / (p + a - t)` and F-beta
`(1 + beta^2) t / (beta^2 a + p)`. Their sums do not follow from per-class counts, so they are kept
beside them, as fixed-point integers: the sum is then the same whatever the order and the split of
the rows, like every other count.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import tensorflow as tf

# Each ratio is split into two limbs of 26 bits. A limb adds up without loss over 2**37 rows,
# and two of them hold all that float64 knows of a ratio in [0, 1], but its last bit.
_LIMB = 2.0**26

ALL_RIGHT = "all_right"


def ratios(betas: Iterable[float] = ()) -> tuple[str, ...]:
    """The names of the ratios that are kept: always four, and F of further betas."""
    names = {"precision", "recall", "jaccard", "f1", *map(f_ratio, betas)}
    return tuple(sorted(names))


def f_ratio(beta: float) -> str:
    """The name of F-beta: `f1`, `f0.5`."""
    return f"f{float(beta)!r}".removesuffix(".0")


def shapes(kept: Iterable[str]) -> dict[str, list[int]]:
    """The shape of each sum: three numbers for a ratio (high limb, low limb, rows of 0 / 0)."""
    return {ALL_RIGHT: [], **{ratio: [3] for ratio in kept}}


def rowwise(
    kept: Iterable[str], right: tf.Tensor, predicted: tf.Tensor, actual: tf.Tensor
) -> tf.Tensor:
    """What each row adds to the sums: whole numbers, float64 `[1 + 3 len(kept), N]`.

    Args:
        kept: names of ratios.
        right: `[N]`, classes that are both predicted and actual.
        predicted: `[N]`, classes predicted.
        actual: `[N]`, classes that are there.
    """
    right, predicted, actual = (tf.cast(x, tf.float64) for x in (right, predicted, actual))
    columns = [tf.cast(tf.equal(right, predicted) & tf.equal(right, actual), tf.float64)]
    for ratio in kept:
        above, below = _parts(ratio, right, predicted, actual)
        scaled = tf.math.divide_no_nan(above, below) * _LIMB
        high = tf.floor(scaled)
        columns += [
            high,
            tf.round((scaled - high) * _LIMB),
            tf.cast(tf.equal(below, 0.0), tf.float64),
        ]
    return tf.stack(columns)


def named(sums: Any, kept: Iterable[str]) -> dict[str, Any]:
    """Sums of `rowwise` `[..., 1 + 3 len(kept)]` by name."""
    names = list(kept)
    thirds = {name: sums[..., 3 * i + 1 : 3 * i + 4] for i, name in enumerate(names)}
    return {ALL_RIGHT: sums[..., 0], **thirds}


def ratio_sum(sums: Any) -> Any:
    """The sum of a ratio over rows, from its float64 sums `[..., 3]`."""
    return (sums[..., 0] + sums[..., 1] / _LIMB) / _LIMB


def undefined_sum(sums: Any) -> Any:
    """How many rows leave the ratio undefined (0 / 0)."""
    return sums[..., 2]


def _parts(ratio: str, right: Any, predicted: Any, actual: Any) -> tuple[Any, Any]:
    if ratio == "precision":
        return right, predicted
    if ratio == "recall":
        return right, actual
    if ratio == "jaccard":
        return right, predicted + actual - right
    square = float(ratio.removeprefix("f")) ** 2
    return (1.0 + square) * right, square * actual + predicted
