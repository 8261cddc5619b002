"""Comparison of two runs: records that became slower than their baseline, and counts that grew.

Absolute times of two runs are not comparable: clocks, other processes and temperature differ.
Ratios to the baseline are, because the baseline is timed in the same rounds.
"""

from __future__ import annotations

import dataclasses
import textwrap
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
    summary = (
        f"{found.matched} records are in both runs, {found.only_old} only in the old run, "
        f"{found.only_new} only in the new run. Relative to their baseline, {len(found.slower)} "
        f"became slower, {len(found.faster)} became faster. {len(found.grown)} counted figures "
        "grew."
    )
    lines = ["## Comparison with the old results", "", textwrap.fill(summary, tables.MAX_WIDTH)]
    if not found.matched:
        lines += ["", "Nothing was compared: suite, case, device and variant must match."]
    for title in ("slower", "grown", "faster"):
        changes: list[Change] = getattr(found, title)
        for (section, _), some in tables.group_by(changes, _section).items():
            shared, names, starts = tables.describe_cases([change.record for change in some])
            cells = [[*y, x.what, x.old, x.new] for x, y in zip(some, starts, strict=True)]
            columns = [*names, "what", "old", "new"]
            lines += ["", f"### {title.title()}: {section}", *shared]
            lines += ["", tables.table(columns, cells, len(names) + 1)]
    return "\n".join(lines) + "\n"


def _section(change: Change) -> tuple[str, tuple[str, ...]]:
    return tables.section_title(change.record), tuple(sorted(change.record.case))


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
