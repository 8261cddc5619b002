"""Atomic file writes: a file is replaced completely or not at all.

An error names the file, its cause and a remedy. A write that fails leaves no temporary file.
"""

import contextlib
import errno
import os
from collections.abc import Iterator

_FAILED = " cannot be written: "
_PERMISSION = "Change the permissions, or write to another directory."
_REMEDIES = {
    errno.ENOSPC: "Free disk space; if df shows free space, free inodes by removing files.",
    errno.EDQUOT: "Free disk space, or raise the quota.",
    errno.EFBIG: "Raise the limit of the size of files (ulimit -f).",
    errno.EROFS: "Mount the file system for writing, or write to another directory.",
    errno.EACCES: _PERMISSION,
    errno.EPERM: _PERMISSION,
    errno.ENOENT: "Make its directory first.",
    errno.ENOTDIR: "Write to another directory.",
    errno.EISDIR: "Write to another path.",
}


def atomic_write(path: str | os.PathLike[str], data: bytes | str) -> None:
    """Replace a file completely or not at all, by renaming a temporary file. Text is UTF-8.

    Raises:
        OSError: The file cannot be written. The message names the file and a remedy.
    """
    tmp = f"{os.fspath(path)}.{os.getpid()}.tmp"
    with explained(path):
        try:
            with open(tmp, "wb") as file:
                file.write(data.encode() if isinstance(data, str) else data)
                file.flush()
                # Flush before the rename, or a power failure could leave an empty file.
                os.fsync(file.fileno())
            os.replace(tmp, path)
        except BaseException:
            with contextlib.suppress(OSError):
                os.remove(tmp)
            raise


def append_line(path: str | os.PathLike[str], line: str) -> None:
    """Append a line to a file and flush it to disk, or leave the file as it was.

    Raises:
        OSError: The line cannot be written. The message names the file and a remedy.
    """
    with explained(path):
        size = os.path.getsize(path) if os.path.exists(path) else None
        try:
            with open(path, "ab") as file:
                file.write(f"{line}\n".encode())
                file.flush()
                os.fsync(file.fileno())
        except BaseException:
            # Closing the file may have written a part of the line.
            with contextlib.suppress(OSError):
                if size is None:
                    os.remove(path)
                else:
                    os.truncate(path, size)
            raise


@contextlib.contextmanager
def explained(path: str | os.PathLike[str]) -> Iterator[None]:
    """Make the message of an `OSError` in the block name the path, the cause and a remedy.

    Raises:
        OSError: The block has raised an `OSError`. Its class and `errno` are unchanged.
    """
    try:
        yield
    except OSError as error:
        if _FAILED in (error.strerror or ""):
            raise
        number = error.errno or errno.EIO
        cause = error.strerror or str(error) or type(error).__name__
        remedy = _REMEDIES.get(number, "Check this path and its disk.")
        raise OSError(number, f"{os.fspath(path)}{_FAILED}{cause}. {remedy}") from error
