"""Rows as Markdown: a table of what compiled, and one of each estimate by topology."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from tpu_aot import rows
from tpu_aot.rows import Row

_LEGEND = (
    "Compiled ahead of time, nothing was run; estimates are the compiler's own. *Sends* is what is "
    "exchanged between replicas in the compiled code, and how many bytes each replica gets. Of "
    "kernels, *chosen* is the one that the package takes."
)
_CYCLES = (
    "The sum of what the compiler expects of its operations, for one core. *+ n*: of so many it "
    "does not say (scatters are among them), so that such a sum is no estimate of the whole."
)
_SECONDS = (
    "By HLO's general cost model, which knows nothing of the topology. Programs of which it is "
    "unknown are left out."
)
# Of a long message.
_LONGEST = 300


def header(versions: Mapping[str, str]) -> str:
    """What has compiled."""
    named = ", ".join(f"{name} {version}" for name, version in versions.items())
    return f"# Steps compiled for TPUs, without one\n\n{named}\n\n{_LEGEND}\n"


def markdown(found: Sequence[Row]) -> str:
    """All tables, what failed, and a line that sums it up."""
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
    """How many compiled, and how many controls failed as they must."""
    topologies = {row.topology for row in found if row.topology}
    must = [row for row in found if row.expected.fails is None]
    must_not = {row.program for row in found if row.expected.fails is not None}
    bad = {row.program for row in found if row.problem is not None}
    programs = {row.program for row in must}
    text = (
        f"{len(programs - bad)} of {len(programs)} programs x {len(topologies)} topologies "
        f"compiled as they must, {len(must_not - bad)} of {len(must_not)} negative controls "
        "failed as they must."
    )
    problems = rows.problems(found)
    return "\n".join([text, *(f"- WRONG: {_short(problem)}" for problem in problems)])


def _programs(found: Sequence[Row], topologies: Sequence[str]) -> str:
    cells = []
    for name, mine in _by_program(found).items():
        fails = mine[0].expected.fails is not None
        cells.append([name, _where(mine, topologies), _sent(mine), _verdict(mine, fails)])
    return table(["program", "compiled on", "sends", ""], cells, texts=4)


def _where(mine: Sequence[Row], topologies: Sequence[str]) -> str:
    good = [row.topology for row in mine if row.status == "compiled"]
    if len(good) == len(topologies) and good:
        return f"all {len(topologies)}" if len(topologies) > 1 else good[0]
    if not mine[0].topology:
        return "none (lowering)"
    return ", ".join(good) or "none"


def _sent(mine: Sequence[Row]) -> str:
    """The same everywhere is said once."""
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


def _verdict(mine: Sequence[Row], fails: bool) -> str:
    if any(row.problem is not None for row in mine):
        return "WRONG"
    return "must not compile" if fails else mine[0].note


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
    """What was said where it failed: the same words once."""
    said: dict[tuple[str, str], list[str]] = {}
    for row in found:
        if row.status != "compiled":
            where = row.topology or "lowering"
            said.setdefault((row.program, _short(row.message)), []).append(where)
    lines = [f"- {name} ({', '.join(at)}): {words}" for (name, words), at in said.items()]
    return [_title("What did not compile"), *lines] if lines else []


def table(columns: Sequence[str], cells: Iterable[Sequence[str]], texts: int = 1) -> str:
    """A Markdown table; all but the first `texts` columns are aligned to the right."""
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
