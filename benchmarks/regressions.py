"""Two runs compared: which rows became slower in relation to their baseline, and which counts grew.

Absolute times of two runs tell little: clocks, neighbours and temperature differ. So ratios to the
baseline are compared, which was timed in the same rounds as the row itself.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from benchmarks import tables
from benchmarks.records import Row


@dataclasses.dataclass(frozen=True)
class Change:
    """Of one figure of one row."""

    row: Row  # of the new run
    what: str
    old: str
    new: str


@dataclasses.dataclass(frozen=True)
class Comparison:
    """What changed between two runs."""

    slower: list[Change]
    faster: list[Change]
    grown: list[Change]  # counted figures, and wrong values
    matched: int  # rows that both runs have
    only_old: int
    only_new: int

    @property
    def regressions(self) -> list[Change]:
        """What became worse."""
        return [*self.slower, *self.grown]


def compare(old: Sequence[Row], new: Sequence[Row]) -> Comparison:
    """Compares rows of the same suite, case and variant.

    A row became slower if the interval of its ratio lies above the old one, by more than the noise
    of either run.
    """
    before = {row.key: row for row in old}
    after = {row.key: row for row in new}
    pairs = [(before[key], row) for key, row in after.items() if key in before]
    return Comparison(
        slower=[change for was, row in pairs for change in _ratio(was, row, slower=True)],
        faster=[change for was, row in pairs for change in _ratio(was, row, slower=False)],
        grown=[change for was, row in pairs for change in _grown(was, row)],
        matched=len(pairs),
        only_old=len(before.keys() - after.keys()),
        only_new=len(after.keys() - before.keys()),
    )


def markdown(found: Comparison) -> str:
    """The comparison as a section of a page."""
    lines = [
        "## Compared with the old results",
        "",
        f"{found.matched} rows are in both; {found.only_old} only in the old results, "
        f"{found.only_new} only in the new ones. {len(found.slower)} became slower in relation to "
        f"their baseline, {len(found.faster)} faster; {len(found.grown)} counted figures grew.",
    ]
    if not found.matched:
        lines += [
            "",
            "Nothing could be compared: rows match if suite, case, device and variant do.",
        ]
    for title, changes in (
        ("Slower", found.slower),
        ("Grown", found.grown),
        ("Faster", found.faster),
    ):
        if changes:
            cells = [
                (c.row.suite, _case(c.row.case), c.row.variant, c.what, c.old, c.new)
                for c in changes
            ]
            columns = ["suite", "case", "variant", "what", "old", "new"]
            lines += ["", f"### {title}", "", tables.table(columns, cells, 4)]
    return "\n".join(lines) + "\n"


def _ratio(old: Row, new: Row, *, slower: bool) -> list[Change]:
    was, now = old.difference, new.difference
    if was is None or now is None or old.baseline != new.baseline:
        return []
    noise = max((row.noise.ratio_floor for row in (old, new) if row.noise), default=0.0)
    gap = now.ratio_low - was.ratio_high if slower else was.ratio_low - now.ratio_high
    if gap <= noise:
        return []
    shown = [tables.interval(d.ratio, d.ratio_low, d.ratio_high) for d in (was, now)]
    return [Change(new, f"ratio to {new.baseline}", *shown)]


def _grown(old: Row, new: Row) -> list[Change]:
    before, after = ({**row.counted, "wrong": row.wrong} for row in (old, new))
    figures = [(name, before.get(name), now) for name, now in after.items()]
    return [
        Change(new, name, tables.number(was), tables.number(now))
        for name, was, now in figures
        if was is not None and now is not None and now > was
    ]


def _case(case: dict[str, Any]) -> str:
    return ", ".join(f"{name} {tables.number(value)}" for name, value in case.items())
