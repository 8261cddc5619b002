"""The verdict: the results that readers look for first, in plain sentences."""

from __future__ import annotations

import numpy as np

from dist_f1 import scores
from dist_f1.counts.validity import count_invalid
from dist_f1.pages.results.confusions import confusions
from dist_f1.pages.results.evaluation import LEVEL, Evaluation, format_count, format_interval
from dist_f1.pages.sections import Fact, Facts


def verdict(evaluation: Evaluation) -> list[Facts]:
    """Return F1 with its interval, the worst class, the commonest confusion, and lost rows."""
    facts = [f1_fact(evaluation), worst_class(evaluation), commonest_confusion(evaluation)]
    facts.append(lost_rows(evaluation))
    return [Facts("Verdict", [fact for fact in facts if fact is not None])]


def f1_fact(evaluation: Evaluation) -> Fact:
    """Return the F1 of all classes."""
    row, counts = evaluation.f1(), evaluation.counted
    interval = format_interval(row)
    size = f"{format_count(counts.total)} {evaluation.unit}"
    if not evaluation.is_binary:
        size += f" of {counts.num_classes:,} classes"
    sentence = (
        f"The {LEVEL:.0%} confidence interval is {interval}, from {size}."
        if interval
        else f"From {size}; there is no interval."
    )
    return Fact(evaluation.f1_label, _ratio(row["value"]), sentence)


def worst_class(evaluation: Evaluation) -> Fact | None:
    """Return the class with the lowest F1, or `None` if no class occurs."""
    f1 = evaluation.f1_per_class()
    if np.isnan(f1).all():
        return None
    k = int(np.nanargmin(f1))
    if f1[k] == 1.0:
        return Fact("Worst class", "none", "The F1 of every class is 1.")
    counts = evaluation.counted
    precision, recall = (float(score(counts)[k]) for score in (scores.precision, scores.recall))
    actual = float(counts.actual[k])
    return Fact(
        "Worst class",
        evaluation.names[k],
        f"Its F1 is {f1[k]:.3f}: precision {precision:.3f}, and recall {recall:.3f} of "
        f"{format_count(actual)} {evaluation.unit}.",
    )


def commonest_confusion(evaluation: Evaluation) -> Fact | None:
    """Return the commonest confusion, or `None` if the counts have no matrix."""
    if evaluation.counted.is_multilabel:
        return _commonest_error(evaluation)
    found = confusions(evaluation.counted, 1)
    if found is None:
        return None
    if not found:
        return Fact("Commonest confusion", "none", "Every row was predicted correctly.")
    (pair,) = found
    names = evaluation.names
    return Fact(
        "Commonest confusion",
        f"{names[pair.true]} → {names[pair.predicted]}",
        f"{format_count(pair.rows)} of {format_count(pair.actual)} {evaluation.unit} of "
        f"{names[pair.true]} were predicted as {names[pair.predicted]} "
        f"({pair.rows / pair.actual:.0%}).",
    )


def _commonest_error(evaluation: Evaluation) -> Fact:
    """Return the class that is most often missed, or most often predicted wrongly."""
    counts = evaluation.counted
    missed, wrong = np.asarray(counts.false_negative), np.asarray(counts.false_positive)
    k, j = int(missed.argmax()), int(wrong.argmax())
    if missed[k] >= wrong[j]:
        label, name, number, whole = "Missed most often", evaluation.names[k], missed[k], "actual"
        total = float(counts.actual[k])
    else:
        label, name, number, whole = "Wrong most often", evaluation.names[j], wrong[j], "predicted"
        total = float(counts.predicted[j])
    sentence = f"{format_count(number)} of its {format_count(total)} {whole} {evaluation.unit}."
    return Fact(label, name, sentence)


def lost_rows(evaluation: Evaluation) -> Fact:
    """Return the number of rows that could not be counted, and why."""
    counts = evaluation.counts
    text = count_invalid(counts)
    sentence = f"{text}." if text else f"All {format_count(counts.total)} {evaluation.unit} count."
    return Fact("Rows not counted", format_count(counts.invalid), sentence)


def _ratio(value: float | None) -> str:
    return "-" if value is None or np.isnan(value) else f"{value:.3f}"
