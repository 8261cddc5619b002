"""The classification report as a table."""

from collections.abc import Sequence

from dist_f1.counts import Counts
from dist_f1.counts.argument import takes_counts
from dist_f1.counts.limits import check_digits
from dist_f1.counts.visible_text import visible_name
from dist_f1.pages.markdown_text import markdown_table
from dist_f1.pages.sections import Table
from dist_f1.reports import HEADERS, check_names, report


@takes_counts
def markdown(
    counts: Counts,
    class_names: Sequence[str] | None = None,
    digits: int = 2,
    *,
    labels: Sequence[int] | None = None,
    zero_division: float = 0.0,
) -> str:
    """Return the classification report as a Markdown table; arguments as in `dist_f1.report`.

    Raises:
        ValueError: The number of `class_names` is not C, or there are invalid rows.

    Example:
        >>> print(markdown(Counts.from_labels([0, 1, 1], [0, 1, 0], num_classes=2)))
        |              | precision | recall | f1-score | support |
        | :----------- | --------: | -----: | -------: | ------: |
        | 0            |      0.50 |   1.00 |     0.67 |       1 |
        | 1            |      1.00 |   0.50 |     0.67 |       2 |
        | accuracy     |           |        |     0.67 |       3 |
        | macro avg    |      0.75 |   0.75 |     0.67 |       3 |
        | weighted avg |      0.83 |   0.67 |     0.67 |       3 |
    """
    table = report_table(
        "", counts, class_names, digits, labels=labels, zero_division=zero_division
    )
    return markdown_table(table)


@takes_counts
def report_table(
    heading: str,
    counts: Counts,
    class_names: Sequence[str] | None = None,
    digits: int = 2,
    *,
    labels: Sequence[int] | None = None,
    zero_division: float = 0.0,
) -> Table:
    """Return the classification report as a section of a page; other arguments as in `markdown`."""
    check_digits(digits)
    counts = counts.numpy()
    # The report uses ids, because classes may share a name with each other or with an average.
    by_id = report(counts, output_dict=True, labels=labels, zero_division=zero_division)
    classes = counts.to_two_class().num_classes
    names = [str(label) for label in range(classes)] if class_names is None else class_names
    check_names(names, classes)
    rows: list[list[str | float]] = []
    for key, row in by_id.items():
        if isinstance(row, dict):
            ratios = [f"{row[header]:.{digits}f}" for header in HEADERS[:-1]]
            support = row[HEADERS[-1]]
        else:
            ratios, support = ["", "", f"{row:.{digits}f}"], float(counts.total)
        name = visible_name(names[int(key)]) if key.isdecimal() else key
        # The last digits of a sum of weights are rounding errors.
        rows.append([name, *ratios, f"{support:.10g}" if counts.is_weighted else int(support)])
    return Table(heading, ["", *HEADERS], rows)
