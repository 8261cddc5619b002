"""How wide blocks of classes should be, so that few scores are looked at twice."""

from __future__ import annotations

import math

# What is paid beside one read of the scores, in reads of an element: for each block the step at
# its end, for each element of the best block, and for each block when the best is looked for.
_PER_BLOCK, _PER_FETCHED, _PER_MAXIMUM = 20.0, 4.0, 2.0
# A block that is wider is searched in blocks itself.
_WIDE, _AGAIN = 64, 0.1
# What an argmax and a look for NaN cost.
_PLAIN = 3.8


def block_width(classes: int) -> int | None:
    """How many classes make a block, or `None` if blocks of one size save nothing."""
    small = (w for w in range(2, math.isqrt(classes) + 1) if classes % w == 0)
    divisors = {d for w in small for d in (w, classes // w)}
    cheapest = min(sorted(divisors), key=lambda width: _cost(classes, width), default=None)
    return None if cheapest is None or _cost(classes, cheapest) > _PLAIN else cheapest


def _cost(classes: int, width: int) -> float:
    """In reads of all scores; the constants were measured on CPUs."""
    fetched, blocks = _PER_FETCHED * width, _PER_MAXIMUM * (classes // width)
    return 1.0 + _PER_BLOCK / width + (fetched + blocks) / classes + (width > _WIDE) * _AGAIN
