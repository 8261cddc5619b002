"""Rows as Markdown tables: times beside their baseline, and what was counted."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from benchmarks.records import Row, plain
from benchmarks.samples import Difference

_LEGEND = (
    "Times are milliseconds. *Difference* is the median of the differences to the baseline in the "
    "same round, *ratio* that of the medians, with 95% bootstrap intervals. *Noise* is how far the "
    "interval of an A/A control goes from zero difference; nothing within it counts as slower or "
    "faster. *Wrong* are values that differ from scikit-learn."
)
_DIFFERENCE = {field.name for field in dataclasses.fields(Difference)}
_RATIO = ("ratio", "ratio_low", "ratio_high")
# Of a list that long, a table tells nothing.
_LONGEST_LIST = 8


def markdown(header: Mapping[str, Any], rows: Sequence[Row]) -> str:
    """A page: what ran where, and for each suite and device its tables."""
    versions = ", ".join(
        f"{name} {version}"
        for name, version in {**header.get("versions", {}), **header.get("peers", {})}.items()
    )
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
    for (suite, device), found in _by_suite(rows).items():
        lines += ["", f"## {suite}: {device}"]
        # Cases of other kinds, which other settings make, have tables of their own.
        kinds: dict[tuple[str, ...], list[Row]] = {}
        for row in found:
            kinds.setdefault(tuple(sorted(row.case)), []).append(row)
        for alike in kinds.values():
            lines += _tables(alike)
    return "\n".join(lines) + "\n"


def table(columns: Sequence[str], cells: Iterable[Sequence[str]], texts: int = 1) -> str:
    """A Markdown table; all but the first `texts` columns are aligned to the right."""
    rules = ["---" if i < texts else "---:" for i in range(len(columns))]
    rows = [columns, rules, *cells]
    return "\n".join("| " + " | ".join(_escaped(cell) for cell in row) + " |" for row in rows)


def number(value: Any) -> str:
    """A value for people: four digits of a float, thousands of an integer apart."""
    value = plain(value)
    if value is None:
        return ""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return ", ".join(map(number, value)) if isinstance(value, list) else str(value)
    if isinstance(value, float) and abs(value) < 1000.0:
        return f"{value:.4g}"
    return f"{round(value):,}"


def interval(middle: float, low: float, high: float, sign: str = "") -> str:
    """`1.02 [1.01, 1.03]`: three digits after the point, or as many as a small one needs."""
    digits = 3 if max(abs(low), abs(high)) >= 0.01 else 5
    return f"{middle:{sign}.{digits}f} [{low:{sign}.{digits}f}, {high:{sign}.{digits}f}]"


def _by_suite(rows: Sequence[Row]) -> dict[tuple[str, str], list[Row]]:
    found: dict[tuple[str, str], list[Row]] = {}
    for row in rows:
        found.setdefault((row.suite, str(row.case.get("device", "no device"))), []).append(row)
    return found


def _tables(rows: Sequence[Row]) -> list[str]:
    cases = [{k: v for k, v in _flat(row.case).items() if k != "device"} for row in rows]
    names = _union(cases)
    shared = {
        name: cases[0][name]
        for name in names
        if len(cases) > 1 and all(case.get(name, ...) == cases[0].get(name) for case in cases)
    }
    names = [name for name in names if name not in shared]
    lines = []
    if shared:
        lines += ["", ", ".join(f"{name} {number(value)}" for name, value in shared.items())]
    left = [
        [*(number(case.get(name)) for name in names), row.variant]
        for case, row in zip(cases, rows, strict=True)
    ]
    timed = [(cells, row) for cells, row in zip(left, rows, strict=True) if row.timed]
    if timed:
        columns = [
            *(*names, "variant", "rounds", "p50", "p90", "p99", "max", "jitter"),
            *("difference", "ratio", "noise", "verdict", "wrong"),
        ]
        lines += ["", table(columns, [cells + _times(row) for cells, row in timed], len(names) + 1)]
    figures = [
        # Bytes may be what a case is about, and be counted too.
        {f"{k} (counted)" if k in names else k: v for k, v in found.items()}
        for found in (_flat({**row.counted, **row.values}) for row in rows)
    ]
    columns = _union(figures)
    if columns:
        cells = [
            [*start, *(number(found.get(name)) for name in columns), number(row.wrong)]
            for start, found, row in zip(left, figures, rows, strict=True)
            if found
        ]
        lines += ["", table([*names, "variant", *columns, "wrong"], cells, len(names) + 1)]
    return lines


def _times(row: Row) -> list[str]:
    timed = row.timed
    assert timed is not None
    cells = [f"{len(timed)}"]
    cells += [f"{v:.4g}" for v in (timed.p50, timed.p90, timed.p99, timed.maximum, timed.jitter)]
    return [*cells, *_compared(row.difference, row.noise), number(row.wrong)]


def _compared(found: Difference | None, noise: Difference | None) -> list[str]:
    floor = f"{noise.floor:.3g}" if noise else ""
    if found is None:
        return ["", "", floor, "baseline" if noise else ""]
    return [
        interval(found.median, found.low, found.high, "+"),
        interval(found.ratio, found.ratio_low, found.ratio_high),
        floor,
        found.verdict(noise),
    ]


def _flat(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested names with a space between; without long lists."""
    found: dict[str, Any] = {}
    for name, value in plain(values).items():
        if isinstance(value, Mapping) and value.keys() >= _DIFFERENCE:
            found[f"{prefix}{name} ratio"] = interval(*(value[part] for part in _RATIO))
        elif isinstance(value, Mapping):
            found |= _flat(value, f"{prefix}{name} ")
        elif not (isinstance(value, list) and len(value) > _LONGEST_LIST):
            found[f"{prefix}{name}"] = value
    return found


def _union(mappings: Iterable[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(name for mapping in mappings for name in mapping))


def _escaped(cell: str) -> str:
    return " ".join(cell.replace("|", "\\|").split())
