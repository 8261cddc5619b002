"""Counts and scores at a threshold that the reader chooses."""

from __future__ import annotations

import numpy as np

from dist_f1 import scores
from dist_f1.pages.results.evaluation import Evaluation, format_count
from dist_f1.pages.results.style import rounded, unique
from dist_f1.pages.sections import Cell, ClassCounts, Table, Thresholds
from dist_f1.sweeps import Sweep
from dist_f1.sweeps.curves import entries_by_class

# With more classes, only those with the lowest F1 can be chosen, to keep the page small.
_MAX_CLASSES = 100
_MAX_THRESHOLDS = 250
_DECISION = (
    "Each class is decided separately here: a row is predicted as the class if its probability "
    "exceeds the threshold."
)


def threshold_choice(evaluation: Evaluation) -> list[Thresholds]:
    """Return the counts of each class at each threshold, or `[]` without a sweep."""
    if evaluation.sweep is None:
        return []
    sweep = evaluation.sweep.numpy()
    best = sweep.best()
    chosen = np.arange(sweep.num_classes)
    if sweep.num_classes > _MAX_CLASSES:
        chosen = np.sort(np.argsort(np.asarray(best.score), kind="stable")[:_MAX_CLASSES])
    indices = _kept_thresholds(sweep, np.asarray(best.threshold)[chosen])
    thinned = Sweep(sweep.thresholds[indices], sweep.counts.map(lambda x: x[indices]))
    names = unique(evaluation.swept_names)
    classes = _class_counts(thinned, chosen, names)
    if sweep.num_classes > 1:
        classes.insert(0, _all_classes(thinned))
    return [
        Thresholds(
            "Thresholds",
            rounded(thinned.thresholds.tolist(), 6),
            classes,
            _caption(sweep, len(chosen), len(indices)),
            _best_table(sweep, names),
        )
    ]


def _kept_thresholds(sweep: Sweep, best: np.ndarray) -> np.ndarray:
    """Return the indices of at most 250 thresholds, and of the best ones."""
    size = len(sweep.thresholds)
    even = np.unique(np.linspace(0, size - 1, min(size, _MAX_THRESHOLDS)).round().astype(int))
    if len(even) == size:
        return even
    best = np.append(best, float(sweep.best("macro").threshold))
    return np.union1d(even, np.searchsorted(sweep.thresholds, best).clip(0, size - 1))


def _class_counts(sweep: Sweep, chosen: np.ndarray, names: list[str]) -> list[ClassCounts]:
    c, entries = sweep.counts, entries_by_class(sweep)
    best = np.argmax(scores.f1(c), axis=0)
    return [
        ClassCounts(
            names[k],
            float(c.actual[0, k]),
            float(entries[k]),
            c.true_positive[:, k].tolist(),
            c.predicted[:, k].tolist(),
            int(best[k]),
        )
        for k in chosen.tolist()
    ]


def _all_classes(sweep: Sweep) -> ClassCounts:
    """Return the sums of the counts of all classes, with macro averages."""
    c = sweep.counts
    averages = [
        np.asarray(score(c, "macro")) for score in (scores.precision, scores.recall, scores.f1)
    ]
    return ClassCounts(
        "all classes (macro average)",
        float(c.actual[0].sum()),
        float(entries_by_class(sweep).sum()),
        c.true_positive.sum(axis=1).tolist(),
        c.predicted.sum(axis=1).tolist(),
        int(np.argmax(averages[2])),
        tuple(rounded(values.tolist()) for values in averages),  # type: ignore[arg-type]
    )


def _best_table(sweep: Sweep, names: list[str]) -> Table:
    """Return the best threshold of each class, its F1, and the average precision."""
    best, overall = sweep.best(), sweep.best("macro")
    area = np.asarray(sweep.average_precision())
    at_best = best.counts.numpy()
    rows: list[list[Cell]] = [
        [
            names[k],
            f"{best.threshold[k]:.4g}",
            f"{best.score[k]:.4f}",
            f"{area[k]:.4f}",
            format_count(at_best.true_positive[k]),
            format_count(at_best.predicted[k]),
        ]
        for k in range(sweep.num_classes)
    ]
    footer: list[list[Cell]] = []
    if len(rows) > 1:
        mean = f"{sweep.average_precision('macro'):.4f}"
        threshold, f1 = f"{overall.threshold:.4g}", f"{overall.score:.4f}"
        footer = [["all classes, one threshold", threshold, f1, mean, "", ""]]
    return Table(
        "",
        ["class", "best threshold", "best F1", "average precision", "correct", "predicted"],
        rows,
        _DECISION,
        footer,
        ("best F1", "average precision"),
        is_sortable=True,
    )


def _caption(sweep: Sweep, classes: int, thresholds: int) -> str:
    text = _DECISION
    if sweep.num_classes > 1:
        text += ' The counts of "all classes" are sums over the classes.'
    if classes < sweep.num_classes:
        text += (
            f" Only the {classes} of {sweep.num_classes:,} classes with the lowest best F1 can be "
            "chosen; the table of the best thresholds has all of them."
        )
    if thresholds < len(sweep.thresholds):
        text += f" {thresholds} of {len(sweep.thresholds):,} thresholds can be chosen."
    return text
