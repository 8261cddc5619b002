"""A row for each program and topology: what became of it, and whether that is as it must be."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Literal

Kind = Literal["step", "kernel", "control"]
Status = Literal["compiled", "failed", "ended"]


@dataclasses.dataclass(frozen=True)
class Expected:
    """What must become of a program.

    Args:
        sends: the kinds of exchanges in the compiled code, as in `hlo.Collective.kind`.
        fails: what the message says of a program that must not compile.
        asks: how many exchanges TensorFlow's program asks for, before the compiler merges any or
            makes several of one; `None` if that does not matter.
    """

    sends: tuple[str, ...] = ()
    fails: str | None = None
    asks: int | None = None


def expected_from(fields: Mapping[str, Any]) -> Expected:
    """From JSON, which has no tuples."""
    return Expected(tuple(fields["sends"]), fields["fails"], fields["asks"])


@dataclasses.dataclass(frozen=True)
class Row:
    """One program on one topology.

    Args:
        program: its name.
        kind: what it is there for.
        topology: for which it was compiled; empty if it failed before, in TensorFlow.
        status: `"compiled"`; `"failed"`, with an error; `"ended"`, its process was.
        expected: what must become of it.
        message: of what failed.
        found: what the compiler says of what it has compiled; see `compiling.py`.
        note: about the program.
    """

    program: str
    kind: Kind
    topology: str
    status: Status
    expected: Expected
    message: str = ""
    found: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    note: str = ""

    @property
    def sends(self) -> tuple[str, ...]:
        """The kinds of exchanges in the compiled code."""
        return tuple(sorted(sent["kind"] for sent in self.found.get("sends", ())))

    @property
    def problem(self) -> str | None:
        """What is not as it must be."""
        fails = self.expected.fails
        if fails is not None:
            if self.status == "compiled":
                return "compiled, and must not"
            if not re.search(fails, self.message):
                return f"failed for another reason than {fails!r}: {self.message}"
            return None
        if self.status != "compiled":
            return f"{self.status}: {self.message}"
        if self.sends != tuple(sorted(self.expected.sends)):
            return f"sends {_named(self.sends)} instead of {_named(self.expected.sends)}"
        asked = self.found.get("asks")
        if self.expected.asks not in (None, asked):
            return f"asks for {asked} exchanges instead of {self.expected.asks}, before compilation"
        return None


def to_json(row: Row) -> str:
    """One line."""
    return json.dumps(dataclasses.asdict(row) | {"problem": row.problem})


def from_json(line: str) -> Row:
    """The inverse of `to_json`."""
    fields = {name: value for name, value in json.loads(line).items() if name != "problem"}
    return Row(expected=expected_from(fields.pop("expected")), **fields)


def problems(rows: Iterable[Row]) -> list[str]:
    """What is not as it must be, one line for each row."""
    return [
        f"{row.program} ({row.topology or 'lowering'}): {row.problem}"
        for row in rows
        if row.problem is not None
    ]


def _named(sends: Iterable[str]) -> str:
    return ", ".join(sends) or "nothing"
