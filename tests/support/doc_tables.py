"""Reads the tables of the documentation."""

import re

import doc_snippets


def section(page, heading):
    """Return the text of a section of a page, up to the next heading of its level or above."""
    text = (doc_snippets.ROOT / page).read_text(encoding="utf-8")
    level = heading.split(" ")[0]
    _, found, after = text.partition(f"\n{heading}\n")
    assert found, f"{page} has no heading {heading!r}"
    return re.split(rf"\n#{{1,{len(level)}}} ", after)[0]


def rows(text):
    """Return the cells of each row of all tables in a text, without headers."""
    lines = [line.strip() for line in text.splitlines()]
    tables = [
        [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        for line, following in zip(lines, [*lines[1:], ""], strict=True)
        if line.startswith("|") and not line.startswith("|-") and not following.startswith("|-")
    ]
    assert tables
    return tables


def code(cell):
    """Return what stands in backticks in a cell."""
    return re.findall(r"`([^`]+)`", cell)


def names(text):
    """Return what stands in backticks in the first cell of each row."""
    return [name for cells in rows(text) for name in code(cells[0])]
