"""What a benchmark has found: rows, kept as JSON lines under a header that tells what ran where."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from benchmarks.samples import Difference, Samples

Path = str | os.PathLike[str]


class RecordError(ValueError):
    """A file of results that cannot be read."""


@dataclasses.dataclass(frozen=True)
class Row:
    """One variant of one case of a suite."""

    suite: str
    case: dict[str, Any]  # what identifies the row, beside the variant
    variant: str
    timed: Samples | None = None
    baseline: str | None = None  # the variant that `difference` is to
    difference: Difference | None = None
    noise: Difference | None = None  # of the A/A control, in the same process and rounds
    counted: dict[str, int] = dataclasses.field(default_factory=dict)  # exact
    values: dict[str, Any] = dataclasses.field(default_factory=dict)
    wrong: int | None = None  # values that differ from scikit-learn; None: nothing to compare

    @property
    def key(self) -> str:
        """The same for the same suite, case and variant of another run."""
        return json.dumps([self.suite, plain(self.case), self.variant], sort_keys=True)

    def to_json(self) -> dict[str, Any]:
        """Built-in types only, and the statistics of the samples beside them."""
        row = plain({field.name: getattr(self, field.name) for field in dataclasses.fields(self)})
        if self.timed is not None:
            names = ("p50", "p90", "p99", "maximum", "jitter")
            row["timed"] |= {name: getattr(self.timed, name) for name in names}
        return row

    @classmethod
    def from_json(cls, row: Mapping[str, Any]) -> Row:
        """The row of `to_json`.

        Raises:
            KeyError, TypeError, ValueError: it is none.
        """
        found = {field.name: row[field.name] for field in dataclasses.fields(cls)}
        if found["timed"] is not None:
            found["timed"] = Samples(tuple(found["timed"]["values"]))
        for name in ("difference", "noise"):
            if found[name] is not None:
                found[name] = Difference(**found[name])
        return cls(**found)


class Log:
    """A file of results; each line is there as soon as it was written."""

    def __init__(self, path: Path, header: Mapping[str, Any]) -> None:
        """Creates the file.

        Raises:
            FileExistsError: it is there already.
        """
        self._path = pathlib.Path(path)
        self._write("header", header, mode="x")

    def write(self, row: Row) -> None:
        """Adds a row."""
        self._write("row", row.to_json())

    def failure(self, suite: str, problem: str) -> None:
        """Notes that a suite did not come to its end."""
        self._write("failure", {"suite": suite, "problem": problem})

    def _write(self, event: str, content: Mapping[str, Any], mode: str = "a") -> None:
        line = json.dumps({"event": event, **plain(content)}, allow_nan=False)
        with self._path.open(mode, encoding="utf-8") as file:
            file.write(f"{line}\n")


def read(path: Path) -> tuple[dict[str, Any], list[Row]]:
    """The header and the rows of a file of results.

    Raises:
        RecordError: there is no such file, or it is no file of results.
    """
    try:
        lines = pathlib.Path(path).read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise RecordError(f"{path} cannot be read: {error}.") from error
    header: dict[str, Any] | None = None
    rows = []
    for number, line in enumerate(lines, 1):
        try:
            content = json.loads(line)
            event = content.pop("event")
            if event == "header":
                header = content
            elif event == "row":
                rows.append(Row.from_json(content))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise RecordError(
                f"{path}, line {number}, is no result of a benchmark ({error!r}). Name the "
                "results.jsonl of a run; of one that was cut off, delete the last line."
            ) from error
    if header is None:
        raise RecordError(f"{path} has no header. Name the results.jsonl of a run.")
    return header, rows


def plain(value: Any) -> Any:
    """The value in the types of JSON, tuples as lists; what is no finite number is None."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        value = dataclasses.asdict(value)
    if isinstance(value, Mapping):
        return {str(name): plain(item) for name, item in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        value = value.tolist()
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value if isinstance(value, bool | int | float | str | None) else str(value)
