"""Results of a benchmark: records, stored as JSON lines after a header that describes the run."""

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


class RecordError(ValueError):
    """A file of results cannot be read."""


@dataclasses.dataclass(frozen=True)
class Record:
    """The result of one variant, in one case of a suite."""

    suite: str
    case: dict[str, Any]  # identifies the record, together with the variant
    variant: str
    timed: Samples | None = None
    baseline: str | None = None  # the variant that `difference` refers to
    difference: Difference | None = None
    noise: Difference | None = None  # of the A/A control, from the same process and rounds
    counted: dict[str, int] = dataclasses.field(default_factory=dict)  # exact figures
    values: dict[str, Any] = dataclasses.field(default_factory=dict)
    wrong: int | None = None  # values that differ from scikit-learn's; None: nothing to compare

    @property
    def key(self) -> str:
        """Identifies the record in every run: suite, case and variant."""
        return json.dumps([self.suite, plain(self.case), self.variant], sort_keys=True)

    def to_json(self) -> dict[str, Any]:
        """Convert to built-in types, and add the statistics of the samples."""
        content = plain({field.name: getattr(self, field.name) for field in _FIELDS})
        if self.timed is not None:
            content["timed"] |= self.timed.statistics
        return content

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Record:
        """Convert back from `to_json`.

        Raises:
            KeyError, TypeError, ValueError: The content is not a record.
        """
        fields = {field.name: content[field.name] for field in _FIELDS}
        if fields["timed"] is not None:
            fields["timed"] = Samples(tuple(fields["timed"]["values"]))
        for name in ("difference", "noise"):
            if fields[name] is not None:
                fields[name] = Difference(**fields[name])
        return cls(**fields)


_FIELDS = dataclasses.fields(Record)


class RecordLog:
    """A new file of results. Every line is on disk as soon as it is written.

    Raises:
        FileExistsError: The file exists.
    """

    def __init__(self, path: pathlib.Path, header: Mapping[str, Any]) -> None:
        self._path = path
        self._write("header", header, mode="x")

    def write(self, record: Record) -> None:
        """Append a record."""
        self._write("row", record.to_json())

    def write_failure(self, suite: str, problem: str) -> None:
        """Append a note that a suite did not finish."""
        self._write("failure", {"suite": suite, "problem": problem})

    def _write(self, event: str, content: Mapping[str, Any], mode: str = "a") -> None:
        line = json.dumps({"event": event, **plain(content)}, allow_nan=False)
        with self._path.open(mode, encoding="utf-8") as file:
            file.write(f"{line}\n")


def load_records(path: str | os.PathLike[str]) -> tuple[dict[str, Any], list[Record]]:
    """Load the header and the records of a file of results.

    Raises:
        RecordError: The file does not exist, or is not a file of results.
    """
    try:
        lines = pathlib.Path(path).read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise RecordError(f"{path} cannot be read: {error}.") from error
    header: dict[str, Any] | None = None
    records = []
    for number, line in enumerate(lines, 1):
        try:
            content = json.loads(line)
            event = content.pop("event")
            if event == "header":
                header = content
            elif event == "row":
                records.append(Record.from_json(content))
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise RecordError(
                f"{path}, line {number}, is not a benchmark result ({error!r}). Pass the "
                "results.jsonl of a run; if the file was cut off, delete the last line."
            ) from error
    if header is None:
        raise RecordError(f"{path} has no header. Pass the results.jsonl of a run.")
    return header, records


def plain(value: Any) -> Any:
    """Convert a value to the types of JSON: tuples to lists, NaN and infinity to None."""
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
