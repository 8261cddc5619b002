"""Files with a record of an epoch on each line, e.g. `metrics.jsonl`."""

import os
from collections.abc import Callable, Iterator
from typing import Any, NoReturn

from dist_f1.counts.json_objects import MAX_BYTES, load_object, open_regular

Record = dict[str, Any]


def _raise(error: ValueError) -> NoReturn:
    raise error


def read_records(
    path: str | os.PathLike[str],
    on_damage: Callable[[ValueError], None] = _raise,
    most: int | None = None,
) -> list[Record]:
    """Return the records of epochs, `[]` without the file.

    Args:
        path: Path of the file.
        on_damage: Function that gets the error of each damaged line, which is then left out.
        most: Largest number of values of all records; by default any.

    Raises:
        OSError: The file cannot be read.
        ValueError: A line is damaged, by default; or there are more than `most` values.
    """
    records, values = [], 0
    for _, record in read_lines(path, on_damage):
        values += len(record)
        if most is not None and values > most:
            raise ValueError(f"{os.fspath(path)} has more than {most:,} values. Remove lines.")
        records.append(record)
    return records


def read_lines(
    path: str | os.PathLike[str], on_damage: Callable[[ValueError], None] = _raise
) -> Iterator[tuple[bytes, Record]]:
    """Yield each line, with a line break, and its record, which has an `epoch` and a `split`.

    An incomplete last line is left out: a job was killed while it wrote the line.

    Raises:
        OSError: The file cannot be read.
        ValueError: A line is damaged, by default.
    """
    if not os.path.lexists(path):
        return
    with open_regular(path) as file:
        number = 0
        # A line that exceeds the limit is read in parts, which are damaged too.
        while line := file.readline(MAX_BYTES + 1):
            number += 1
            if not line.strip():
                continue
            try:
                record = _parse(line, os.fspath(path), number)
            except ValueError as error:
                if line.endswith(b"\n") or len(line) > MAX_BYTES:
                    on_damage(error)
                continue
            yield line if line.endswith(b"\n") else line + b"\n", record


def _parse(line: bytes, path: str, number: int) -> Record:
    try:
        record = load_object(line)
        # `True` is an integer in Python.
        if type(record.get("epoch")) is not int or not isinstance(record.get("split"), str):
            raise ValueError("it has no number `epoch` or no text `split`")
    except ValueError as error:
        raise ValueError(
            f"{path} has an invalid line, number {number}: {error}. Remove the line."
        ) from error
    return record
