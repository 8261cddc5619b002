"""The classification report from counts, as text or as a dict."""

import html
from collections.abc import Sequence
from typing import Any

import numpy as np

from dist_f1 import scores
from dist_f1.counts import Counts
from dist_f1.counts.argument import takes_counts
from dist_f1.counts.limits import check_digits
from dist_f1.counts.validity import raise_if_invalid
from dist_f1.counts.visible_text import visible_name
from dist_f1.scores.averaging import Average, check_averaging

HEADERS = ("precision", "recall", "f1-score", "support")

# Keys of a report as a dict that stand for averages.
AVERAGES = ("accuracy", "micro avg", "macro avg", "weighted avg", "samples avg")

_SCORES = (scores.precision, scores.recall, scores.f1)
_NO_SAMPLES = (
    'samples avg: not counted. Pass average="samples", or Scores a name such as f1_samples.\n'
)


@takes_counts
def report(
    counts: Counts,
    class_names: Sequence[str] | None = None,
    digits: int = 2,
    output_dict: bool = False,
    *,
    labels: Sequence[int] | None = None,
    zero_division: float = 0.0,
) -> Any:
    """Return precision, recall, F1 and support of each class, and their averages.

    The result is that of `sklearn.metrics.classification_report` on the same data, with its rules:
    classes that neither occur nor are predicted have no row unless `labels` lists them; `accuracy`
    replaces `micro avg` if each row has one class and all occurring classes are shown; multilabel
    counts also have a `samples avg`. One difference: there is no `samples avg` if `labels` omits a
    class, because counts do not determine it. Counts of a metric without a sample average have none
    either, and a line of the text states this.

    Args:
        counts: Global counts. Binary counts of one class are reported as two classes.
        class_names: C names in the order of class ids; two for binary counts. Ids by default.
        digits: Number of decimals in the text, 0 to 17.
        output_dict: Whether to return a dict of unrounded floats instead of text.
        labels: Class ids to show; by default all that occur.
        zero_division: 0, 1 or NaN, see `dist_f1.scores`.

    Raises:
        ValueError: The number of `class_names` is not C, there are invalid rows, the counts have
            leading axes, or `digits` is out of range. With `output_dict`, also for a class name
            that occurs twice or is that of an average, because one entry would overwrite another.

    Example:
        >>> counts = Counts.from_labels([0, 1, 1], [0, 1, 0], num_classes=2)
        >>> report(counts, ["cat", "dog"], output_dict=True)["cat"]["recall"]
        1.0
    """
    check_digits(digits)
    counts = counts.numpy()
    if counts.total.ndim:
        raise ValueError(
            f"The counts have a leading axis of {len(counts.total)} groups or thresholds. Report "
            "one of them, counts.at(index), or all groups together, counts.overall()."
        )
    raise_if_invalid(counts)
    counts = counts.to_two_class()
    if class_names is None:
        class_names = [str(label) for label in range(counts.num_classes)]
    check_names(class_names, counts.num_classes)
    if output_dict:
        check_keys(class_names)
    chosen = check_averaging(None, zero_division, labels, counts.num_classes)
    shown = _occurring(counts) if chosen is None else list(chosen)
    # Classes may share a name, so their rows are pairs.
    columns = [score(counts, None, zero_division) for score in _SCORES] + [counts.actual]
    rows = [(str(class_names[k]), [column[k] for column in columns]) for k in shown]
    averages = _average_rows(counts, shown, zero_division) if shown else {}
    if output_dict:
        return {name: _as_dict(values) for name, values in [*rows, *averages.items()]}
    has_all_rows = counts.is_multilabel and len(shown) == counts.num_classes
    note = _NO_SAMPLES if has_all_rows and not counts.samples else ""
    shown_rows = [(visible_name(name), values) for name, values in rows]
    return ReportText(_as_text(shown_rows, averages, digits) + note)


class ReportText(str):
    """A report, which notebooks show with its lines and columns."""

    __slots__ = ()

    def _repr_html_(self) -> str:
        return f"<pre>{html.escape(self)}</pre>"


def check_names(class_names: Sequence[str], rows: int) -> None:
    """Raise `ValueError` unless there is one name for each possible row of a report."""
    if len(class_names) != rows:
        raise ValueError(
            f"class_names has {len(class_names)} names for {rows} classes; pass one per class, in "
            "the order of their ids (no, yes for a binary task)."
        )


def check_keys(class_names: Sequence[str]) -> None:
    """Raise `ValueError` if two entries of a report as a dict would have the same name.

    Example:
        >>> check_keys(["cat", "macro avg"])
        Traceback (most recent call last):
        ValueError: The class name 'macro avg' is also the name of an average. Rename the class.
    """
    seen: set[str] = set()
    for name in map(str, class_names):
        if name in AVERAGES:
            raise ValueError(
                f"The class name {name!r} is also the name of an average. Rename the class."
            )
        if name in seen:
            raise ValueError(f"Two classes have the name {name!r}. Rename one of them.")
        seen.add(name)


def _occurring(counts: Counts) -> list[int]:
    if counts.is_multilabel:
        return list(range(counts.num_classes))
    return np.flatnonzero((counts.predicted + counts.actual) > 0).tolist()


def _average_rows(counts: Counts, shown: list[int], zero_division: float) -> dict[str, list[Any]]:
    support = counts.actual[shown].sum()
    averages: dict[str, list[Any]] = {}
    options: list[Average] = ["micro", "macro", "weighted"]
    if counts.samples and len(shown) == counts.num_classes:
        options.append("samples")
    for average in options:
        values = [score(counts, average, zero_division, shown) for score in _SCORES]
        if average == "micro" and _micro_is_accuracy(counts, shown):
            averages["accuracy"] = [values[2], support]
        else:
            averages[f"{average} avg"] = [*values, support]
    return averages


def _micro_is_accuracy(counts: Counts, shown: list[int]) -> bool:
    if counts.is_multilabel or not set(shown) >= set(_occurring(counts)):
        return False
    # With argmax decisions, targets may still have several classes per row.
    return bool(np.isclose(counts.actual.sum(), counts.total, rtol=1e-9, atol=0.0))


def _as_dict(values: list[Any]) -> dict[str, float] | float:
    if len(values) < len(HEADERS):
        return float(values[0])
    return dict(zip(HEADERS, map(float, values), strict=True))


def _as_text(rows: list[tuple[str, list[Any]]], averages: dict[str, list[Any]], digits: int) -> str:
    width = max(len("weighted avg"), digits, *(len(name) for name, _ in rows), 0)

    def line(name: str, cells: Sequence[str]) -> str:
        return f"{name:>{width}} " + "".join(f" {cell:>9}" for cell in cells)

    def values_line(name: str, values: list[Any]) -> str:
        *ratios, support = values
        cells = [f"{ratio:.{digits}f}" for ratio in ratios]
        return line(name, [*[""] * (3 - len(ratios)), *cells, str(support)])

    body = [values_line(name, values) for name, values in rows]
    foot = [values_line(name, values) for name, values in averages.items()]
    return "\n".join([line("", HEADERS), "", *body, "", *foot, ""])
