"""How `Counts` are shown: a short `repr`, and a table in notebooks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from dist_f1.counts import short_text
from dist_f1.counts.html_table import MAX_ROWS, html_table

if TYPE_CHECKING:
    from dist_f1.counts.value import Counts


def to_repr(counts: Counts) -> str:
    """Return at most about 200 characters: the counts of few classes, and dtypes and shapes."""
    for describe in (short_text.describe, short_text.describe_shape):
        parts = [
            *_facts(counts),
            f"total={short_text.describe(counts.total)}",
            f"invalid={short_text.describe(counts.invalid)}",
        ]
        for name in ("true_positive", "predicted", "actual", "class_total"):
            if not isinstance(getattr(counts, name), tuple):
                parts.append(f"{name}={describe(getattr(counts, name))}")
        if not isinstance(counts.confusion, tuple):
            parts.append(f"confusion={short_text.describe_shape(counts.confusion)}")
        text = short_text.join("Counts", parts)
        if len(text) <= short_text.MAX_LENGTH:
            break
    return text


def to_short_repr(counts: Counts) -> str:
    """Return the number of classes and the total, for counts within another value."""
    total = f"total={short_text.describe(counts.total)}"
    return short_text.join("Counts", [*_facts(counts)[:1], total])


def to_html(counts: Counts) -> str | None:
    """Return a table of the totals and of the counts of the first 20 classes.

    Counts with leading axes have a row for each index of the first axis. Symbolic counts have no
    table.
    """
    values = short_text.values_of(*counts[:5])
    if values is None or values[0].ndim == 0:
        return None
    true_positive, predicted, actual, total, invalid = values
    facts = ", ".join(_facts(counts))
    if true_positive.ndim > 1:
        caption = f"{facts}, leading axes {list(total.shape)}"
        header = ["index", "total", "invalid", "true positives of all classes"]
        # Further axes are summed.
        columns = [x.reshape(len(total), -1).sum(-1) for x in (total, invalid, true_positive)]
        return _table(caption, header, columns, "indices", first=0)
    unit = "weight" if counts.is_weighted else "rows"
    sizes = f"{short_text.format_number(total)} {unit}, {short_text.format_number(invalid)} invalid"
    header = ["class", "true positive", "predicted", "actual"]
    columns = [true_positive, predicted, actual]
    # One class is the positive class.
    return _table(f"{facts}, {sizes}", header, columns, "classes", first=int(len(actual) == 1))


def _table(
    caption: str, header: list[str], columns: list[np.ndarray], noun: str, first: int
) -> str:
    rows = (
        [str(first + k), *(short_text.format_number(column[k]) for column in columns)]
        for k in range(min(MAX_ROWS, len(columns[0])))
    )
    return html_table(caption, header, rows, len(columns[0]), noun)


def _facts(counts: Counts) -> list[str]:
    shape = getattr(counts.true_positive, "shape", None)
    try:
        number = shape[-1]  # type: ignore[index]
    except (IndexError, TypeError, ValueError):
        # tf.nest puts any values into a structure. The rank of a tensor may be unknown.
        return []
    facts = ["classes unknown" if number is None else short_text.plural(int(number), "class")]
    return [*facts, "multilabel"] if isinstance(counts.samples, dict) else facts
