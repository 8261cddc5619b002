"""The width of blocks of classes for a search in two passes: block maxima, then the best block."""

import math

# Costs in addition to one pass over the data; reading an element costs 1. They are the costs of the
# end of a block's inner loop, an element of the best block, and a maximum in the search for it.
_PER_BLOCK, _PER_FETCHED, _PER_MAXIMUM = 20.0, 4.0, 2.0
# A wider block is itself searched in blocks, at an extra cost.
_WIDE, _NESTED_COST = 64, 0.1
# The cost of `tf.argmax` and a NaN test.
_ARGMAX_COST = 3.8


def block_width(classes: int) -> int | None:
    """Return the number of classes in a block, or `None` if blocks of equal width save nothing."""
    small = (w for w in range(2, math.isqrt(classes) + 1) if classes % w == 0)
    divisors = {d for w in small for d in (w, classes // w)}
    cheapest = min(sorted(divisors), key=lambda width: _cost(classes, width), default=None)
    return None if cheapest is None or _cost(classes, cheapest) > _ARGMAX_COST else cheapest


def _cost(classes: int, width: int) -> float:
    """Return the cost in passes over all predictions; the constants were measured on CPUs."""
    fetched, maxima = _PER_FETCHED * width, _PER_MAXIMUM * (classes // width)
    is_nested = width > _WIDE
    return 1.0 + _PER_BLOCK / width + (fetched + maxima) / classes + is_nested * _NESTED_COST
