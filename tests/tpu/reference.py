"""The counts of a case, computed with NumPy only."""

from __future__ import annotations

import numpy as np

import dist_f1
from dist_f1 import Counts
from tpu.cases import Case


def counts(case: Case, columns: dict[str, np.ndarray]) -> Counts:
    """Compute the counts that a metric stores, without the sums of sample averages.

    Includes the confusion matrix where it is defined, i.e. for single labels without groups.
    """
    rows = _Rows(case, columns)
    if case.metric is dist_f1.ThresholdSweep:
        thresholds = np.asarray(case.make().thresholds)
        scores = columns["y_pred"].reshape(-1, case.classes).astype(np.float64)
        bucket = (scores[..., np.newaxis] > thresholds.astype(np.float32)).sum(-1)
        buckets = [rows.counts(bucket == k) for k in range(len(thresholds) + 1)]
        return buckets[0]._replace(
            true_positive=np.stack([x.true_positive for x in buckets]),
            predicted=np.stack([x.predicted for x in buckets]),
        )
    predicted = _predicted(case, columns["y_pred"])
    if "by" not in columns:
        return rows.counts(predicted)
    groups, by = range(case.options["num_groups"]), columns["by"].reshape(-1)
    fields = [rows.counts(predicted, by == group)[:5] for group in groups]
    return Counts(*map(np.stack, zip(*fields, strict=True)))


def equal(case: Case, stored: Counts, expected: Counts) -> bool:
    """Whether a metric's counts equal those of `counts`; weighted ones up to rounding."""
    stored = stored.numpy()
    pairs = list(zip(stored[:5], expected[:5], strict=True))
    if not isinstance(stored.confusion, tuple):
        pairs.append((stored.confusion, expected.confusion))
    if case.is_weighted:
        return all(np.allclose(a, b, rtol=1e-12, atol=0) for a, b in pairs)
    return all(a.dtype == np.int64 and np.array_equal(a, b) for a, b in pairs)


class _Rows:
    """Targets `[N, C]` and weight of each row, which is 0 if the row is left out."""

    def __init__(self, case: Case, columns: dict[str, np.ndarray]) -> None:
        y_true = columns["y_true"]
        if case.targets == "ids":
            ids = y_true.reshape(-1).astype(int)
            unmasked = ids != case.options.get("ignore_class", -1)
            classes = np.arange(case.classes) if case.classes > 1 else 1
            self.actual = ids[:, np.newaxis] == classes
        else:
            self.actual = y_true.reshape(-1, case.classes) > 0
            unmasked = np.ones(len(self.actual), bool)
        if "mask" in columns:
            unmasked &= columns["mask"].reshape(-1)
        weight = columns.get("sample_weight", np.ones(len(unmasked), int)).reshape(-1)
        self.weight = unmasked * weight.astype(np.float64 if case.is_weighted else np.int64)
        self._is_multilabel = _predicts_many(case)

    def counts(self, predicted: np.ndarray, where: np.ndarray | bool = True) -> Counts:
        """Count predictions `[N, C]` in the rows of a condition."""
        weight = (self.weight * where)[:, np.newaxis]
        confusion: tuple | np.ndarray = ()
        if not self._is_multilabel:
            # In float64 the product is fast, and exact for these numbers.
            confusion = (self.actual * weight).T.astype(np.float64) @ predicted.astype(np.float64)
            confusion = confusion.astype(weight.dtype)
        fields = self.actual & predicted, predicted, self.actual
        sums = [(weight * x).sum(0) for x in fields]
        return Counts(*sums, weight.sum(), np.zeros_like(weight.sum()), confusion=confusion)


def _predicts_many(case: Case) -> bool:
    """Whether the decision may predict several classes, or none, for a row."""
    options = case.options
    has_threshold = "threshold" in options or case.metric is dist_f1.ThresholdSweep
    return case.classes == 1 or has_threshold or options.get("top_k", 1) > 1


def _predicted(case: Case, scores: np.ndarray) -> np.ndarray:
    """Decide which classes are predicted for each row: bool `[N, C]`."""
    if case.predictions.startswith("int"):
        return np.eye(case.classes, dtype=bool)[scores.reshape(-1)]
    scores = scores.reshape(-1, case.classes).astype(np.float64)
    if threshold := case.options.get("threshold"):
        logit = np.log(threshold / (1 - threshold))
        return scores > (logit if case.options.get("from_logits") else threshold)
    best = np.argsort(-scores, axis=-1, kind="stable")[:, : case.options.get("top_k", 1)]
    predicted = np.zeros(scores.shape, bool)
    np.put_along_axis(predicted, best, True, axis=-1)
    return predicted
