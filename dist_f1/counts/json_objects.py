"""JSON objects in files of any origin: an object within limits, or one `ValueError`."""

import json
import os
import re
import stat
from typing import Any

# A report of 100,000 classes is within these limits. Both together bound the memory: one emoji
# makes a text four times as large as its bytes, and an empty object takes a hundred bytes.
MAX_BYTES = 2**24
_MAX_VALUES = 600_000
_MAX_DEPTH = 20
_MAX_DIGITS = 19
_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


def read_object(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Return the JSON object in a file.

    Raises:
        OSError: The file cannot be read.
        ValueError: The file is no regular file, or holds no object; see `parse_object`.

    Example:
        >>> import pathlib, tempfile
        >>> path = pathlib.Path(tempfile.mkdtemp(), "config.json")
        >>> _ = path.write_text('{"epochs": 3}')
        >>> read_object(path)
        {'epochs': 3}
    """
    with open_regular(path) as file:
        # A file may grow while it is read.
        return parse_object(file.read(MAX_BYTES + 1), os.fspath(path))


def open_regular(path: str | os.PathLike[str]) -> Any:
    """Open a regular file for reading bytes.

    Raises:
        OSError: The file cannot be opened.
        ValueError: The path is e.g. a directory, a device or a pipe, which might never end.
    """
    # A pipe without a writer must not block.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise ValueError(f"{os.fspath(path)} is not a file. Restore the file, or remove the path.")
    return open(descriptor, "rb")


def parse_object(data: bytes, source: str, max_bytes: float = MAX_BYTES) -> dict[str, Any]:
    """Return the JSON object in UTF-8 bytes.

    Args:
        data: Bytes of the object.
        source: Name of the file in messages.
        max_bytes: Maximum number of bytes.

    Raises:
        ValueError: The bytes are no JSON object, too large or too deeply nested, or hold a number
            that does not fit into 64 bits or half of a surrogate pair.
    """
    try:
        return load_object(data, max_bytes)
    except ValueError as error:
        raise ValueError(
            f"{source} does not hold a JSON object: {error}. Restore the file, or remove it."
        ) from error


def load_object(data: bytes, max_bytes: float = MAX_BYTES) -> dict[str, Any]:
    """Return what `parse_object` does; the message of its `ValueError` is a clause."""
    _check_size(data, max_bytes)
    try:
        value = json.loads(data.decode(), parse_int=_parse_integer)
    except RecursionError as error:
        raise ValueError("it is too deeply nested") from error
    if not isinstance(value, dict):
        raise ValueError(f"it holds {value!r:.40}")
    _check_depth(value)
    if _SURROGATE.search(data):
        # No terminal and no page can show half of a pair.
        json.dumps(value, ensure_ascii=False).encode()
    return value


def _check_size(data: bytes, max_bytes: float) -> None:
    """Raise `ValueError` if the objects of Python could take much more memory than the text."""
    if len(data) > max_bytes:
        raise ValueError(f"it has more than {max_bytes:,} bytes")
    values = sum(map(data.count, (b",", b"[", b"{")))
    if values > _MAX_VALUES:
        raise ValueError(f"it has {values:,} values, more than {_MAX_VALUES:,}")


def _parse_integer(text: str) -> int:
    # Python takes quadratic time for long integers, and cannot compare them with floats.
    if len(text.lstrip("-")) > _MAX_DIGITS:
        raise ValueError(f"it has an integer of {len(text)} characters")
    return int(text)


def _check_depth(value: Any) -> None:
    """Raise `ValueError` for deep nesting, at which printing or comparing would fail later."""
    containers = [value]
    for _ in range(_MAX_DEPTH):
        children = (
            child
            for container in containers
            for child in (container.values() if isinstance(container, dict) else container)
        )
        containers = [child for child in children if isinstance(child, dict | list)]
        if not containers:
            return
    raise ValueError("it is too deeply nested")
