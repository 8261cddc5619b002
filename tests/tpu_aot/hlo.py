"""Collectives and estimated cycles in the text of a compiled HLO module."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import NamedTuple

_COLLECTIVES = (
    "all-reduce|all-gather|reduce-scatter|all-to-all|ragged-all-to-all|collective-permute|"
    "collective-broadcast|send|recv"
)
_INSTRUCTION = re.compile(r"^\s+(?:ROOT )?%?[\w.-]+ = (?P<type>.+?) (?P<op>[a-z][\w-]*)\(")
_COMPUTATION = re.compile(r"^(?P<entry>ENTRY )?%?(?P<name>[\w.-]+) \(.*\{$")
_ARRAY = re.compile(r"\b([a-z]+\d+[a-z\d]*|pred)\[([\d,]*)\]")
_CALLED = re.compile(r"\b(body|condition|true_computation|false_computation|calls)=%?([\w.-]+)")
_BRANCHES = re.compile(r"\bbranch_computations=\{([^}]*)\}")
_TRIP_COUNT = re.compile(r'"known_trip_count":\{"n":"(\d+)"')
# Splitting a 64-bit number into halves costs nothing.
_HALVES = re.compile(r'custom_call_target="X64')
_CYCLES = re.compile(r'"estimated_cycles":"(\d+)"')
# These cost time, but may have no estimate.
_WORK = frozenset(
    {"convolution", "custom-call", "dot", "fusion", "gather", "reduce", "reduce-window", "scatter"}
    | {"sort"}
)


class Collective(NamedTuple):
    """A collective.

    Fields:
        op: HLO op, e.g. `all-reduce`.
        dtypes: HLO dtype of each array.
        size: Number of bytes that each replica receives.
    """

    op: str
    dtypes: tuple[str, ...]
    size: int

    @property
    def kind(self) -> str:
        """Op and dtypes, e.g. `all-reduce u32,u32` for two arrays at once."""
        return f"{self.op} {','.join(self.dtypes)}"


class Cycles(NamedTuple):
    """Sum of the estimated cycles, and number of operations without an estimate."""

    estimated: int
    unknown: int


def collectives(text: str) -> list[Collective]:
    """Return all collectives in the order of the text."""
    found = []
    for line in text.splitlines():
        instruction = _INSTRUCTION.match(line)
        if instruction is None:
            continue
        op, start, _ = instruction["op"].partition("-start")
        if not re.fullmatch(_COLLECTIVES, op):
            continue
        arrays = _ARRAY.findall(instruction["type"])
        if start and op != "all-reduce":
            # The arrays are input, output and synchronization flags.
            arrays = arrays[1:2]
        size = sum(_bytes(dtype) * _elements(shape) for dtype, shape in arrays)
        found.append(Collective(op, tuple(dtype for dtype, _ in arrays), size))
    return found


def cycles(text: str) -> Cycles:
    """Sum up the estimated cycles of all operations, with all iterations of loops.

    A loop of unknown trip count counts one iteration, and as one operation without an estimate.
    """
    bodies, entry = _computations(text)
    return _cycles_of(entry, bodies)


def _cycles_of(name: str, bodies: dict[str, list[str]]) -> Cycles:
    estimated = unknown = 0
    for line in bodies.get(name, []):
        instruction = _INSTRUCTION.match(line)
        if instruction is None:
            continue
        op, known = instruction["op"], _CYCLES.search(line)
        if known:
            estimated += int(known[1])
        elif op in _WORK and not _HALVES.search(line):
            unknown += 1
        trip_count = _TRIP_COUNT.search(line)
        for called in _called(op, line):
            inner = _cycles_of(called, bodies)
            estimated += inner.estimated * (int(trip_count[1]) if trip_count else 1)
            unknown += inner.unknown
        unknown += op == "while" and trip_count is None
    return Cycles(estimated, unknown)


def _called(op: str, line: str) -> Iterator[str]:
    """Yield the called computations whose operations have their own estimates, unlike fusions."""
    if op in ("while", "conditional", "call") or op.startswith("async"):
        yield from (name for _, name in _CALLED.findall(line))
        for names in _BRANCHES.findall(line):
            yield from (name.strip().lstrip("%") for name in names.split(","))


def _computations(text: str) -> tuple[dict[str, list[str]], str]:
    """Return the lines of each computation, and the name of the entry computation."""
    bodies: dict[str, list[str]] = {}
    entry, lines = "", []
    for line in text.splitlines():
        header = _COMPUTATION.match(line)
        if header:
            lines = bodies[header["name"]] = []
            entry = header["name"] if header["entry"] else entry
        else:
            lines.append(line)
    return bodies, entry


def _bytes(dtype: str) -> int:
    digits = re.search(r"\d+", dtype)
    return max(int(digits[0]) // 8, 1) if digits else 1


def _elements(shape: str) -> int:
    return math.prod(int(size) for size in shape.split(",") if size)
