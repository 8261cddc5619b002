"""The rows of each replica in each step, for the workers and for the tests."""

import numpy as np
from sklearn.metrics import f1_score

from dist_f1 import Counts

CLASSES = 4
SIZES = (5, 0, 3, 8, 1, 0, 7, 2)


def shard(step, replica):
    """Return `y_true`, `y_pred` and weights. The number of rows varies, and may be 0."""
    random = np.random.default_rng([step, replica])
    rows = SIZES[(step + 3 * replica) % len(SIZES)]
    return (
        random.integers(0, CLASSES, rows),
        random.integers(0, CLASSES, rows),
        random.uniform(0.1, 3.0, rows),
    )


def union(steps, replicas):
    """Return the rows of all replicas in the first steps."""
    shards = [shard(step, replica) for step in range(steps) for replica in range(replicas)]
    return [np.concatenate(column) for column in zip(*shards, strict=True)]


def fields(counts):
    return {name: np.asarray(value).tolist() for name, value in counts.numpy()._asdict().items()}


def counted(steps, replicas, weighted=False):
    y_true, y_pred, weight = union(steps, replicas)
    return Counts.from_labels(y_true, y_pred, CLASSES, weight if weighted else None)


def macro_f1(y_true, y_pred):
    return f1_score(y_true, y_pred, average="macro")
