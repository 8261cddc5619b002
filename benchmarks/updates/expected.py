"""What an update must have counted, by scikit-learn and NumPy, and how many values differ."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

import numpy as np
from sklearn import metrics

from benchmarks.updates.batches import Batch

COUNTS = ("true_positive", "predicted", "actual", "total")
# The mean over all classes of which some do not occur, as Keras has it.
MEAN_OF_ALL = "f1_mean_of_all_classes"
# Counts at each threshold of a sweep, `[T, C]`.
SWEPT = ("swept_true_positive", "swept_predicted")

# scikit-learn makes a matrix of class by class for these.
_SQUARE = ("balanced_accuracy", "cohen_kappa", "matthews_corrcoef")
_MOST_SQUARED = 4096

Values = Mapping[str, Any]


def expected(batch: Batch, names: Iterable[str]) -> dict[str, Any]:
    """The values of that name, but for scores whose matrices would be too large."""
    names = list(names)
    found: dict[str, Any] = _counts(batch) if set(COUNTS) & set(names) else {}
    if batch.task == "argmax" and len(np.union1d(batch.truth, batch.decided)) > _MOST_SQUARED:
        names = [name for name in names if name not in _SQUARE]
    for name in names:
        if name not in found and name not in SWEPT:
            found[name] = _score(batch, name)
    return {name: found[name] for name in names if name in found}


def differing(answer: Values, truth: Values) -> int:
    """How many values of `answer` differ: counts at all, scores beyond rounding in float32."""
    wrong = 0
    for name in answer.keys() & truth.keys():
        mine, right = np.asarray(answer[name]), np.asarray(truth[name])
        if mine.shape != right.shape:
            wrong += max(mine.size, right.size)
        elif name in COUNTS or name in SWEPT:
            wrong += int(np.sum(mine != right))
        else:
            wrong += int(np.sum(~np.isclose(mine, right, rtol=1e-5, atol=1e-7)))
    return wrong


def swept(batch: Batch, thresholds: Iterable[float]) -> dict[str, Any]:
    """The counts at each threshold, ascending: `[T, C]`."""
    limits = np.asarray(list(thresholds), np.float32)
    classes, size = batch.classes, len(limits) + 1
    # Below how many thresholds a score lies is where it would be inserted.
    below = np.searchsorted(limits, batch.scores.reshape(-1, classes), side="left")
    place = below + size * np.arange(classes)
    values = (
        np.bincount(place[batch.truth], minlength=classes * size),
        np.bincount(place.reshape(-1), minlength=classes * size),
    )
    return {
        name: _above(value.reshape(classes, size))
        for name, value in zip(SWEPT, values, strict=True)
    }


def _above(buckets: np.ndarray) -> np.ndarray:
    return np.cumsum(buckets[:, ::-1], axis=1)[:, ::-1][:, 1:].T


def _counts(batch: Batch) -> dict[str, Any]:
    truth, decided = batch.truth, batch.decided
    if batch.task != "argmax":
        found = (truth & decided).sum(0), decided.sum(0), truth.sum(0), batch.rows
        return dict(zip(COUNTS, found, strict=True))
    weights = _weights(batch)
    hit = truth == decided

    def count(ids: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
        return np.bincount(ids, weights, batch.classes)

    return {
        "true_positive": count(truth[hit], None if weights is None else weights[hit]),
        "predicted": count(decided, weights),
        "actual": count(truth, weights),
        "total": batch.rows if weights is None else weights.sum(),
    }


def _weights(batch: Batch) -> np.ndarray | None:
    return None if batch.weights is None else batch.weights.reshape(-1).astype(np.float64)


def _score(batch: Batch, name: str) -> Any:
    truth, decided = batch.truth, batch.decided
    if batch.task != "argmax":
        truth, decided = truth.astype(np.int8), decided.astype(np.int8)
    function = _SCORES[name]
    if name == MEAN_OF_ALL and batch.task == "argmax":
        function = partial(function, labels=np.arange(batch.classes))
    with warnings.catch_warnings():
        # Of classes that are predicted and do not occur; that is as it should be.
        warnings.simplefilter("ignore", UserWarning)
        return function(truth, decided, sample_weight=_weights(batch))


def _specificity(truth: Any, decided: Any, sample_weight: Any) -> float:
    matrices = metrics.multilabel_confusion_matrix(truth, decided, sample_weight=sample_weight)
    negative, false_positive = matrices[:, 0, 0], matrices[:, 0, 1]
    return float(np.mean(negative / (negative + false_positive)))


def _averaged(function: Callable[..., Any], average: str, **keywords: Any) -> Callable[..., Any]:
    return partial(function, average=average, zero_division=0, **keywords)


_SCORES: dict[str, Callable[..., Any]] = {
    "f1_macro": _averaged(metrics.f1_score, "macro"),
    MEAN_OF_ALL: _averaged(metrics.f1_score, "macro"),
    "f1_micro": _averaged(metrics.f1_score, "micro"),
    "f1_weighted": _averaged(metrics.f1_score, "weighted"),
    "f2_macro": _averaged(metrics.fbeta_score, "macro", beta=2),
    "precision_macro": _averaged(metrics.precision_score, "macro"),
    "recall_macro": _averaged(metrics.recall_score, "macro"),
    "specificity_macro": _specificity,
    "jaccard_macro": _averaged(metrics.jaccard_score, "macro"),
    "accuracy": metrics.accuracy_score,
    "balanced_accuracy": metrics.balanced_accuracy_score,
    "matthews_corrcoef": metrics.matthews_corrcoef,
    "cohen_kappa": metrics.cohen_kappa_score,
}
