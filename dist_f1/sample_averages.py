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

from dist_f1 import _arrays as xp

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


def rowwise(kept: Iterable[str], right: Any, predicted: Any, actual: Any) -> Any:
    """What each row adds to the sums: whole numbers, float64 `[1 + 3 len(kept), N]`.

    Args:
        kept: names of ratios.
        right: `[N]`, in NumPy or TensorFlow, classes that are both predicted and actual.
        predicted: `[N]`, classes predicted.
        actual: `[N]`, classes that are there.
    """
    right, predicted, actual = map(xp.to_float, (right, predicted, actual))
    all_found, none_wrong = xp.is_zero(actual - right), xp.is_zero(predicted - right)
    columns = [xp.to_float(all_found & none_wrong)]
    for ratio in kept:
        above, below = _parts(ratio, right, predicted, actual)
        scaled = xp.divide(above, below, 0.0) * _LIMB
        high = xp.floor(scaled)
        low = xp.rounded((scaled - high) * _LIMB)
        columns += [high, low, xp.to_float(xp.is_zero(below))]
    return xp.stack(columns, axis=0)


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
