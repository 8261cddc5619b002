"""Resampled confusion matrices: how a score would scatter if other rows had been drawn.

A resample is a `Counts` with a leading axis of draws, so that every score of counts is one of
resamples too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from dist_f1 import scores
from dist_f1.counts import Counts

# Cells that are drawn at once: 32 MB of float64, so that a score's own arrays fit beside them.
_CELLS_AT_ONCE = 2**22


class Tables(NamedTuple):
    """What is resampled.

    `cells`: `[C, C]`, true class by predicted class, or for each class against the rest
    `[C, 2, 2]`; float64. `num_classes`: C of the counts, 1 for a binary task with its `[2, 2]`.
    """

    cells: Any
    num_classes: int


def each_class(counts: Counts) -> Tables:
    """A table of each class against the rest: enough for scores of one class."""
    negative = np.stack([counts.true_negative, counts.false_positive], axis=-1)
    positive = np.stack([counts.false_negative, counts.true_positive], axis=-1)
    cells = np.stack([negative, positive], axis=-2)
    return Tables(cells.astype(np.float64), counts.num_classes)


def joint(counts: Counts) -> Tables:
    """The confusion matrix of all classes.

    Raises:
        ValueError: the counts do not tell it.
    """
    if counts.is_multilabel:
        raise ValueError(
            "These rows may name several classes, and counts do not tell which occur together, as "
            "an interval of their average needs. Take the interval of each class (_per_class)."
        )
    known = not isinstance(counts.confusion, tuple)
    if not known and not (counts.num_classes <= 2 and has_one_class_per_row(counts)):
        raise ValueError(
            "An interval of this score needs the confusion matrix, and these counts keep none. "
            "Count with dist_f1.ConfusionMatrix, with Scores(confusion=True) or with "
            "Counts.from_labels(confusion=True); scores of one class (_per_class, by name) do "
            "without."
        )
    cells = np.asarray(scores.confusion_matrix(counts), np.float64)
    return Tables(cells, counts.num_classes)


def has_one_class_per_row(counts: Counts) -> bool:
    """Whether each row is of one class and is given one; 0/1 targets may name several."""
    if counts.is_multilabel:
        return False
    sides = counts.to_two_class()
    return bool(sides.actual.sum() == counts.total == sides.predicted.sum())


def resampled(
    tables: Tables,
    score: Callable[[Counts], Any],
    shape: tuple[int, ...],
    method: str,
    draws: int,
    seed: int,
) -> Any:
    """The score of each resample: `[draws, *shape]`.

    Raises:
        ValueError: the score does not keep the axis of draws.
    """
    random = np.random.default_rng(seed)
    draw = _dirichlet if method == "dirichlet" else _multinomial
    most = max(1, _CELLS_AT_ONCE // tables.cells.size)
    parts = []
    for start in range(0, draws, most):
        size = min(most, draws - start)
        values = np.asarray(score(_counts(draw(tables.cells, size, random), tables)), np.float64)
        if values.shape != (size, *shape):
            raise ValueError(
                f"The score of counts with a leading axis of {size} resamples has shape "
                f"{values.shape}, expected {(size, *shape)}. Write it for counts of any leading "
                "axes: sum over axis=-1, say, and not over all."
            )
        parts.append(values)
    return np.concatenate(parts)


def around(point: Any, values: Any, level: float) -> tuple[Any, Any]:
    """The middle share `level` of values `[draws, ...]`, NaN left out, and wide enough for `point`.

    Where all are NaN, so are the bounds.
    """
    missing = np.isnan(values).all(axis=0)
    tail = (1.0 - level) / 2.0
    low, high = np.nanquantile(np.where(missing, 0.0, values), [tail, 1.0 - tail], axis=0)
    low, high = np.fmin(low, point), np.fmax(high, point)
    return np.where(missing, np.nan, low)[()], np.where(missing, np.nan, high)[()]


def _dirichlet(cells: Any, size: int, random: np.random.Generator) -> Any:
    """Matrices `[size, ...]` from the posterior, with as many rows as were counted.

    Of two classes, each cell has Jeffreys' prior of 1/2. Of k classes, a prior of 1/2 in each of
    k^2 cells would outweigh the rows; here it is `1 / (2 sqrt(k - 1))` for the right decisions of
    each class, and as much for all of its mistakes.
    """
    occurs, k = _occurring(cells)
    mass = 0.5 / np.sqrt(k - 1)
    prior = np.where(np.eye(cells.shape[-1]), mass, mass / (k - 1)) * occurs
    gammas = random.standard_gamma(cells + prior, (size, *cells.shape))
    rows = cells.sum(axis=(-2, -1), keepdims=True)
    return gammas * (rows / gammas.sum(axis=(-2, -1), keepdims=True))


def _multinomial(cells: Any, size: int, random: np.random.Generator) -> Any:
    """Matrices `[size, ...]` drawn row by row from the smoothed one.

    Smoothing adds one row, spread evenly over the cells of the k classes that occur. Without it
    mistakes that were not seen would not be drawn, and a perfect score would not scatter.
    """
    occurs, k = _occurring(cells)
    smooth = cells + occurs / k**2
    rows = cells.sum(axis=(-2, -1)).astype(np.int64)
    shares = smooth / smooth.sum(axis=(-2, -1), keepdims=True)
    flat = shares.reshape([*rows.shape, -1])
    return random.multinomial(rows, flat, (size, *rows.shape)).reshape(size, *cells.shape)


def _occurring(cells: Any) -> tuple[Any, int]:
    """The cells that a draw may fill, bool, and of how many classes they are.

    A class that neither occurs nor is predicted stays so, and out of macro means; two stay at
    least, as one alone could not be mistaken.
    """
    size = cells.shape[-1]
    if size > 2:
        classes = (cells.sum(axis=-1) + cells.sum(axis=-2)) > 0
        if classes.sum() >= 2:
            return np.outer(classes, classes), int(classes.sum())
    return np.ones([size, size], bool), size


def _counts(cells: Any, tables: Tables) -> Counts:
    """Counts of resampled tables; float64, since a posterior has no whole rows."""
    cells = cells.astype(np.float64)
    total = cells.sum(axis=(-2, -1))
    none = np.zeros(len(cells))
    if cells.ndim == 4 or tables.num_classes == 1:
        true_positive, predicted = cells[..., 1, 1], cells[..., 1].sum(axis=-1)
        actual = cells[..., 1, :].sum(axis=-1)
        if cells.ndim == 4:
            return Counts(true_positive, predicted, actual, total[:, 0], none)
        return Counts(true_positive[:, None], predicted[:, None], actual[:, None], total, none)
    true_positive = np.diagonal(cells, axis1=-2, axis2=-1)
    return Counts(true_positive, cells.sum(-2), cells.sum(-1), total, none, (), cells)
