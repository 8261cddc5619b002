"""Lowers programs to HLO, in a process that has TensorFlow.

    python -m tpu_aot.lowering DIRECTORY PATTERN

Writes each program's HLO to the directory, and then a line about it to `lowered.jsonl`. Skips
programs that already have a line, so that another process can resume if a program aborts this one.
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
    """The description of a program to lower, with the result once it is lowered.

    Args:
        name: Name of the program.
        kind: Kind of the program.
        expected: Expected result of its compilation.
        note: Remark for the table.
        path: Path of the HLO; empty if lowering failed.
        problem: Reason of the failure.
    """

    name: str
    kind: Kind
    expected: Expected
    note: str = ""
    path: str = ""
    problem: str = ""


def read(path: pathlib.Path) -> list[Planned]:
    """Return the lines of a file, or none if it does not exist."""
    lines = path.read_text().splitlines() if path.exists() else []
    return [_from_json(line) for line in lines]


def append(path: pathlib.Path, planned: Sequence[Planned]) -> None:
    """Append lines to a file."""
    with path.open("a") as file:
        file.writelines(json.dumps(dataclasses.asdict(x)) + "\n" for x in planned)


def main(directory: str, pattern: str) -> None:
    """Lower the programs that are not lowered yet."""
    environment.check_isolated()
    from dist_f1 import testing
    from tpu_aot import programs

    # The replicas' variables live on logical CPUs.
    testing.split_cpu(REPLICAS)
    folder = pathlib.Path(directory)
    chosen = programs.chosen(programs.all_programs(), pattern)
    planned = [Planned(x.name, x.kind, x.expected, x.note) for x in chosen]
    if not (folder / PLAN).exists():
        append(folder / PLAN, planned)
    done = {x.name for x in read(folder / LOWERED)}
    for number, (program, plan) in enumerate(zip(chosen, planned, strict=True)):
        if program.name not in done:
            append(folder / LOWERED, [_lower(program, plan, folder / str(number))])


def _lower(program: Any, plan: Planned, path: pathlib.Path) -> Planned:
    try:
        module = program.lower()
        path = path.with_suffix(".mlir" if isinstance(module, str) else ".hlo")
        path.write_bytes(module.encode() if isinstance(module, str) else module)
    except Exception as error:
        message = " ".join(f"{type(error).__name__}: {error}".split())
        return dataclasses.replace(plan, problem=message)
    return dataclasses.replace(plan, path=str(path))


def _from_json(line: str) -> Planned:
    fields = json.loads(line)
    return Planned(expected=expected_from(fields.pop("expected")), **fields)


if __name__ == "__main__":
    main(*sys.argv[1:])
