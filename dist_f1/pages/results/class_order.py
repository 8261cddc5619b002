"""An order of classes in which classes that are confused with each other are neighbours."""

from __future__ import annotations

import numpy as np

from dist_f1.scores.confusion import off_diagonal


def ranked_mistakes(matrix: np.ndarray) -> np.ndarray:
    """Return the true and the predicted class of each kind of mistake, `[K, 2]`, by frequency.

    Example:
        >>> ranked_mistakes(np.array([[9, 0, 3], [0, 9, 0], [5, 0, 9]])).tolist()
        [[2, 0], [0, 2]]
    """
    errors = off_diagonal(matrix)
    pairs = np.argwhere(errors > 0)
    return pairs[np.argsort(-errors[tuple(pairs.T)], kind="stable")]


def most_confused(matrix: np.ndarray, most: int) -> np.ndarray:
    """Return the ids of at most `most` classes with the commonest confusions, ascending.

    Args:
        matrix: Confusion matrix `[C, C]`.
        most: Number of classes, at least 2.
    """
    chosen: dict[int, None] = {}
    for mistake in ranked_mistakes(matrix).tolist():
        pair = set(mistake)
        if len(chosen.keys() | pair) > most:
            break
        chosen.update(dict.fromkeys(pair))
    return np.array(sorted(chosen), dtype=np.int64)


def clustered(matrix: np.ndarray) -> np.ndarray:
    """Return all ids `[C]` so that classes that are often confused are near each other.

    Agglomerative clustering with average linkage: the two clusters with the highest mean
    confusion are joined at the two ends that are most often confused. It takes O(C^3).

    Example:
        >>> matrix = np.array([[9, 0, 3], [0, 9, 0], [3, 0, 9]])
        >>> clustered(matrix).tolist()
        [0, 2, 1]
    """
    size = len(matrix)
    rates = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1e-12)
    pairwise = rates + rates.T
    np.fill_diagonal(pairwise, -1.0)
    linkage = pairwise.astype(np.float64)
    clusters = {k: [k] for k in range(size)}
    while len(clusters) > 1:
        a, b = divmod(int(linkage.argmax()), size)
        sizes = len(clusters[a]), len(clusters[b])
        clusters[a] = _joined(clusters[a], clusters.pop(b), pairwise)
        mean = (sizes[0] * linkage[a] + sizes[1] * linkage[b]) / sum(sizes)
        for k in range(size):
            is_open = k in clusters and k != a
            linkage[a, k] = linkage[k, a] = mean[k] if is_open else -1.0
        linkage[b, :] = linkage[:, b] = -1.0
    (order,) = clusters.values()
    # Low ids first, as far as the clusters allow.
    return np.array(order if order[0] <= order[-1] else order[::-1])


def _joined(a: list[int], b: list[int], pairwise: np.ndarray) -> list[int]:
    """Join two lists at the two ends that are most often confused."""
    choices = [(x, y) for x in (a, a[::-1]) for y in (b, b[::-1])]
    x, y = max(choices, key=lambda choice: pairwise[choice[0][-1], choice[1][0]])
    return [*x, *y]
