"""Expected values of counts and scores, by NumPy and scikit-learn."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

import numpy as np
from sklearn import metrics

Values = Mapping[str, Any]

COUNTS = ("true_positive", "predicted", "actual", "total", "invalid")
# Keras's macro F1: the mean over all classes, including those that do not occur.
MEAN_OF_ALL = "f1_mean_of_all_classes"
# Counts at each threshold of a sweep, `[T, C]`.
SWEPT = ("swept_true_positive", "swept_predicted")

# Scores for which scikit-learn builds a matrix of all classes that occur.
_NEED_MATRIX = ("balanced_accuracy", "cohen_kappa", "matthews_corrcoef")
_MAX_MATRIX = 4096


def expected_values(
    names: Iterable[str],
    y_true: np.ndarray,
    y_pred: np.ndarray,
    classes: int,
    weights: np.ndarray | None = None,
) -> dict[str, Any]:
    """Compute counts and scores by name, except for scores whose matrix would be too large.

    Args:
        names: Names in `COUNTS`, or names of scores.
        y_true: Class ids `[N]`, or 0/1 indicators `[N, C]`.
        y_pred: Predictions in the same form.
        classes: Number of classes C.
        weights: Sample weights `[N]`, only with class ids.
    """
    names = list(names)
    has_ids = y_true.ndim == 1
    if has_ids and len(np.union1d(y_true, y_pred)) > _MAX_MATRIX:
        names = [name for name in names if name not in _NEED_MATRIX]
    counts = _count(y_true, y_pred, classes, weights) if set(names) & set(COUNTS) else {}
    labels = {"labels": np.arange(classes)} if has_ids else {}
    functions = {**_SCORES, MEAN_OF_ALL: partial(_SCORES["f1_macro"], **labels)}
    with warnings.catch_warnings():
        # scikit-learn warns about classes that are predicted but do not occur.
        warnings.simplefilter("ignore", UserWarning)
        scores = {
            name: functions[name](y_true, y_pred, sample_weight=weights)
            for name in names
            if name not in COUNTS
        }
    return {name: (counts | scores)[name] for name in names}


def expected_sweep(
    scores: np.ndarray, y_true: np.ndarray, thresholds: Iterable[float]
) -> dict[str, np.ndarray]:
    """Count at each of the ascending thresholds, given scores and indicators `[N, C]`."""
    limits = np.asarray(list(thresholds), np.float32)
    classes, size = scores.shape[1], len(limits) + 1
    # The insertion point of a score is the number of thresholds below it.
    bucket = np.searchsorted(limits, scores, side="left") + size * np.arange(classes)

    def count(buckets: np.ndarray) -> np.ndarray:
        counts = np.bincount(buckets, minlength=classes * size).reshape(classes, size)
        return np.cumsum(counts[:, ::-1], axis=1)[:, ::-1][:, 1:].T

    return dict(zip(SWEPT, (count(bucket[y_true]), count(bucket.reshape(-1))), strict=True))


def count_mismatches(
    values: Values, expected: Values, *, rtol: float = 1e-5, atol: float = 1e-7
) -> int:
    """Count the values that differ from the expected ones of the same name.

    Counts must be equal. Scores may differ by rounding in float32.
    """
    mismatches = 0
    for name in values.keys() & expected.keys():
        value, correct = np.asarray(values[name]), np.asarray(expected[name])
        if value.shape != correct.shape:
            mismatches += max(value.size, correct.size)
        elif name in COUNTS or name in SWEPT:
            mismatches += int(np.sum(value != correct))
        else:
            mismatches += int(np.sum(~np.isclose(value, correct, rtol=rtol, atol=atol)))
    return mismatches


def _count(
    y_true: np.ndarray, y_pred: np.ndarray, classes: int, weights: np.ndarray | None
) -> dict[str, Any]:
    def count(labels: np.ndarray, chosen: Any = slice(None)) -> np.ndarray:
        return np.bincount(labels[chosen], None if weights is None else weights[chosen], classes)

    total = len(y_true) if weights is None else weights.sum()
    if y_true.ndim == 1:
        values = count(y_true, y_true == y_pred), count(y_pred), count(y_true)
    else:
        values = (y_true * y_pred).sum(axis=0), y_pred.sum(axis=0), y_true.sum(axis=0)
    return dict(zip(COUNTS, (*values, total, 0), strict=True))


def _specificity(y_true: np.ndarray, y_pred: np.ndarray, sample_weight: Any) -> float:
    matrices = metrics.multilabel_confusion_matrix(y_true, y_pred, sample_weight=sample_weight)
    negative, false_positive = matrices[:, 0, 0], matrices[:, 0, 1]
    return float(np.mean(negative / (negative + false_positive)))


_SCORES: dict[str, Callable[..., Any]] = {
    f"{name}_{average}": partial(function, average=average, zero_division=0)
    for name, function in {
        "f1": metrics.f1_score,
        "f2": partial(metrics.fbeta_score, beta=2),
        "precision": metrics.precision_score,
        "recall": metrics.recall_score,
        "jaccard": metrics.jaccard_score,
    }.items()
    for average in ("binary", "micro", "macro", "weighted")
} | {
    "specificity_macro": _specificity,
    "accuracy": metrics.accuracy_score,
    "balanced_accuracy": metrics.balanced_accuracy_score,
    "matthews_corrcoef": metrics.matthews_corrcoef,
    "cohen_kappa": metrics.cohen_kappa_score,
}
