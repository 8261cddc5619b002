"""Counts of given confusion matrices."""

import numpy as np

from dist_f1 import Counts
from dist_f1.scores.score_names import parse


def counts_of(matrix):
    """The counts of a confusion matrix `[C, C]`, true class by predicted class."""
    matrix = np.asarray(matrix)
    kind = matrix.dtype.type
    return Counts(
        np.diagonal(matrix),
        matrix.sum(axis=0),
        matrix.sum(axis=1),
        kind(matrix.sum()),
        kind(0),
        (),
        matrix,
    )


def binary_of(matrix):
    """The counts of the positive class of a matrix `[2, 2]`."""
    c = counts_of(matrix)
    return c._replace(
        true_positive=c.true_positive[1:],
        predicted=c.predicted[1:],
        actual=c.actual[1:],
        confusion=(),
    )


def multilabel_counts(rows=300, classes=3, seed=0):
    """The counts of random multilabel rows, without a matrix."""
    random = np.random.default_rng(seed)
    y_true = random.integers(0, 2, (rows, classes))
    y_pred = np.where(random.random((rows, classes)) < 0.8, y_true, 1 - y_true)
    return Counts.from_labels(y_true, y_pred, classes).numpy()


def stacked(names):
    """Several scores of counts as one function, `[..., len(names)]`."""
    parsed = [parse(name) for name in names]
    return lambda counts: np.stack([score(counts) for score in parsed], axis=-1)


BINARY = binary_of([[880, 20], [30, 70]])
THREE = counts_of([[50, 4, 1], [6, 30, 4], [0, 2, 9]])
NO_CONFUSION = THREE._replace(confusion=())
