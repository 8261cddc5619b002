"""Sums over rows for `average="samples"`: one score per row, averaged over rows.

A row with `p` predicted classes, `a` actual classes and `t` correct ones has precision `t / p`,
recall `t / a`, Jaccard index `t / (p + a - t)` and F-beta `(1 + beta^2) t / (beta^2 a + p)`. The
sums of these ratios do not follow from per-class counts, so they are counted too. They are
fixed-point integers: like every other count, a sum is the same for any order and split of the rows.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from dist_f1.counts import arrays as xp
from dist_f1.counts.lazy_tensorflow import Array

# Each ratio is split into two limbs of 26 bits. A limb adds up without loss over 2**37 rows, and
# two limbs hold all bits that float64 has of a ratio in [0, 1], except the last one.
LIMB_BITS = 26
_LIMB = 2.0**LIMB_BITS

# Rows whose classes are all correct, the numerator of subset accuracy. Files store this name.
EXACT_MATCH = "all_right"


def ratio_names(betas: Iterable[float] = ()) -> tuple[str, ...]:
    """Return the names of the summed ratios: always four, and F of further betas."""
    names = {"precision", "recall", "jaccard", "f1", *map(f_ratio, betas)}
    return tuple(sorted(names))


def f_ratio(beta: float) -> str:
    """Return the name of F-beta: `f1`, `f0.5`."""
    return f"f{float(beta)!r}".removesuffix(".0")


def kept(sums: Iterable[str]) -> tuple[str, ...]:
    """Return the names of the ratios among the names of all sums."""
    return tuple(sorted(set(sums) - {EXACT_MATCH}))


def are_sums(names: Collection[str]) -> bool:
    """Whether these are the names of all sums over rows, with F of any further betas."""
    always = {EXACT_MATCH, *ratio_names()}
    return always <= set(names) and all(map(_is_f_ratio, set(names) - always))


def _is_f_ratio(name: str) -> bool:
    try:
        return name == f_ratio(float(name.removeprefix("f")))
    except ValueError:
        return False


def shapes(ratios: Iterable[str]) -> dict[str, tuple[int, ...]]:
    """Return the shape of each sum. There are none without ratios.

    A ratio has three numbers: high limb, low limb, and the number of rows where it is 0 / 0.
    """
    sums: dict[str, tuple[int, ...]] = {ratio: (3,) for ratio in ratios}
    return {EXACT_MATCH: (), **sums} if sums else {}


def rowwise(ratios: Iterable[str], correct: Array, predicted: Array, actual: Array) -> Array:
    """Return what each row adds to the sums: whole numbers, float64 `[1 + 3 len(ratios), N]`.

    `correct`, `predicted` and `actual` are numbers of classes `[N]`. The result is in the order of
    the names of the sums if the ratios are sorted.
    """
    correct, predicted, actual = map(xp.to_float, (correct, predicted, actual))
    all_found, none_wrong = xp.is_zero(actual - correct), xp.is_zero(predicted - correct)
    columns = [xp.to_float(all_found & none_wrong)]
    for ratio in ratios:
        numerator, denominator = _fraction(ratio, correct, predicted, actual)
        scaled = xp.divide(numerator, denominator, 0.0) * _LIMB
        high = xp.floor(scaled)
        low = xp.round_half_even((scaled - high) * _LIMB)
        columns += [high, low, xp.to_float(xp.is_zero(denominator))]
    return xp.stack(columns, axis=0)


def split(sums: Array, ratios: int) -> list[Array]:
    """Split sums `[..., 1 + 3 ratios]` of `rowwise` into those of `shapes`, in order."""
    return [sums[..., 0], *(sums[..., 3 * i + 1 : 3 * i + 4] for i in range(ratios))]


def ratio_sum(sums: Array) -> Array:
    """Return the sum of a ratio over rows, from its float64 sums `[..., 3]`."""
    return (sums[..., 0] + sums[..., 1] / _LIMB) / _LIMB


def undefined_rows(sums: Array) -> Array:
    """Return the number of rows where the ratio is undefined (0 / 0)."""
    return sums[..., 2]


def _fraction(ratio: str, correct: Array, predicted: Array, actual: Array) -> tuple[Any, Any]:
    if ratio == "precision":
        return correct, predicted
    if ratio == "recall":
        return correct, actual
    if ratio == "jaccard":
        return correct, predicted + actual - correct
    square = float(ratio.removeprefix("f")) ** 2
    return (1.0 + square) * correct, square * actual + predicted
