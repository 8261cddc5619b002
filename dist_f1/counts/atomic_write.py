"""Atomic file writes: a file is replaced completely or not at all."""

import os


def atomic_write(path: str | os.PathLike[str], data: bytes | str) -> None:
    """Replace a file completely or not at all, by renaming a temporary file. Text is UTF-8."""
    tmp = f"{os.fspath(path)}.{os.getpid()}.tmp"
    try:
        with open(tmp, "wb") as file:
            file.write(data.encode() if isinstance(data, str) else data)
            file.flush()
            # Flush before the rename, or a power failure could leave an empty file.
            os.fsync(file.fileno())
        os.replace(tmp, path)
    finally:
        if os.path.exists(tmp):
            os.remove(tmp)
