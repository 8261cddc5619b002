"""The confusion matrix and its normalization."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

from dist_f1.counts import Counts
from dist_f1.counts import arrays as xp
from dist_f1.counts.argument import takes_counts
from dist_f1.counts.lazy_tensorflow import Array
from dist_f1.scores.averaging import select_classes

Normalize = Literal["true", "pred", "all"]


@takes_counts
def confusion_matrix(counts: Counts, normalize: Normalize | None = None) -> Array:
    """Return rows by true class (first axis) and predicted class (second): `[C, C]`.

    Args:
        counts: Counts with `confusion`, or of two classes. Where a row may have several classes,
            the result is `[C, 2, 2]`, each class against the rest.
        normalize: `"true"` divides by the rows of the true class, `"pred"` by the rows of the
            predicted class, `"all"` by all rows. The result is then float64, and 0 / 0 is 0.
            Otherwise it is int64, or float64 for weighted counts.

    Raises:
        ValueError: The counts have no matrix.

    Example:
        >>> counts = Counts.from_labels([0, 1, 1], [0, 1, 0], num_classes=2).numpy()
        >>> confusion_matrix(counts, normalize="true").tolist()
        [[1.0, 0.0], [0.5, 0.5]]
    """
    if normalize not in (None, *get_args(Normalize)):
        raise ValueError(
            f"normalize must be None or one of {', '.join(get_args(Normalize))}, got {normalize!r}."
        )
    matrix = _matrix(counts)
    if normalize is None:
        return matrix
    matrix = xp.to_float(matrix)
    if normalize == "all":
        total = xp.expand_last(xp.expand_last(xp.sum_last_two(matrix)))
    elif normalize == "true":
        total = xp.expand_last(xp.sum_last(matrix))
    else:
        total = xp.sum_last(xp.swap_last_two(matrix))[..., np.newaxis, :]
    return xp.divide(matrix, total, 0.0)


def has_matrix(counts: Counts) -> bool:
    """Whether the counts determine a confusion matrix."""
    is_stored = not isinstance(counts.confusion, tuple)
    return is_stored or counts.num_classes <= 2 or counts.is_multilabel


def off_diagonal(matrix: np.ndarray) -> np.ndarray:
    """Return the mistakes of a NumPy matrix `[C, C]`: the diagonal is 0."""
    return np.where(np.eye(len(matrix), dtype=bool), 0, matrix)


def _matrix(counts: Counts) -> Array:
    if not isinstance(counts.confusion, tuple):
        return counts.confusion
    if not has_matrix(counts):
        raise ValueError(
            "These counts have no confusion matrix. Count with dist_f1.ConfusionMatrix, or with "
            "Counts.from_labels(confusion=True)."
        )
    c = counts
    if not counts.is_multilabel:
        # Class 1 against class 0.
        c = counts if counts.num_classes == 1 else select_classes(counts, [1])
    negative = xp.stack([c.true_negative, c.false_positive])
    positive = xp.stack([c.false_negative, c.true_positive])
    matrices = xp.stack([negative, positive], axis=-2)
    return matrices if counts.is_multilabel else matrices[..., 0, :, :]
