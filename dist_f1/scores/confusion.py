"""The confusion matrix, and how it is normalized."""

from __future__ import annotations

from typing import Any, Literal, get_args

import numpy as np

from dist_f1.counts import Counts
from dist_f1.counts import arrays as xp
from dist_f1.scores.averaging import only

Normalize = Literal["true", "pred", "all"]


def confusion_matrix(counts: Counts, normalize: Normalize | None = None) -> Any:
    """Rows by true class (first axis) and predicted class (second): `[C, C]`, int64 if unweighted.

    Args:
        counts: with `confusion`, unless there are only two classes. Where rows may name several
            classes, the result is `[C, 2, 2]`, each class against the rest.
        normalize: `"true"` divides by the rows of the true class, `"pred"` by those of the
            predicted class, `"all"` by all rows. The result is then float64; 0 / 0 is 0.

    Raises:
        ValueError: the counts keep no matrix.

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
        whole = xp.expand_last(xp.expand_last(xp.sum_last_two(matrix)))
    elif normalize == "true":
        whole = xp.expand_last(xp.sum_last(matrix))
    else:
        whole = xp.sum_last(xp.swap_last_two(matrix))[..., np.newaxis, :]
    return xp.divide(matrix, whole, 0.0)


def _matrix(counts: Counts) -> Any:
    if not isinstance(counts.confusion, tuple):
        return counts.confusion
    if counts.num_classes > 2 and not counts.is_multilabel:
        raise ValueError(
            "These counts keep no confusion matrix. Count with dist_f1.ConfusionMatrix, or with "
            "Counts.from_labels(confusion=True)."
        )
    c = counts
    if not counts.is_multilabel:
        # The second class against the first.
        c = counts if counts.num_classes == 1 else only(counts, [1])
    negative = xp.stack([c.true_negative, c.false_positive])
    positive = xp.stack([c.false_negative, c.true_positive])
    matrices = xp.stack([negative, positive], axis=-2)
    return matrices if counts.is_multilabel else matrices[..., 0, :, :]
