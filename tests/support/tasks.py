"""Classification tasks for hypothesis, and their scores by scikit-learn."""

import dataclasses
import math

import numpy as np
import sklearn.metrics
from hypothesis import strategies as st

from dist_f1 import Counts, scores

ZERO_DIVISION = st.sampled_from([0.0, 1.0, math.nan])


@dataclasses.dataclass(frozen=True)
class Task:
    """Labels and predicted labels: ids `[N]`, or 0/1 `[N, C]`. Some weights may be 0."""

    y_true: np.ndarray
    y_pred: np.ndarray
    num_classes: int
    weight: np.ndarray | None

    @property
    def is_multilabel(self):
        return self.y_true.ndim == 2

    def counts(self, **fields):
        """Count the task; `fields` are further arguments of `Counts.from_labels`."""
        return Counts.from_labels(self.y_true, self.y_pred, self.num_classes, self.weight, **fields)

    def with_nonzero_weight(self):
        """Return labels, predicted labels and weights of the rows whose weight is not 0.

        Other rows have no effect on counts, but their classes occur for scikit-learn.
        """
        if self.weight is None:
            return self.y_true, self.y_pred, None
        keep = self.weight != 0
        return self.y_true[keep], self.y_pred[keep], self.weight[keep]


@st.composite
def tasks(
    draw,
    kinds=("multiclass", "binary", "multilabel"),
    weighted=(False, True),
    sizes=None,
    classes=None,
):
    """Draw a task. The rows come from a seed, so a failure shrinks to fewer rows and classes."""
    kind = draw(st.sampled_from(kinds))
    num_classes = 1 if kind == "binary" else draw(st.integers(2, 6) if classes is None else classes)
    size = draw(st.integers(1, 40) if sizes is None else sizes)
    random = np.random.default_rng(draw(st.integers(0, 10_000)))
    # Absent classes are common.
    used = random.permutation(max(num_classes, 2))[: draw(st.integers(1, max(num_classes, 2)))]
    if kind == "multilabel":
        y_true, y_pred = (random.integers(0, 2, (size, num_classes)) for _ in "ab")
        absent = [c for c in range(num_classes) if c not in used]
        y_true[:, absent] = 0
        y_pred[:, absent] = 0
    else:
        y_true, y_pred = (random.choice(used, size) for _ in "ab")
    weight = None
    if draw(st.sampled_from(weighted)):
        weight = random.choice([0.0, 0.25, 0.7, 1.0, 3.3], size)
        weight[0] = 1.0
    return Task(y_true, y_pred, num_classes, weight)


def assert_ratios_equal_sklearn(task, counts=None, **arguments):
    """Assert that precision, recall and F1 equal scikit-learn.

    Args:
        task: A task.
        counts: The counts to derive the ratios from; those of the task by default.
        arguments: Arguments of the scores.
    """
    counts = task.counts().numpy() if counts is None else counts
    y_true, y_pred, weight = task.with_nonzero_weight()
    expected = sklearn.metrics.precision_recall_fscore_support(
        y_true, y_pred, sample_weight=weight, warn_for=(), **arguments
    )
    for score, value in zip((scores.precision, scores.recall, scores.f1), expected, strict=False):
        assert_close(score(counts, **arguments), value)


def assert_close(actual, expected):
    """Assert that the difference is at most 1e-12."""
    np.testing.assert_allclose(actual, expected, rtol=0, atol=1e-12)
