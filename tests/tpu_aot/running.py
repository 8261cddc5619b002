"""Lowers and compiles programs in their own processes, and collects the rows."""

from __future__ import annotations

import dataclasses
import json
import pathlib
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from tpu_aot import lowering, processes
from tpu_aot.lowering import LOWERED, PLAN, Planned
from tpu_aot.processes import ProcessResult
from tpu_aot.rows import Row

# Runs a module of this package in a process that may load libtpu, with a time-out in seconds.
Run = Callable[[Sequence[str], float], ProcessResult]

_LOWERING_SECONDS, _COMPILING_SECONDS = 600.0, 120.0


class LoweringError(Exception):
    """The lowering process ended before the first program; the message has the reason."""


def runner(isolated: Sequence[str], environ: dict[str, str]) -> Run:
    """Return a function that runs modules without a network."""

    def run(arguments: Sequence[str], timeout: float) -> ProcessResult:
        return processes.run([*isolated, sys.executable, "-m", *arguments], environ, timeout)

    return run


def lowered(run: Run, folder: pathlib.Path, pattern: str) -> list[Planned]:
    """Lower all programs, and return each with its result.

    Raises:
        LoweringError: The failure is not due to a single program.
    """
    plan: list[Planned] = []
    done: list[Planned] = []
    while not plan or len(done) < len(plan):
        arguments = ["tpu_aot.lowering", str(folder), pattern]
        process = run(arguments, _LOWERING_SECONDS)
        plan, done = (lowering.read(folder / name) for name in (PLAN, LOWERED))
        if not plan or (process.problem is None and len(done) < len(plan)):
            raise LoweringError(
                f"{process.problem or 'no program matches'}. {process.message}".strip()
            )
        if len(done) < len(plan):
            # This program aborted the process; another process resumes after it.
            message = f"{process.problem}. {process.message}"
            faulty = dataclasses.replace(plan[len(done)], problem=message)
            lowering.append(folder / LOWERED, [faulty])
            done.append(faulty)
    return done


def compare_ops(run: Run, folder: pathlib.Path) -> tuple[str, bool]:
    """Compare the list of ops with TensorFlow's registry: a message, and whether they are equal."""
    output = folder / "ops.json"
    process = run(["tpu_aot.ops", str(output)], _LOWERING_SECONDS)
    if not output.exists():
        return f"The list of ops was not compared: {process.problem}. {process.message}", False
    result = json.loads(output.read_text())
    if differences := result["differences"]:
        return (
            f"WRONG: the list of ops differs from the registry in {', '.join(differences)}.",
            False,
        )
    return f"The list of ops equals the registry: {result['registered']} ops.", True


def rows(
    run: Run, folder: pathlib.Path, programs: Sequence[Planned], topologies: Sequence[str]
) -> Iterator[Row]:
    """Yield a row for each topology, or a single row if TensorFlow could not lower a program."""
    for program in programs:
        if program.problem:
            yield _row(program, "", status="failed", message=program.problem)
            continue
        for topology in topologies:
            output = folder / "result.json"
            output.unlink(missing_ok=True)
            arguments = ["tpu_aot.compiling", program.path, topology, str(output)]
            process = run(arguments, _COMPILING_SECONDS)
            yield _compilation_row(program, topology, process, output)


def _compilation_row(
    program: Planned, topology: str, process: ProcessResult, output: pathlib.Path
) -> Row:
    if process.problem is not None or not output.exists():
        message = f"{process.problem or 'wrote nothing'}. {process.message}".strip()
        return _row(program, topology, status="aborted", message=message)
    result = json.loads(output.read_text())
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
