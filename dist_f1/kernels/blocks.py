"""How wide blocks of classes should be, so that few scores are looked at twice."""

from __future__ import annotations

import math

# What an element costs beside one read of the scores: the horizontal step at the end of a block,
# the block that is fetched again, and the argmax among the blocks.
_PER_BLOCK, _PER_FETCHED, _PER_MAXIMUM = 16.0, 2.5, 2.0
# What an argmax and a look for NaN cost, in reads.
_PLAIN = 3.0


def block_width(classes: int) -> int | None:
    """How many classes make a block, or `None` if blocks of one size save nothing."""
    small = (w for w in range(2, math.isqrt(classes) + 1) if classes % w == 0)
    divisors = {d for w in small for d in (w, classes // w)}
    cheapest = min(sorted(divisors), key=lambda width: _cost(classes, width), default=None)
    return None if cheapest is None or _cost(classes, cheapest) > _PLAIN else cheapest


def _cost(classes: int, width: int) -> float:
    fetched, blocks = _PER_FETCHED * width, _PER_MAXIMUM * (classes // width)
    return 1.0 + _PER_BLOCK / width + (fetched + blocks) / classes
