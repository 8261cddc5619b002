"""Statistics of repeated timings: percentiles, jitter, and paired differences."""

from __future__ import annotations

import dataclasses
import functools

import numpy as np

# Scales the median absolute deviation (MAD) of a normal distribution to its standard deviation.
_MAD_TO_SIGMA = 1.4826


@dataclasses.dataclass(frozen=True)
class Samples:
    """Milliseconds of repeated calls, in the order of the rounds."""

    values: tuple[float, ...]

    def __post_init__(self) -> None:
        if not self.values:
            raise ValueError("The samples are empty. Pass at least one value.")

    def __len__(self) -> int:
        return len(self.values)

    @functools.cached_property
    def statistics(self) -> dict[str, float]:
        """Median, percentiles, maximum, and the jitter: 1.4826 times the MAD."""
        p50, p90, p99 = np.percentile(self.values, [50.0, 90.0, 99.0]).tolist()
        deviations = np.abs(np.asarray(self.values) - p50)
        jitter = _MAD_TO_SIGMA * float(np.median(deviations))
        return {"p50": p50, "p90": p90, "p99": p99, "maximum": max(self.values), "jitter": jitter}

    @property
    def p50(self) -> float:
        """The median."""
        return self.statistics["p50"]


@dataclasses.dataclass(frozen=True)
class Difference:
    """Difference of B to A, paired by round, with bootstrap intervals."""

    median: float  # of B - A in each round, milliseconds
    low: float
    high: float
    level: float
    ratio: float  # of the medians, B / A
    ratio_low: float
    ratio_high: float

    @property
    def floor(self) -> float:
        """Largest distance of the interval from 0; for an A/A control, this is the noise."""
        return max(abs(self.low), abs(self.high))

    @property
    def ratio_floor(self) -> float:
        """Largest distance of the interval of the ratio from 1."""
        return max(abs(self.ratio_low - 1.0), abs(self.ratio_high - 1.0))

    def verdict(self, noise: Difference | None = None) -> str:
        """Return `"slower"` or `"faster"` if the difference is significant, else `"same"`.

        It is significant if the interval excludes 0 and the median exceeds the noise.
        """
        if self.low <= 0.0 <= self.high or (noise and abs(self.median) <= noise.floor):
            return "same"
        return "slower" if self.low > 0.0 else "faster"


def difference(
    base: Samples, other: Samples, *, level: float = 0.95, resamples: int = 2000, seed: int = 0
) -> Difference:
    """Compare two variants round by round.

    The intervals are percentile bootstraps over rounds: noise that slows down a whole round affects
    both variants and cancels.

    Raises:
        ValueError: The samples have different numbers of rounds.
    """
    if len(base) != len(other):
        raise ValueError(f"Samples of {len(base)} and of {len(other)} rounds cannot be paired.")
    a, b = np.asarray(base.values), np.asarray(other.values)
    rounds = np.random.default_rng(seed).integers(0, len(a), (resamples, len(a)))
    tails = [50.0 * (1.0 - level), 50.0 * (1.0 + level)]
    low, high = np.percentile(np.median((b - a)[rounds], axis=1), tails).tolist()
    ratios = np.median(b[rounds], axis=1) / np.median(a[rounds], axis=1)
    ratio_low, ratio_high = np.percentile(ratios, tails).tolist()
    median, ratio = float(np.median(b - a)), float(np.median(b) / np.median(a))
    return Difference(median, low, high, level, ratio, ratio_low, ratio_high)
