"""A model of the time of an all-reduce, by the number of replicas and the size of the vector.

A message of n bytes takes alpha + n beta: the latency, and a time per byte, the inverse of the
bandwidth (Hockney 1994, The communication challenge for MPP). The time of an all-reduce over p
replicas follows from its consecutive messages (Thakur, Rabenseifner and Gropp 2005, Optimization of
collective communication operations in MPICH):

- ring: the vector is cut into p slices. Each slice travels around the ring twice, to be summed and
  to be distributed, in p - 1 messages of n / p bytes each time:
  T = 2 (p - 1) alpha + 2 (p - 1) / p n beta
- tree: the whole vector travels up a binary tree and down again, ceil(log2 p) messages each way:
  T = 2 ceil(log2 p) (alpha + n beta)

A constant is added to both: the cost of a call before anything is sent. The model neglects the
additions, and assumes that the network is equally fast at any size, so its predictions beyond the
measured sizes are not measurements.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from scipy.optimize import nnls

# The three parameters of the model, and two more points to estimate the error.
MIN_POINTS = 5


class TooFewPointsError(ValueError):
    """The points do not determine the model. The message is the reason."""


@dataclasses.dataclass(frozen=True)
class Point:
    """A measured all-reduce."""

    replicas: int
    bytes: float
    ms: float


@dataclasses.dataclass(frozen=True)
class Model:
    """A fitted model: constant and latency in milliseconds, and milliseconds per byte."""

    algorithm: str  # one of ALGORITHMS
    start: float
    alpha: float
    beta: float

    def predict(self, replicas: int, size: float) -> float:
        """Predict the milliseconds of an all-reduce of `size` bytes."""
        messages, sent = _TERMS[self.algorithm](replicas, size)
        return self.start + messages * self.alpha + sent * self.beta


@dataclasses.dataclass(frozen=True)
class Fit:
    """A model and its relative errors."""

    model: Model
    errors: list[float]  # of all points
    left_out: list[float]  # of each point, if the model is fitted to the others
    extrapolated: list[float]  # of the points with the most replicas, fitted to the others


def fit(points: Sequence[Point], algorithm: str) -> Fit:
    """Fit the model by least squares of the relative errors, with parameters that are not negative.

    Raises:
        TooFewPointsError: There are fewer than five points, or only one size or number of replicas.
    """
    points = [point for point in points if point.replicas > 1]
    missing = _missing(points)
    if missing:
        raise TooFewPointsError(missing)
    model = _solve(points, algorithm)
    left_out = [
        _errors(_solve([*points[:i], *points[i + 1 :]], algorithm), [point])[0]
        for i, point in enumerate(points)
    ]
    most = max(point.replicas for point in points)
    smaller = [point for point in points if point.replicas < most]
    largest = [point for point in points if point.replicas == most]
    # Fewer replicas may be too few points to extrapolate from.
    extrapolated = [] if _missing(smaller) else _errors(_solve(smaller, algorithm), largest)
    return Fit(model, _errors(model, points), left_out, extrapolated)


def best_fit(fits: Sequence[Fit]) -> Fit:
    """Return the fit with the smallest median leave-one-out error."""
    return min(fits, key=lambda found: np.median(found.left_out))


def _ring(replicas: int, size: float) -> tuple[float, float]:
    return 2.0 * (replicas - 1), 2.0 * (replicas - 1) / replicas * size


def _tree(replicas: int, size: float) -> tuple[float, float]:
    levels = (replicas - 1).bit_length()
    return 2.0 * levels, 2.0 * levels * size


# Functions that count the consecutive messages, and the bytes in them.
_TERMS = {"ring": _ring, "tree": _tree}
ALGORITHMS = tuple(_TERMS)


def _missing(points: Sequence[Point]) -> str:
    if len(points) < MIN_POINTS:
        return f"{len(points)} points over several replicas, {MIN_POINTS} are needed"
    if len({point.replicas for point in points}) < 2:
        return f"all points have {points[0].replicas} replicas, two numbers are needed"
    if len({point.bytes for point in points}) < 2:
        return f"all points have {points[0].bytes:g} bytes, two sizes are needed"
    return ""


def _solve(points: Sequence[Point], algorithm: str) -> Model:
    ms = np.array([point.ms for point in points])
    terms = [(1.0, *_TERMS[algorithm](point.replicas, point.bytes)) for point in points]
    rows = np.array(terms) / ms[:, None]
    # The bytes are many orders of magnitude larger than the number of messages.
    scale = rows.max(axis=0)
    parameters, _ = nnls(rows / scale, np.ones(len(ms)))
    return Model(algorithm, *(parameters / scale).tolist())


def _errors(model: Model, points: Sequence[Point]) -> list[float]:
    return [abs(model.predict(p.replicas, p.bytes) / p.ms - 1.0) for p in points]
