"""A model of what an all-reduce takes, by how many take part and how long the vector is.

A message of n bytes takes alpha + n beta: a latency, and a time for each byte, the inverse of the
bandwidth (Hockney 1994, The communication challenge for MPP). What an all-reduce over p replicas
takes follows from the messages that come one after the other (Thakur, Rabenseifner and Gropp 2005,
Optimization of collective communication operations in MPICH):

- ring: the vector is cut into p parts. Each goes around once to be summed and once more to be
  handed out, p - 1 messages of n / p bytes each time:
  T = 2 (p - 1) alpha + 2 (p - 1) / p n beta
- tree: the whole vector goes up a binary tree and down again, ceil(log2 p) messages each way:
  T = 2 ceil(log2 p) (alpha + n beta)

To both a constant is added: what a call costs before anything is sent. Adding up numbers is taken
to be free, and the network to be as good at any size, so beyond the measured sizes this is a model
and no measurement.
"""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np

Algorithm = Literal["ring", "tree"]

# As many unknowns as the model has, and two points to tell how well it fits.
LEAST_POINTS = 5


class TooFewPoints(ValueError):
    """The points do not determine the model; says what is missing."""


@dataclasses.dataclass(frozen=True)
class Point:
    """A measured all-reduce."""

    replicas: int
    bytes: float
    ms: float


@dataclasses.dataclass(frozen=True)
class Model:
    """Milliseconds, and milliseconds for each byte."""

    algorithm: Algorithm
    start: float
    alpha: float
    beta: float

    def predict(self, replicas: int, size: float) -> float:
        """Milliseconds of an all-reduce of `size` bytes."""
        messages, sent = _TERMS[self.algorithm](replicas, size)
        return self.start + messages * self.alpha + sent * self.beta


@dataclasses.dataclass(frozen=True)
class Fit:
    """A model and how far it is from what was measured; errors are relative.

    Args:
        model: fitted to all points.
        points: how many.
        median_error: of these points.
        max_error: likewise.
        left_out_median: of each point, by the model that was fitted without it.
        left_out_max: likewise.
        extrapolated_max: of the points of the largest number of replicas, by the model that was
            fitted to smaller ones; `None` if those are too few.
    """

    model: Model
    points: int
    median_error: float
    max_error: float
    left_out_median: float
    left_out_max: float
    extrapolated_max: float | None


def fit(points: Sequence[Point], algorithm: Algorithm) -> Fit:
    """The model with the least relative squared error and no negative unknown.

    Raises:
        TooFewPoints: fewer than five points, one size, or one number of replicas.
    """
    points = [point for point in points if point.replicas > 1]
    _check(points)
    model = _solve(points, algorithm)
    errors = _errors(model, points)
    left_out = [
        _errors(_solve([*points[:i], *points[i + 1 :]], algorithm), [point])[0]
        for i, point in enumerate(points)
    ]
    most = max(point.replicas for point in points)
    smaller = [point for point in points if point.replicas < most]
    extrapolated = None
    if _missing(smaller) is None:
        largest = [point for point in points if point.replicas == most]
        extrapolated = max(_errors(_solve(smaller, algorithm), largest))
    return Fit(
        model,
        len(points),
        float(np.median(errors)),
        max(errors),
        float(np.median(left_out)),
        max(left_out),
        extrapolated,
    )


def better(fits: Sequence[Fit]) -> Fit:
    """The one that predicts points best that it has not seen."""
    return min(fits, key=lambda found: found.left_out_median)


def _ring(replicas: int, size: float) -> tuple[float, float]:
    return 2.0 * (replicas - 1), 2.0 * (replicas - 1) / replicas * size


def _tree(replicas: int, size: float) -> tuple[float, float]:
    levels = (replicas - 1).bit_length()
    return 2.0 * levels, 2.0 * levels * size


# How many messages come one after the other, and how many bytes in them.
_TERMS: dict[Algorithm, Callable[[int, float], tuple[float, float]]] = {
    "ring": _ring,
    "tree": _tree,
}
ALGORITHMS = tuple(_TERMS)


def _missing(points: Sequence[Point]) -> str | None:
    if len(points) < LEAST_POINTS:
        return f"{len(points)} points over several replicas, {LEAST_POINTS} are needed"
    if len({point.replicas for point in points}) < 2:
        return f"all points are of {points[0].replicas} replicas, two numbers are needed"
    if len({point.bytes for point in points}) < 2:
        return f"all points are of {points[0].bytes:g} bytes, two sizes are needed"
    return None


def _check(points: Sequence[Point]) -> None:
    missing = _missing(points)
    if missing is not None:
        raise TooFewPoints(missing)


def _solve(points: Sequence[Point], algorithm: Algorithm) -> Model:
    """Non-negative least squares: the best of all solutions in which some unknowns are 0."""
    ms = np.array([point.ms for point in points])
    terms = [(1.0, *_TERMS[algorithm](point.replicas, point.bytes)) for point in points]
    rows = np.array(terms) / ms[:, None]
    scale = np.abs(rows).max(axis=0)
    rows = rows / scale
    best, least = np.zeros(3), np.inf
    for number in (1, 2, 3):
        for chosen in itertools.combinations(range(3), number):
            unknowns = np.zeros(3)
            unknowns[list(chosen)] = np.linalg.lstsq(rows[:, chosen], np.ones(len(ms)), rcond=None)[
                0
            ]
            error = float(np.sum((rows @ unknowns - 1.0) ** 2))
            if unknowns.min() >= 0.0 and error < least:
                best, least = unknowns, error
    start, alpha, beta = (best / scale).tolist()
    return Model(algorithm, start, alpha, beta)


def _errors(model: Model, points: Sequence[Point]) -> list[float]:
    return [abs(model.predict(p.replicas, p.bytes) / p.ms - 1.0) for p in points]
