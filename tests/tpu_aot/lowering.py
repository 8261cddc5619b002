"""Lowers programs to what the compiler takes, in a process that has TensorFlow.

    python -m tpu_aot.lowering DIRECTORY PATTERN

Writes each program's HLO into the directory, and a line about each, as soon as it is there, into
`lowered.jsonl`; programs that have a line already are left out, so that a process that was ended by
one of them can be followed by another.
"""

from __future__ import annotations

import dataclasses
import json
import pathlib
import sys
from collections.abc import Sequence
from typing import Any

from tpu_aot import environment
from tpu_aot.rows import Expected, Kind, expected_from
from tpu_aot.topologies import REPLICAS

PLAN, LOWERED = "plan.jsonl", "lowered.jsonl"


@dataclasses.dataclass(frozen=True)
class Planned:
    """A program to be lowered, without the program; `problem` and `path` are known afterwards.

    Args:
        name: of the program.
        kind: likewise.
        expected: likewise.
        note: likewise.
        path: of what it was lowered to; empty if it could not.
        problem: why not.
    """

    name: str
    kind: Kind
    expected: Expected
    note: str = ""
    path: str = ""
    problem: str = ""


def read(path: pathlib.Path) -> list[Planned]:
    """The lines of a file; none if there is no file."""
    lines = path.read_text().splitlines() if path.exists() else []
    return [_from_json(line) for line in lines]


def append(path: pathlib.Path, planned: Sequence[Planned]) -> None:
    """Adds lines to a file."""
    with path.open("a") as file:
        file.writelines(json.dumps(dataclasses.asdict(x)) + "\n" for x in planned)


def main(directory: str, pattern: str) -> None:
    """Lowers what has not been lowered yet."""
    environment.check_isolated()
    from dist_f1 import testing
    from tpu_aot import programs

    # The variables of replicas live on logical CPUs.
    testing.split_cpu(REPLICAS)
    folder = pathlib.Path(directory)
    chosen = programs.chosen(programs.all_programs(), pattern)
    planned = [Planned(x.name, x.kind, x.expected, x.note) for x in chosen]
    if not (folder / PLAN).exists():
        append(folder / PLAN, planned)
    done = {x.name for x in read(folder / LOWERED)}
    for number, (program, plan) in enumerate(zip(chosen, planned, strict=True)):
        if program.name not in done:
            append(folder / LOWERED, [_lowered(program, plan, folder / str(number))])


def _lowered(program: Any, plan: Planned, path: pathlib.Path) -> Planned:
    try:
        made = program.lower()
        path = path.with_suffix(".mlir" if isinstance(made, str) else ".hlo")
        path.write_bytes(made.encode() if isinstance(made, str) else made)
    except Exception as error:
        message = " ".join(f"{type(error).__name__}: {error}".split())
        return dataclasses.replace(plan, problem=message)
    return dataclasses.replace(plan, path=str(path))


def _from_json(line: str) -> Planned:
    fields = json.loads(line)
    return Planned(expected=expected_from(fields.pop("expected")), **fields)


if __name__ == "__main__":
    main(*sys.argv[1:])
