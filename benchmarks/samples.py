"""Statistics of repeated timings: percentiles, jitter, and how much slower one thing is."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence

import numpy as np

# Makes the median absolute deviation of a normal distribution its standard deviation.
_MAD_TO_SIGMA = 1.4826


@dataclasses.dataclass(frozen=True)
class Samples:
    """Milliseconds of repeated calls, in the order of the rounds."""

    values: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.values:
            raise ValueError("Samples need at least one value.")

    def __len__(self) -> int:
        return len(self.values)

    @functools.cached_property
    def p50(self) -> float:
        """The median."""
        return self.percentile(50.0)

    @functools.cached_property
    def p90(self) -> float:
        """What nine of ten calls stay below."""
        return self.percentile(90.0)

    @functools.cached_property
    def p99(self) -> float:
        """What 99 of 100 calls stay below."""
        return self.percentile(99.0)

    @property
    def maximum(self) -> float:
        """The slowest call."""
        return max(self.values)

    @functools.cached_property
    def jitter(self) -> float:
        """The spread around the median, 1.4826 MAD: sigma, if the values are normal."""
        return _MAD_TO_SIGMA * float(np.median(np.abs(np.asarray(self.values) - self.p50)))

    def percentile(self, percent: float) -> float:
        """A percentile, interpolated linearly."""
        return float(np.percentile(self.values, percent))


@dataclasses.dataclass(frozen=True)
class Difference:
    """Of B to A, paired by round, with bootstrap intervals."""

    median: float  # of B - A in each round, milliseconds
    low: float
    high: float
    level: float
    ratio: float  # of the median of B to that of A
    ratio_low: float
    ratio_high: float

    @property
    def floor(self) -> float:
        """How far the interval goes from 0: of an A/A control, what cannot be told from noise."""
        return max(abs(self.low), abs(self.high))

    @property
    def ratio_floor(self) -> float:
        """How far the interval of the ratio goes from 1."""
        return max(abs(self.ratio_low - 1.0), abs(self.ratio_high - 1.0))

    def verdict(self, noise: Difference | None = None) -> str:
        """`"slower"` or `"faster"` where that is sure, else `"same"`.

        Sure is an interval without 0 and a median beyond the noise floor.
        """
        if self.low <= 0.0 <= self.high or (noise and abs(self.median) <= noise.floor):
            return "same"
        return "slower" if self.low > 0.0 else "faster"


def difference(
    base: Samples,
    other: Samples,
    *,
    level: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> Difference:
    """By how much `other` is slower than `base`, round by round.

    The intervals are percentile bootstraps over rounds, so that what slows down a whole round
    falls on both.

    Raises:
        ValueError: the samples are not of the same rounds.
    """
    if len(base) != len(other):
        raise ValueError(f"Samples of {len(base)} and of {len(other)} rounds cannot be paired.")
    a, b = np.asarray(base.values), np.asarray(other.values)
    rounds = np.random.default_rng(seed).integers(0, len(a), (resamples, len(a)))
    tails = [50.0 * (1.0 - level), 50.0 * (1.0 + level)]
    low, high = np.percentile(np.median((b - a)[rounds], axis=1), tails)
    ratios = np.median(b[rounds], axis=1) / np.median(a[rounds], axis=1)
    ratio_low, ratio_high = np.percentile(ratios, tails)
    return Difference(
        median=float(np.median(b - a)),
        low=float(low),
        high=float(high),
        level=level,
        ratio=float(np.median(b) / np.median(a)),
        ratio_low=float(ratio_low),
        ratio_high=float(ratio_high),
    )


def slowest(workers: Sequence[Samples]) -> Samples:
    """The maximum over workers, round by round: what a synchronous step takes.

    Raises:
        ValueError: the workers have not run the same number of rounds.
    """
    rounds = {len(samples) for samples in workers}
    if len(rounds) != 1:
        raise ValueError(f"Workers must all run the same rounds, but ran {sorted(rounds)}.")
    return Samples(tuple(max(values) for values in zip(*(w.values for w in workers), strict=True)))
