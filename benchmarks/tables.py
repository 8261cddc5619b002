"""Markdown tables of records: times relative to a baseline, and counted figures."""

from __future__ import annotations

import dataclasses
import textwrap
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from benchmarks.records import Record, plain
from benchmarks.samples import Difference

_LEGEND = (
    "Times are in milliseconds. *Difference* is the median difference to the baseline in the same "
    "round, *ratio* is the ratio of the medians with its 95% bootstrap interval. *Noise* is the "
    "largest distance of the interval of an A/A control from zero; smaller differences count as "
    "the same. *Wrong* is the number of values that differ from scikit-learn's. `results.jsonl` "
    "has all samples, more statistics, and the intervals of the differences."
)
_STATISTICS = ("p50", "p99")
_TIMES = (*_STATISTICS, "difference", "ratio", "noise", "verdict")
_DIFFERENCE = {field.name for field in dataclasses.fields(Difference)}
# Longer lists would not be readable in a table.
_MAX_LIST = 8
# Most terminals and viewers show lines of this number of characters without wrapping them.
MAX_WIDTH = 120

T = TypeVar("T")
K = TypeVar("K", bound=Hashable)


def markdown(header: Mapping[str, Any], records: Sequence[Record]) -> str:
    """Format a page: the environment, and tables for each suite and device."""
    packages = {**header.get("versions", {}), **header.get("peers", {})}
    versions = ", ".join(f"{name} {version}" for name, version in packages.items())
    git = header.get("git") or {}
    revision = (git.get("hash") or "unknown")[:12] + (" with changes" if git.get("changed") else "")
    system = header.get("system", {})
    facts = [
        f"device: {header.get('device', 'unknown')}",
        f"system: {system.get('os', 'unknown')}, {system.get('cpu', 'unknown')}",
        f"versions: {versions}",
        f"revision: {revision}; date: {header.get('date', 'unknown')}",
    ]
    lines = [f"# Benchmarks of dist_f1 {header.get('dist_f1', '')}".rstrip(), ""]
    lines += [textwrap.fill(f"- {fact}", MAX_WIDTH, subsequent_indent="  ") for fact in facts]
    lines += ["", textwrap.fill(_LEGEND, MAX_WIDTH)]
    for title, section in group_by(records, section_title).items():
        lines += ["", f"## {title}"]
        for similar in group_by(section, lambda x: tuple(sorted(x.case))).values():
            lines += _tables(similar)
    return "\n".join(lines) + "\n"


def section_title(record: Record) -> str:
    """Return the title of the section to which a record belongs."""
    return f"{record.suite}: {record.case.get('device', 'no device')}"


def describe_cases(records: Sequence[Record]) -> tuple[list[str], list[str], list[list[str]]]:
    """Describe the cases of records with the same settings.

    Returns lines with the settings that all records share, the columns of the other settings and
    of the variant, and the cells of each record in these columns.
    """
    cases = [_flatten({k: v for k, v in x.case.items() if k != "device"}) for x in records]
    for case, record in zip(cases, records, strict=True):
        case |= {"rounds": len(record.timed)} if record.timed else {}
    names = list(dict.fromkeys(name for case in cases for name in case))
    shared = [name for name in names if len({str(case.get(name)) for case in cases}) == 1]
    names = [name for name in names if name not in shared]
    lines = ["", ", ".join(f"{x} {number(cases[0].get(x))}" for x in shared)] if shared else []
    cells = [
        [*(number(case.get(name)) for name in names), record.variant]
        for case, record in zip(cases, records, strict=True)
    ]
    return lines, [*names, "variant"], cells


def table(columns: Sequence[str], cells: Iterable[Sequence[str]], texts: int = 1) -> str:
    """Format a table; all columns after the first `texts` ones are aligned to the right.

    A table of lines longer than `MAX_WIDTH` becomes several tables. Each of them starts with the
    first `texts` columns.
    """
    rows = [[" ".join(x.replace("|", "\\|").split()) for x in row] for row in (columns, *cells)]
    rows.insert(1, ["---" if i < texts else "---:" for i in range(len(columns))])

    def select(shown: Sequence[int]) -> list[str]:
        return [f"| {' | '.join(row[i] for i in (*range(texts), *shown))} |" for row in rows]

    slices: list[list[int]] = [[]]
    for i in range(texts, len(columns)):
        if slices[-1] and max(map(len, select([*slices[-1], i]))) > MAX_WIDTH:
            slices.append([])
        slices[-1].append(i)
    return "\n\n".join("\n".join(select(shown)) for shown in slices)


def number(value: Any) -> str:
    """Format a value: four digits of a float, separators between the thousands of an integer."""
    value = plain(value)
    if value is None:
        return ""
    if isinstance(value, list):
        return ", ".join(map(number, value))
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if isinstance(value, float) and abs(value) < 1000.0:
        return f"{value:.4g}"
    return f"{round(value):,}"


def ratio(found: Difference) -> str:
    """Format a ratio with its interval: `1.02 [1.01, 1.03]`, with more digits if it is small."""
    digits = 2 if found.ratio_high >= 0.1 else 4
    low, middle, high = (
        f"{x:.{digits}f}" for x in (found.ratio_low, found.ratio, found.ratio_high)
    )
    return f"{middle} [{low}, {high}]"


def group_by(items: Iterable[T], key: Callable[[T], K]) -> dict[K, list[T]]:
    """Group items by key, in the order in which the keys occur."""
    groups: dict[K, list[T]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return groups


def _tables(records: Sequence[Record]) -> list[str]:
    """Format the times and the figures of records whose cases have the same settings."""
    lines, names, starts = describe_cases(records)
    cells = [
        [*start, *_times(record), number(record.wrong)]
        for start, record in zip(starts, records, strict=True)
        if record.timed
    ]
    if cells:
        lines += ["", table([*names, *_TIMES, "wrong"], cells, len(names))]

    # A case may be about bytes, which are counted too.
    figures = [
        {f"{k} (counted)" if k in names else k: v for k, v in found.items()}
        for found in (_flatten({**x.counted, **x.values}) for x in records)
    ]
    if any(record.wrong is not None and not record.timed for record in records):
        figures = [found | {"wrong": x.wrong} for found, x in zip(figures, records, strict=True)]
    columns = list(dict.fromkeys(name for found in figures for name in found))
    cells = [
        [*start, *(number(found.get(name)) for name in columns)]
        for start, found in zip(starts, figures, strict=True)
        if found
    ]
    if cells:
        lines += ["", table([*names, *columns], cells, len(names))]
    return lines


def _times(record: Record) -> list[str]:
    assert record.timed is not None
    found, noise = record.difference, record.noise
    floor = f"{noise.floor:.3g}" if noise else ""
    compared = ["", "", floor, "baseline" if noise else ""]
    if found is not None:
        compared = [f"{found.median:+.3g}", ratio(found), floor, found.verdict(noise)]
    statistics = record.timed.statistics
    times = [f"{statistics[name]:.4g}" for name in _STATISTICS]
    return [*times, *compared]


def _flatten(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Flatten nested values, without long lists; names are joined by spaces."""
    flat: dict[str, Any] = {}
    for name, value in plain(values).items():
        if isinstance(value, Mapping) and value.keys() >= _DIFFERENCE:
            flat[f"{prefix}{name} ratio"] = ratio(Difference(**value))
        elif isinstance(value, Mapping):
            flat |= _flatten(value, f"{prefix}{name} ")
        elif not (isinstance(value, list) and len(value) > _MAX_LIST):
            flat[f"{prefix}{name}"] = value
    return flat
