"""From programs to rows, each in a process of its own."""

from __future__ import annotations

import dataclasses
import json
import pathlib
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from tpu_aot import lowering, processes
from tpu_aot.lowering import LOWERED, PLAN, Planned
from tpu_aot.processes import Ended
from tpu_aot.rows import Row

# Runs a module of this package in a process that may load libtpu, for so many seconds at most.
Run = Callable[[Sequence[str], float], Ended]

_LOWERING_SECONDS, _COMPILING_SECONDS = 600.0, 120.0


class NothingLowered(Exception):
    """The process that lowers ended before the first program; the message says how."""


def runner(isolated: Sequence[str], environ: dict[str, str]) -> Run:
    """Runs modules without a network."""

    def run(arguments: Sequence[str], timeout: float) -> Ended:
        return processes.run([*isolated, sys.executable, "-m", *arguments], environ, timeout)

    return run


def lowered(run: Run, folder: pathlib.Path, pattern: str) -> list[Planned]:
    """All programs, lowered or with the reason why not.

    Raises:
        NothingLowered: it is not about any one program.
    """
    plan: list[Planned] = []
    done: list[Planned] = []
    while not plan or len(done) < len(plan):
        arguments = ["tpu_aot.lowering", str(folder), pattern]
        ended = run(arguments, _LOWERING_SECONDS)
        plan, done = (lowering.read(folder / name) for name in (PLAN, LOWERED))
        if not plan or (ended.problem is None and len(done) < len(plan)):
            raise NothingLowered(f"{ended.problem or 'no such programs'}. {ended.message}".strip())
        if len(done) < len(plan):
            # This one has ended the process; the next process takes up those after it.
            message = f"{ended.problem}. {ended.message}"
            faulty = dataclasses.replace(plan[len(done)], problem=message)
            lowering.append(folder / LOWERED, [faulty])
            done.append(faulty)
    return done


def ops(run: Run, folder: pathlib.Path) -> tuple[str, bool]:
    """How the list of ops compares to the registry of TensorFlow, and whether it is the same."""
    found = folder / "ops.json"
    ended = run(["tpu_aot.ops", str(found)], _LOWERING_SECONDS)
    if not found.exists():
        return f"The list of ops was not compared: {ended.problem}. {ended.message}", False
    result = json.loads(found.read_text())
    if different := result["differences"]:
        return f"WRONG: the list of ops differs from the registry in {', '.join(different)}.", False
    return f"The list of ops is the registry's: {result['registered']} ops.", True


def rows(
    run: Run, folder: pathlib.Path, programs: Sequence[Planned], topologies: Sequence[str]
) -> Iterator[Row]:
    """A row for each topology, or one where TensorFlow could not lower a program."""
    for program in programs:
        if program.problem:
            yield _row(program, "", status="failed", message=program.problem)
            continue
        for topology in topologies:
            found = folder / "found.json"
            found.unlink(missing_ok=True)
            arguments = ["tpu_aot.compiling", program.path, topology, str(found)]
            ended = run(arguments, _COMPILING_SECONDS)
            yield _compiled(program, topology, ended, found)


def _compiled(program: Planned, topology: str, ended: Ended, found: pathlib.Path) -> Row:
    if ended.problem is not None or not found.exists():
        message = f"{ended.problem or 'wrote nothing'}. {ended.message}".strip()
        return _row(program, topology, status="ended", message=message)
    result = json.loads(found.read_text())
    if "error" in result:
        return _row(program, topology, status="failed", message=result["error"])
    return _row(program, topology, status="compiled", found=result)


def _row(program: Planned, topology: str, **fields: Any) -> Row:
    return Row(
        program=program.name,
        kind=program.kind,
        topology=topology,
        expected=program.expected,
        note=program.note,
        **fields,
    )
