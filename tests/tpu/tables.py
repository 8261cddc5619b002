"""The rows as Markdown, each as soon as it is known, and what they come to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import tensorflow as tf

from tpu import checks
from tpu.cases import CASES
from tpu.checks import EMULATED, REPLICAS, Emulated, Traced

KINDS = ("ids", "several")
_TRACED = ("", "replicas", "ops", "findings", "sums in a step", 'with sync="epoch"', "by XLA")
_EMULATED = ("", "replicas", "steps", "equal to NumPy", "from 2^40 on", "replicas read", "")


def header() -> str:
    """What this is, and what not."""
    return (
        f"# Steps under TPUStrategy, TensorFlow {tf.__version__}\n\n"
        "**Nothing was run on a TPU.** Steps were traced under a real `TPUStrategy` over made-up "
        "cores, their ops were\nlooked up in the list of those that TPUs have, XLA has compiled "
        "one replica's program for a CPU, and the\ntraced steps were run on the CPU, each op once "
        "for each replica. *Sums* are `CrossReplicaSum`s."
    )


def lines() -> Iterator[tuple[str, Traced | Emulated | None]]:
    """Lines of the tables, with the rows that they show."""
    yield from _table("An update and a read in a custom loop", _TRACED)
    for name in CASES:
        for replicas in REPLICAS:
            yield _of_traced(checks.loop(name, replicas))
    yield from _table("A step of `Model.fit`, with all metrics at once", _TRACED)
    for kind in KINDS:
        for replicas in REPLICAS:
            yield _of_traced(checks.fit(kind, replicas))
    yield from _table("Steps that were run on the CPU", _EMULATED)
    for name, replicas in EMULATED:
        yield _of_emulated(checks.emulated(name, replicas))


def totals() -> str:
    """What it all comes to; it takes the rows as they are known."""
    loops = [checks.loop(name, replicas) for name in CASES for replicas in REPLICAS]
    fits = [checks.fit(kind, replicas) for kind in KINDS for replicas in REPLICAS]
    runs = [checks.emulated(name, replicas) for name, replicas in EMULATED]
    traced = [*loops, *fits]
    findings = sum(len(row.findings) for row in traced)
    wrong = sum(bool(row.problems) for row in [*traced, *runs])
    return (
        f"{len({case.metric for case in CASES.values()})} metric classes, {len(CASES)} cases, "
        f"{2 * len(loops) + len(fits)} graphs traced, {sum(row.ops for row in traced):,} ops "
        f"linted, {findings} findings, {sum(row.lowered for row in traced)} programs compiled by "
        f"XLA, {sum(row.replicas for row in runs)} replicas emulated for "
        f"{sum(row.steps for row in runs)} steps, {wrong} rows wrong"
    )


def _of_traced(row: Traced) -> tuple[str, Traced]:
    sums = _sums(row)
    silent = "-" if row.silent is None else checks.named(row.silent)
    lowered = "compiled" if row.lowered else "NOT compiled"
    cells = [row.case, row.replicas, row.ops, len(row.findings), sums, silent, lowered]
    return _line(cells), row


def _sums(row: Traced) -> str:
    if len(row.sums) <= 1:
        return checks.named(row.sums)
    dtypes = [x.dtype.name for x in row.sums]
    return ", ".join(f"{dtypes.count(x)} of {x}" for x in dict.fromkeys(dtypes))


def _of_emulated(row: Emulated) -> tuple[str, Emulated]:
    high = "-" if row.high is None else _yes(row.high)
    alike = "the same" if row.alike else "NOT the same"
    cells = [row.case, row.replicas, row.steps, _yes(row.counts), high, alike]
    return _line([*cells, "WRONG" if row.problems else "as it must be"]), row


def _table(title: str, columns: tuple[str, ...]) -> Iterator[tuple[str, None]]:
    yield f"\n## {title}\n", None
    yield f"| {' | '.join(columns)} |", None
    yield f"|{'---|' * len(columns)}", None


def _line(cells: list[Any]) -> str:
    return f"| {' | '.join(map(str, cells))} |"


def _yes(good: bool) -> str:
    return "yes" if good else "NO"
