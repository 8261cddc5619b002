"""Markdown tables of records: times relative to a baseline, and counted figures."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any, TypeVar

from benchmarks.records import Record, plain
from benchmarks.samples import Difference

_LEGEND = (
    "Times are in milliseconds. *Difference* is the median difference to the baseline in the same "
    "round, *ratio* is the ratio of the medians; both have 95% bootstrap intervals. *Noise* is the "
    "largest distance of the interval of an A/A control from zero; smaller differences count as "
    "the same. *Wrong* is the number of values that differ from scikit-learn's."
)
_TIMES = ("rounds", "p50", "p90", "p99", "max", "jitter", "difference", "ratio", "noise", "verdict")
_DIFFERENCE = {field.name for field in dataclasses.fields(Difference)}
# Longer lists would not be readable in a table.
_MAX_LIST = 8

T = TypeVar("T")
K = TypeVar("K", bound=Hashable)


def markdown(header: Mapping[str, Any], records: Sequence[Record]) -> str:
    """Format a page: the environment, and tables for each suite and device."""
    packages = {**header.get("versions", {}), **header.get("peers", {})}
    versions = ", ".join(f"{name} {version}" for name, version in packages.items())
    git = header.get("git") or {}
    revision = (git.get("hash") or "unknown")[:12] + (" with changes" if git.get("changed") else "")
    system = header.get("system", {})
    lines = [
        f"# Benchmarks of dist_f1 {header.get('dist_f1', '')}".rstrip(),
        "",
        f"- device: {header.get('device', 'unknown')}",
        f"- system: {system.get('os', 'unknown')}, {system.get('cpu', 'unknown')}",
        f"- versions: {versions}",
        f"- revision: {revision}; date: {header.get('date', 'unknown')}",
        "",
        _LEGEND,
    ]
    sections = group_by(records, lambda x: (x.suite, str(x.case.get("device", "no device"))))
    for (suite, device), section in sections.items():
        lines += ["", f"## {suite}: {device}"]
        # Cases with different settings get separate tables.
        for similar in group_by(section, lambda x: tuple(sorted(x.case))).values():
            lines += _tables(similar)
    return "\n".join(lines) + "\n"


def table(columns: Sequence[str], cells: Iterable[Sequence[str]], texts: int = 1) -> str:
    """Format a table; all columns after the first `texts` ones are aligned to the right."""
    rules = ["---" if i < texts else "---:" for i in range(len(columns))]
    rows = [[" ".join(x.replace("|", "\\|").split()) for x in row] for row in (columns, *cells)]
    rows.insert(1, rules)
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


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


def interval(middle: float, low: float, high: float, sign: str = "") -> str:
    """Format an interval: `1.02 [1.01, 1.03]`, with more digits if it is small."""
    digits = 3 if max(abs(low), abs(high)) >= 0.01 else 5
    return f"{middle:{sign}.{digits}f} [{low:{sign}.{digits}f}, {high:{sign}.{digits}f}]"


def ratio(found: Difference) -> str:
    """Format the ratio of a difference."""
    return interval(found.ratio, found.ratio_low, found.ratio_high)


def group_by(items: Iterable[T], key: Callable[[T], K]) -> dict[K, list[T]]:
    """Group items by key, in the order in which the keys occur."""
    groups: dict[K, list[T]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return groups


def _tables(records: Sequence[Record]) -> list[str]:
    """Format the times and the figures of records whose cases have the same settings."""
    cases = [_flatten({k: v for k, v in x.case.items() if k != "device"}) for x in records]
    names = list(dict.fromkeys(name for case in cases for name in case))
    shared = [x for x in names if len(cases) > 1 and len({str(case.get(x)) for case in cases}) == 1]
    names = [name for name in names if name not in shared]
    lines = []
    if shared:
        lines += ["", ", ".join(f"{name} {number(cases[0].get(name))}" for name in shared)]
    rows = [
        ([*(number(case.get(name)) for name in names), record.variant], record)
        for case, record in zip(cases, records, strict=True)
    ]

    cells = [[*start, *_times(x), number(x.wrong)] for start, x in rows if x.timed]
    if cells:
        lines += ["", table([*names, "variant", *_TIMES, "wrong"], cells, len(names) + 1)]

    # A case may be about bytes, which are counted too.
    figures = [
        {f"{k} (counted)" if k in names else k: v for k, v in found.items()}
        for found in (_flatten({**x.counted, **x.values}) for x in records)
    ]
    columns = list(dict.fromkeys(name for found in figures for name in found))
    cells = [
        [*start, *(number(found.get(name)) for name in columns), number(record.wrong)]
        for (start, record), found in zip(rows, figures, strict=True)
        if found
    ]
    if cells:
        lines += ["", table([*names, "variant", *columns, "wrong"], cells, len(names) + 1)]
    return lines


def _times(record: Record) -> list[str]:
    assert record.timed is not None
    found, noise = record.difference, record.noise
    floor = f"{noise.floor:.3g}" if noise else ""
    compared = ["", "", floor, "baseline" if noise else ""]
    if found is not None:
        difference = interval(found.median, found.low, found.high, "+")
        compared = [difference, ratio(found), floor, found.verdict(noise)]
    times = [f"{value:.4g}" for value in record.timed.statistics.values()]
    return [str(len(record.timed)), *times, *compared]


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
