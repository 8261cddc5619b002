"""Rows as Markdown: a table of results, and a table of each estimate by topology."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from tpu_aot import rows
from tpu_aot.rows import Row

_LEGEND = (
    "Compiled ahead of time; nothing ran. Estimates are the compiler's own. *Sends* shows the "
    "collectives in the compiled code, and the number of bytes that each replica receives. "
    "*Chosen* marks the kernel that the package uses."
)
_CYCLES = (
    "The sum of the compiler's estimates of its operations, for one core. *+ n* is the number of "
    "operations without an estimate, e.g. scatters; such a sum does not estimate the whole."
)
_SECONDS = (
    "From HLO's general cost model, which ignores the topology. Without the programs that have no "
    "such estimate."
)
_LONGEST = 300


def header(versions: Mapping[str, str]) -> str:
    """Return the title, the versions, and a legend."""
    named = ", ".join(f"{name} {version}" for name, version in versions.items())
    return f"# Steps compiled for TPUs, without one\n\n{named}\n\n{_LEGEND}\n"


def markdown(found: Sequence[Row]) -> str:
    """Return all tables, the error messages, and a summary."""
    topologies = list(dict.fromkeys(row.topology for row in found if row.topology))
    parts = [_title("Programs"), _programs(found, topologies)]
    compiled = [row for row in found if row.status == "compiled" and row.kind != "control"]
    priced = {row.program for row in compiled if _microseconds(row) != "-"}
    for title, legend, cell in (
        ("Estimated cycles", _CYCLES, _cycles),
        ("Bytes accessed", "", lambda row: _number(row.found.get("bytes_accessed"))),
        ("Floating-point operations", "", lambda row: _number(row.found.get("flops"))),
        ("Optimal microseconds", _SECONDS, _microseconds),
    ):
        shown = [row for row in compiled if cell is not _microseconds or row.program in priced]
        if shown:
            parts += [_title(title), *([legend, ""] if legend else [])]
            parts.append(_by_topology(shown, topologies, cell))
    parts += _messages(found)
    return "\n".join([*parts, "", summary(found)]) + "\n"


def summary(found: Sequence[Row]) -> str:
    """Return the number of programs that compiled, and of controls that failed."""
    topologies = {row.topology for row in found if row.topology}
    must = [row for row in found if row.expected.error is None]
    must_not = {row.program for row in found if row.expected.error is not None}
    bad = {row.program for row in found if row.problem is not None}
    programs = {row.program for row in must}
    text = (
        f"{len(programs - bad)} of {len(programs)} programs x {len(topologies)} topologies "
        f"compiled as expected, {len(must_not - bad)} of {len(must_not)} negative controls failed "
        "as expected."
    )
    problems = rows.problems(found)
    return "\n".join([text, *(f"- WRONG: {_short(problem)}" for problem in problems)])


def _programs(found: Sequence[Row], topologies: Sequence[str]) -> str:
    cells = []
    for name, mine in _by_program(found).items():
        must_fail = mine[0].expected.error is not None
        cells.append([name, _where(mine, topologies), _sends(mine), _verdict(mine, must_fail)])
    return table(["program", "compiled on", "sends", ""], cells, texts=4)


def _where(mine: Sequence[Row], topologies: Sequence[str]) -> str:
    good = [row.topology for row in mine if row.status == "compiled"]
    if len(good) == len(topologies) and good:
        return f"all {len(topologies)}" if len(topologies) > 1 else good[0]
    if not mine[0].topology:
        return "none (lowering)"
    return ", ".join(good) or "none"


def _sends(mine: Sequence[Row]) -> str:
    """Return what a program sends, once if it is the same on all topologies."""
    ways: dict[str, list[str]] = {}
    for row in mine:
        if row.status == "compiled":
            sent = "; ".join(
                f"1 {x['kind']}, {_number(x['bytes'])} bytes" for x in row.found.get("sends", ())
            )
            ways.setdefault(sent or "nothing", []).append(row.topology)
    if len(ways) == 1:
        return next(iter(ways))
    return "; ".join(f"{way} ({', '.join(where)})" for way, where in ways.items())


def _verdict(mine: Sequence[Row], must_fail: bool) -> str:
    if any(row.problem is not None for row in mine):
        return "WRONG"
    return "must not compile" if must_fail else mine[0].note


def _by_topology(
    found: Sequence[Row], topologies: Sequence[str], cell: Callable[[Row], str]
) -> str:
    cells = []
    for name, mine in _by_program(found).items():
        at = {row.topology: cell(row) for row in mine}
        note = f" ({mine[0].note})" if mine[0].note else ""
        cells.append([name + note, *(at.get(topology, "-") for topology in topologies)])
    return table(["program", *topologies], cells)


def _messages(found: Sequence[Row]) -> list[str]:
    """Return the error messages, each once with its topologies."""
    messages: dict[tuple[str, str], list[str]] = {}
    for row in found:
        if row.status != "compiled":
            where = row.topology or "lowering"
            messages.setdefault((row.program, _short(row.message)), []).append(where)
    lines = [f"- {name} ({', '.join(at)}): {text}" for (name, text), at in messages.items()]
    return [_title("Errors"), *lines] if lines else []


def table(columns: Sequence[str], cells: Iterable[Sequence[str]], texts: int = 1) -> str:
    """Format a Markdown table; all but the first `texts` columns are aligned to the right."""
    rules = ["---" if i < texts else "---:" for i in range(len(columns))]
    lines = [columns, rules, *cells]
    return "\n".join(
        "| " + " | ".join(x.replace("|", "\\|") for x in line) + " |" for line in lines
    )


def _by_program(found: Sequence[Row]) -> dict[str, list[Row]]:
    programs: dict[str, list[Row]] = {}
    for row in found:
        programs.setdefault(row.program, []).append(row)
    return programs


def _cycles(row: Row) -> str:
    unknown = row.found.get("cycles_unknown", 0)
    return _number(row.found.get("cycles")) + (f" + {unknown}" if unknown else "")


def _microseconds(row: Row) -> str:
    seconds = row.found.get("optimal_seconds")
    return "-" if seconds is None or seconds <= 0 else f"{seconds * 1e6:.3g}"


def _number(value: Any) -> str:
    return "-" if value is None or value < 0 else f"{round(value):,}"


def _title(text: str) -> str:
    return f"\n## {text}\n"


def _short(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _LONGEST else text[:_LONGEST] + "..."
