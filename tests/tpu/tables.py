"""The rows as Markdown tables, each printed as soon as it is known, and their totals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import tensorflow as tf

from tpu import checks
from tpu.cases import CASES
from tpu.checks import Emulated, Traced

_TRACED = ("", "replicas", "ops", "findings", "sums over replicas", "by XLA", "")
_EMULATED = ("", "replicas", "steps", "equal to NumPy", "from 2^40 on", "replicas read", "")


def header() -> str:
    """Return the title, and what the tables show."""
    return (
        f"# Steps under TPUStrategy, TensorFlow {tf.__version__}\n\n"
        "**Nothing ran on a TPU.** Steps were traced under a real `TPUStrategy` over simulated "
        "cores. Their ops were\nlooked up in the list of ops with a TPU kernel. XLA compiled one "
        "replica's program for a CPU. The traced\nsteps were run on the CPU, each op once for each "
        "replica. *Sums* are `CrossReplicaSum` ops."
    )


def lines() -> Iterator[tuple[str, Traced | Emulated | None]]:
    """Yield the lines of the tables, and the row that each one shows."""
    yield from _table("An update and a read in a custom loop", _TRACED)
    for name, replicas in checks.STEPS:
        yield _traced_line(checks.loop(name, replicas))
    yield _traced_line(checks.epoch_reads(8))
    yield from _table('A step of `Model.fit` with `sync="step"` and `sync="epoch"`', _TRACED)
    for is_multilabel, replicas in checks.FITS:
        yield _traced_line(checks.fit(is_multilabel, replicas))
    yield from _table("Steps that were run on the CPU", _EMULATED)
    for name, replicas in checks.STEPS:
        yield _emulated_line(checks.emulated(name, replicas))


def totals(rows: Sequence[Traced | Emulated]) -> str:
    """Summarize all rows."""
    traced = [row for row in rows if isinstance(row, Traced)]
    emulated = [row for row in rows if isinstance(row, Emulated)]
    return (
        f"{len({case.metric for case in CASES.values()})} metric classes, {len(CASES)} cases, "
        f"{len(traced)} graphs traced, {sum(row.ops for row in traced):,} ops linted, "
        f"{sum(len(row.findings) for row in traced)} findings, "
        f"{sum(row.is_compiled for row in traced)} programs compiled by XLA, "
        f"{sum(row.replicas for row in emulated)} replicas emulated for "
        f"{sum(row.steps for row in emulated)} steps, "
        f"{sum(bool(row.problems) for row in rows)} rows wrong"
    )


def _traced_line(row: Traced) -> tuple[str, Traced]:
    compiled = "compiled" if row.is_compiled else "NOT compiled"
    sums = checks.describe(row.sums)
    cells = [row.case, row.replicas, row.ops, len(row.findings), sums, compiled]
    return _line([*cells, _verdict(row)]), row


def _emulated_line(row: Emulated) -> tuple[str, Emulated]:
    high = "-" if row.high_counts_match is None else _yes(row.high_counts_match)
    agree = "the same" if row.replicas_agree else "NOT the same"
    cells = [row.case, row.replicas, row.steps, _yes(row.counts_match), high, agree]
    return _line([*cells, _verdict(row)]), row


def _table(title: str, columns: tuple[str, ...]) -> Iterator[tuple[str, None]]:
    yield f"\n## {title}\n", None
    yield f"| {' | '.join(columns)} |", None
    yield f"|{'---|' * len(columns)}", None


def _line(cells: list[Any]) -> str:
    return f"| {' | '.join(map(str, cells))} |"


def _verdict(row: Traced | Emulated) -> str:
    return "WRONG" if row.problems else "as expected"


def _yes(passed: bool) -> str:
    return "yes" if passed else "NO"
