"""The classification report: text or dict, from counts alone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from dist_f1 import scores
from dist_f1.counts import Counts
from dist_f1.counts.validity import raise_if_invalid
from dist_f1.scores.averaging import Average, check_averaging

HEADERS = ("precision", "recall", "f1-score", "support")


def report(
    counts: Counts,
    class_names: Sequence[str] | None = None,
    digits: int = 2,
    output_dict: bool = False,
    *,
    labels: Sequence[int] | None = None,
    zero_division: float = 0.0,
) -> Any:
    """Precision, recall, F1 and support of every class, and their averages.

    It is `sklearn.metrics.classification_report` of the same data. That includes its rules:
    classes that neither occur nor are predicted have no row unless `labels` asks for them;
    where every row has one class and all that occur are shown, `accuracy` stands in the place
    of `micro avg`; and where rows may name several classes there is a `samples avg`. That row alone
    is missing when `labels` leaves a class out: counts do not tell it then.

    Args:
        counts: global counts. Binary counts (one class) are reported for both sides.
        class_names: C names, by class id; by default the ids. Two for binary counts.
        digits: decimals in the text.
        output_dict: a dict of unrounded floats instead of text.
        labels: the classes to show, by default all that occur.
        zero_division: 0, 1 or NaN, see `dist_f1.scores`.

    Raises:
        ValueError: the number of `class_names` is not C, or rows were invalid.

    Example:
        >>> counts = Counts.from_labels([0, 1, 1], [0, 1, 0], num_classes=2)
        >>> report(counts, ["cat", "dog"], output_dict=True)["cat"]["recall"]
        1.0
    """
    counts = counts.numpy()
    if counts.total.ndim:
        raise ValueError(
            f"These are counts for each of {len(counts.total)} groups or thresholds. Report one, "
            "counts.at(index), or all groups together, counts.overall()."
        )
    raise_if_invalid(counts)
    counts = counts.to_two_class()
    if class_names is None:
        class_names = [str(label) for label in range(counts.num_classes)]
    check_names(class_names, counts.num_classes)
    names = [str(name) for name in class_names]
    chosen = check_averaging(None, zero_division, labels, counts.num_classes)
    shown = _occurring(counts) if chosen is None else list(chosen)
    rows = _class_rows(counts, names, shown, zero_division)
    averages = _average_rows(counts, shown, zero_division) if shown else {}
    if output_dict:
        return _as_dict(rows, averages)
    return _as_text(rows, averages, digits)


def check_names(class_names: Sequence[str], rows: int) -> None:
    """Raises `ValueError` unless there is a name for every row that a report may have."""
    if len(class_names) != rows:
        raise ValueError(
            f"class_names has {len(class_names)} names for {rows} classes; pass one per class, in "
            "the order of their ids (no, yes for a binary score)."
        )


def _occurring(counts: Counts) -> list[int]:
    if counts.is_multilabel:
        return list(range(counts.num_classes))
    return np.flatnonzero((counts.predicted + counts.actual) > 0).tolist()


def _class_rows(
    counts: Counts, names: list[str], shown: list[int], zero_division: float
) -> list[tuple[str, list[Any]]]:
    columns = [
        score(counts, None, zero_division) for score in (scores.precision, scores.recall, scores.f1)
    ] + [counts.actual]
    return [(names[label], [column[label] for column in columns]) for label in shown]


def _average_rows(
    counts: Counts, shown: list[int], zero_division: float
) -> dict[str, list[Any] | Any]:
    support = counts.actual[shown].sum()
    averages: dict[str, list[Any] | Any] = {}
    options: list[Average] = ["micro", "macro", "weighted"]
    if counts.samples and len(shown) == counts.num_classes:
        options.append("samples")
    for average in options:
        values = [
            score(counts, average, zero_division, shown)
            for score in (scores.precision, scores.recall, scores.f1)
        ]
        if average == "micro" and _micro_is_accuracy(counts, shown):
            averages["accuracy"] = [values[2], support]
        else:
            averages[f"{average} avg"] = [*values, support]
    return averages


def _micro_is_accuracy(counts: Counts, shown: list[int]) -> bool:
    if counts.is_multilabel or not set(shown) >= set(_occurring(counts)):
        return False
    # Targets with several classes a row can meet an argmax too; micro F1 is no accuracy then.
    return bool(np.isclose(counts.actual.sum(), counts.total, rtol=1e-9, atol=0.0))


def _as_dict(rows: list[tuple[str, list[Any]]], averages: dict[str, Any]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for name, values in [*rows, *averages.items()]:
        if name == "accuracy" and len(values) == 2:
            result[name] = float(values[0])
        else:
            result[name] = dict(zip(HEADERS, map(float, values), strict=True))
    return result


def _as_text(rows: list[tuple[str, list[Any]]], averages: dict[str, Any], digits: int) -> str:
    width = max(len("weighted avg"), digits, *(len(name) for name, _ in rows), 0)

    def line(name: str, values: list[Any]) -> str:
        *ratios, support = values
        cells = [""] * (3 - len(ratios)) + [f"{ratio:.{digits}f}" for ratio in ratios]
        return f"{name:>{width}} " + "".join(f" {cell:>9}" for cell in [*cells, str(support)])

    head = " " * width + " " + "".join(f" {header:>9}" for header in HEADERS)
    body = [line(name, values) for name, values in rows]
    foot = [line(name, values) for name, values in averages.items()]
    return "\n".join([head, "", *body, "", *foot, ""])
