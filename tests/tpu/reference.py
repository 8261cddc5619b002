"""The counts of rows by NumPy alone."""

from __future__ import annotations

import numpy as np

import dist_f1
from dist_f1 import Counts
from tpu.cases import Case


def counts(case: Case, columns: dict[str, np.ndarray]) -> Counts:
    """The counts that a metric keeps of these rows, but for the sums of sample averages.

    The confusion matrix is there wherever it is defined, for one class a row and without groups.
    """
    rows = _Rows(case, columns)
    if case.metric is dist_f1.ThresholdSweep:
        thresholds = np.asarray(case.make().thresholds)
        scores = columns["y_pred"].reshape(-1, case.classes).astype(np.float64)
        bucket = (scores[..., np.newaxis] > thresholds.astype(np.float32)).sum(-1)
        between = [rows.counts(bucket == k) for k in range(len(thresholds) + 1)]
        return between[0]._replace(
            true_positive=np.stack([x.true_positive for x in between]),
            predicted=np.stack([x.predicted for x in between]),
        )
    chosen = _chosen(case, columns["y_pred"])
    if "by" not in columns:
        return rows.counts(chosen)
    groups = range(case.options["num_groups"])
    by = columns["by"].reshape(-1)
    each = [rows.counts(chosen, by == group)[:5] for group in groups]
    return Counts(*(np.stack(fields) for fields in zip(*each, strict=True)))


def agree(case: Case, kept: Counts, expected: Counts) -> bool:
    """Whether counts that a metric keeps are those of `counts`: the same integers, or weights."""
    kept = kept.numpy()
    pairs = list(zip(kept[:5], expected[:5], strict=True))
    if not isinstance(kept.confusion, tuple):
        pairs.append((kept.confusion, expected.confusion))
    if case.weighted:
        return all(np.allclose(mine, theirs, rtol=1e-12, atol=0) for mine, theirs in pairs)
    return all(mine.dtype == np.int64 and np.array_equal(mine, theirs) for mine, theirs in pairs)


class _Rows:
    """What rows are, and how much they count."""

    def __init__(self, case: Case, columns: dict[str, np.ndarray]) -> None:
        truth = columns["y_true"]
        if case.targets == "ids":
            ids = truth.reshape(-1).astype(int)
            kept = ids != case.options.get("ignore_class", -1)
            self.truth = ids[:, np.newaxis] == (np.arange(case.classes) if case.classes > 1 else 1)
        else:
            self.truth = truth.reshape(-1, case.classes) > 0
            kept = np.ones(len(self.truth), bool)
        if "mask" in columns:
            kept &= columns["mask"].reshape(-1)
        weight = columns.get("sample_weight", np.ones(len(kept), int)).reshape(-1)
        self.weight = kept * weight.astype(np.float64 if case.weighted else np.int64)
        self._several = chooses_several(case)

    def counts(self, chosen: np.ndarray, among: np.ndarray | bool = True) -> Counts:
        weight = (self.weight * among)[:, np.newaxis]
        confusion: tuple | np.ndarray = ()
        if not self._several:
            # In float64 a product is fast, and exact here.
            confusion = (self.truth * weight).T.astype(np.float64) @ chosen.astype(np.float64)
            confusion = confusion.astype(weight.dtype)
        both, of_class = self.truth & chosen, self.truth
        sums = [(weight * x).sum(0) for x in (both, chosen, of_class)]
        return Counts(*sums, weight.sum(), np.zeros_like(weight.sum()), confusion=confusion)


def chooses_several(case: Case) -> bool:
    """Whether a row may be of several classes, or none, by what is decided."""
    options = case.options
    decides_each = "threshold" in options or case.metric is dist_f1.ThresholdSweep
    return case.classes == 1 or decides_each or options.get("top_k", 1) > 1


def _chosen(case: Case, scores: np.ndarray) -> np.ndarray:
    """The classes that are named for each row, `[N, C]`."""
    if case.scores.startswith("int"):
        return np.eye(case.classes, dtype=bool)[scores.reshape(-1)]
    scores = scores.reshape(-1, case.classes).astype(np.float64)
    if threshold := case.options.get("threshold"):
        logit = np.log(threshold / (1 - threshold))
        return scores > (logit if case.options.get("from_logits") else threshold)
    best = np.argsort(-scores, axis=-1, kind="stable")[:, : case.options.get("top_k", 1)]
    chosen = np.zeros(scores.shape, bool)
    np.put_along_axis(chosen, best, True, axis=-1)
    return chosen
