"""A row for each program and topology, with its result and problem."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, Literal

Kind = Literal["step", "kernel", "control"]
Status = Literal["compiled", "failed", "aborted"]


@dataclasses.dataclass(frozen=True)
class Expected:
    """The expected result of a program.

    Args:
        sends: `hlo.Collective.kind` of each collective in the compiled code.
        error: Regular expression for the message of a program that must not compile.
        requested: Number of collectives in TensorFlow's program, before the compiler merges or
            splits them; `None` to skip the check.
    """

    sends: tuple[str, ...] = ()
    error: str | None = None
    requested: int | None = None


def expected_from(fields: Mapping[str, Any]) -> Expected:
    """Convert from JSON, which has no tuples."""
    return Expected(tuple(fields["sends"]), fields["error"], fields["requested"])


@dataclasses.dataclass(frozen=True)
class Row:
    """The result of one program on one topology.

    Args:
        program: Name of the program.
        kind: Purpose of the program.
        topology: Topology; empty if TensorFlow could not lower the program.
        status: `"compiled"`, `"failed"` with an error, or `"aborted"` with its process.
        expected: Expected result.
        message: Error message.
        found: Statistics of the compiled code; see `compiling.py`.
        note: Remark for the table.
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
        """Kind of each collective in the compiled code."""
        return tuple(sorted(sent["kind"] for sent in self.found.get("sends", ())))

    @property
    def problem(self) -> str | None:
        """The difference from the expected result, or `None`."""
        error = self.expected.error
        if error is not None:
            if self.status == "compiled":
                return "compiled, but must not"
            if not re.search(error, self.message):
                return f"failed for another reason than {error!r}: {self.message}"
            return None
        if self.status != "compiled":
            return f"{self.status}: {self.message}"
        if self.sends != tuple(sorted(self.expected.sends)):
            return f"sends {_join(self.sends)}, expected {_join(self.expected.sends)}"
        requested = self.found.get("requested")
        if self.expected.requested not in (None, requested):
            expected = self.expected.requested
            return f"requests {requested} collectives before compilation, expected {expected}"
        return None


def to_json(row: Row) -> str:
    """Format as one line of JSON."""
    return json.dumps(dataclasses.asdict(row) | {"problem": row.problem})


def from_json(line: str) -> Row:
    """Invert `to_json`."""
    fields = {name: value for name, value in json.loads(line).items() if name != "problem"}
    return Row(expected=expected_from(fields.pop("expected")), **fields)


def problems(rows: Iterable[Row]) -> list[str]:
    """Return one line for each row with a problem."""
    return [
        f"{row.program} ({row.topology or 'lowering'}): {row.problem}"
        for row in rows
        if row.problem is not None
    ]


def _join(sends: Iterable[str]) -> str:
    return ", ".join(sends) or "nothing"
