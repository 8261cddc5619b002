"""Resampled confusion matrices: the variation of a score over other draws of the rows.

A resample is a `Counts` with a leading axis of draws, so every score of counts also works on
resamples.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from dist_f1 import scores
from dist_f1.counts import Counts

# Cells to draw at once: 32 MB of float64, which leaves memory for the arrays of a score.
_MAX_CELLS = 2**22


class Tables(NamedTuple):
    """The tables to resample.

    Fields:
        cells: float64 `[C, C]`, true class by predicted class; or `[C, 2, 2]`, each class against
            the rest.
        num_classes: C of the counts, 1 for a binary task with its `[2, 2]`.
    """

    cells: np.ndarray
    num_classes: int


def one_vs_rest(counts: Counts) -> Tables:
    """Return a table of each class against the rest, which is enough for scores of one class."""
    negative = np.stack([counts.true_negative, counts.false_positive], axis=-1)
    positive = np.stack([counts.false_negative, counts.true_positive], axis=-1)
    cells = np.stack([negative, positive], axis=-2)
    return Tables(cells.astype(np.float64), counts.num_classes)


def full_matrix(counts: Counts) -> Tables:
    """Return the confusion matrix of all classes.

    Raises:
        ValueError: The matrix does not follow from the counts.
    """
    if counts.is_multilabel:
        raise ValueError(
            "The interval of an average of multilabel rows needs to know which classes occur "
            "together, and counts do not. Use the interval of each class (_per_class)."
        )
    has_matrix = not isinstance(counts.confusion, tuple)
    if not has_matrix and not (counts.num_classes <= 2 and has_one_class_per_row(counts)):
        raise ValueError(
            "The interval of this score needs the confusion matrix, and these counts keep none. "
            "Count with dist_f1.ConfusionMatrix, with Scores(confusion=True) or with "
            "Counts.from_labels(confusion=True), or use a score of one class (_per_class, by name)."
        )
    cells = np.asarray(scores.confusion_matrix(counts), np.float64)
    return Tables(cells, counts.num_classes)


def has_one_class_per_row(counts: Counts) -> bool:
    """Whether each row has one actual and one predicted class. Rows of 0/1 targets may not."""
    if counts.is_multilabel:
        return False
    both = counts.to_two_class()
    return bool(both.actual.sum() == counts.total == both.predicted.sum())


def resample(
    tables: Tables,
    score: Callable[[Counts], Any],
    shape: tuple[int, ...],
    method: str,
    draws: int,
    seed: int,
) -> np.ndarray:
    """Return the score of each resample, `[draws, *shape]`; `shape` is that of one score.

    Raises:
        ValueError: The score does not keep the leading axis of resamples.
    """
    random = np.random.default_rng(seed)
    draw = _draw_dirichlet if method == "dirichlet" else _draw_multinomial
    chunk = max(1, _MAX_CELLS // tables.cells.size)
    chunks = []
    for start in range(0, draws, chunk):
        size = min(chunk, draws - start)
        values = np.asarray(score(_to_counts(draw(tables.cells, size, random), tables)), np.float64)
        if values.shape != (size, *shape):
            raise ValueError(
                f"The score of counts with a leading axis of {size} resamples has shape "
                f"{values.shape}, expected {(size, *shape)}. Let it keep leading axes, e.g. sum "
                "over axis=-1 instead of over all axes."
            )
        chunks.append(values)
    return np.concatenate(chunks)


def percentile_interval(
    point: np.ndarray, values: np.ndarray, level: float
) -> tuple[np.ndarray, np.ndarray]:
    """Compute the percentile interval of a bootstrap, widened to contain the point estimate.

    NaN among the values `[draws, ...]` is left out; without any number, the bounds are NaN.
    """
    is_missing = np.isnan(values).all(axis=0)
    tail = (1.0 - level) / 2.0
    low, high = np.nanquantile(np.where(is_missing, 0.0, values), [tail, 1.0 - tail], axis=0)
    low, high = np.fmin(low, point), np.fmax(high, point)
    return np.where(is_missing, np.nan, low)[()], np.where(is_missing, np.nan, high)[()]


def _draw_dirichlet(cells: np.ndarray, size: int, random: np.random.Generator) -> np.ndarray:
    """Draw matrices `[size, ...]` from the posterior, scaled to the number of counted rows.

    For two classes, each cell has Jeffreys' prior of 1/2. For k classes, a prior of 1/2 in each of
    k^2 cells would outweigh the rows. The prior is `1 / (2 sqrt(k - 1))` for the correct rows of
    each class, and the same in total for its errors.
    """
    occurs, k = _occurring(cells)
    mass = 0.5 / np.sqrt(k - 1)
    prior = np.where(np.eye(cells.shape[-1]), mass, mass / (k - 1)) * occurs
    gammas = random.standard_gamma(cells + prior, (size, *cells.shape))
    rows = cells.sum(axis=(-2, -1), keepdims=True)
    return gammas * (rows / gammas.sum(axis=(-2, -1), keepdims=True))


def _draw_multinomial(cells: np.ndarray, size: int, random: np.random.Generator) -> np.ndarray:
    """Draw matrices `[size, ...]` from the smoothed one: a bootstrap of its rows.

    Smoothing adds one row, distributed evenly over the cells of the k classes that occur. Without
    smoothing, errors that did not occur would never be drawn, and a perfect score would not vary.
    """
    occurs, k = _occurring(cells)
    smooth = cells + occurs / k**2
    rows = cells.sum(axis=(-2, -1)).astype(np.int64)
    probabilities = smooth / smooth.sum(axis=(-2, -1), keepdims=True)
    flat = probabilities.reshape([*rows.shape, -1])
    return random.multinomial(rows, flat, (size, *rows.shape)).reshape(size, *cells.shape)


def _occurring(cells: np.ndarray) -> tuple[np.ndarray, int]:
    """Return the cells that a draw may fill, bool, and the number of their classes.

    A class that neither occurs nor is predicted is never drawn, and stays out of macro means. At
    least two classes remain, because a single class could not have errors.
    """
    size = cells.shape[-1]
    if size > 2:
        classes = (cells.sum(axis=-1) + cells.sum(axis=-2)) > 0
        if classes.sum() >= 2:
            return np.outer(classes, classes), int(classes.sum())
    return np.ones([size, size], bool), size


def _to_counts(cells: np.ndarray, tables: Tables) -> Counts:
    """Convert resampled tables to float64 counts; a posterior has fractional rows."""
    cells = cells.astype(np.float64)
    total = cells.sum(axis=(-2, -1))
    invalid = np.zeros(len(cells))
    if cells.ndim == 4 or tables.num_classes == 1:
        true_positive, predicted = cells[..., 1, 1], cells[..., 1].sum(axis=-1)
        actual = cells[..., 1, :].sum(axis=-1)
        if cells.ndim == 4:
            return Counts(true_positive, predicted, actual, total[:, 0], invalid)
        return Counts(true_positive[:, None], predicted[:, None], actual[:, None], total, invalid)
    true_positive = np.diagonal(cells, axis1=-2, axis2=-1)
    return Counts(true_positive, cells.sum(-2), cells.sum(-1), total, invalid, (), cells)
