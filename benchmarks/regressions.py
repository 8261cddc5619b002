"""Comparison of two runs: records that became slower than their baseline, and counts that grew.

Absolute times of two runs are not comparable: clocks, other processes and temperature differ.
Ratios to the baseline are, because the baseline is timed in the same rounds.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from benchmarks import tables
from benchmarks.records import Record


@dataclasses.dataclass(frozen=True)
class Change:
    """A changed figure of a record of the new run."""

    record: Record
    what: str
    old: str
    new: str


@dataclasses.dataclass(frozen=True)
class Comparison:
    """Differences between two runs."""

    slower: list[Change]
    faster: list[Change]
    grown: list[Change]  # counted figures, and values that differ from scikit-learn's
    matched: int  # records in both runs
    only_old: int
    only_new: int


def compare(old: Sequence[Record], new: Sequence[Record]) -> Comparison:
    """Compare records of the same suite, case and variant.

    A record became slower if the interval of its ratio is above the old interval, by more than the
    noise of both runs.
    """
    before, after = ({record.key: record for record in run} for run in (old, new))
    pairs = [(before[key], record) for key, record in after.items() if key in before]
    return Comparison(
        slower=[change for pair in pairs for change in _compare_ratios(*pair, slower=True)],
        faster=[change for pair in pairs for change in _compare_ratios(*pair, slower=False)],
        grown=[change for pair in pairs for change in _compare_counts(*pair)],
        matched=len(pairs),
        only_old=len(before.keys() - after.keys()),
        only_new=len(after.keys() - before.keys()),
    )


def markdown(found: Comparison) -> str:
    """Format the comparison as a section of a page."""
    lines = [
        "## Comparison with the old results",
        "",
        f"{found.matched} records are in both runs, {found.only_old} only in the old run, "
        f"{found.only_new} only in the new run. Relative to their baseline, {len(found.slower)} "
        f"became slower, {len(found.faster)} became faster. {len(found.grown)} counted figures "
        "grew.",
    ]
    if not found.matched:
        lines += ["", "Nothing was compared: suite, case, device and variant must match."]
    columns = ["suite", "case", "variant", "what", "old", "new"]
    for title in ("slower", "grown", "faster"):
        cells = []
        for change in getattr(found, title):
            x = change.record
            case = ", ".join(f"{name} {tables.number(value)}" for name, value in x.case.items())
            cells.append([x.suite, case, x.variant, change.what, change.old, change.new])
        if cells:
            lines += ["", f"### {title.title()}", "", tables.table(columns, cells, 4)]
    return "\n".join(lines) + "\n"


def _compare_ratios(old: Record, new: Record, *, slower: bool) -> list[Change]:
    before, after = old.difference, new.difference
    if before is None or after is None or old.baseline != new.baseline:
        return []
    noise = max((x.noise.ratio_floor for x in (old, new) if x.noise), default=0.0)
    gap = after.ratio_low - before.ratio_high if slower else before.ratio_low - after.ratio_high
    if gap <= noise:
        return []
    return [Change(new, f"ratio to {new.baseline}", tables.ratio(before), tables.ratio(after))]


def _compare_counts(old: Record, new: Record) -> list[Change]:
    before, after = ({**record.counted, "wrong": record.wrong} for record in (old, new))
    return [
        Change(new, name, tables.number(before[name]), tables.number(value))
        for name, value in after.items()
        if value is not None and before.get(name) is not None and value > before[name]
    ]
