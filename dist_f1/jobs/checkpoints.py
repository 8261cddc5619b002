"""Checkpoints that are there whole or not at all.

A checkpoint is a directory. It is written beside its place, with a list of its files and their
checksums, and renamed when all of it is on disk. One that is torn nevertheless does not fit its
list, and the one before it is used.
"""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import zlib
from collections.abc import Callable

import tensorflow as tf

_LIST = "files.json"
_CHUNK = 1 << 20


class CheckpointError(RuntimeError):
    """A checkpoint cannot be written, or none can be read."""


class Checkpoints:
    """The last checkpoints of a run, by their numbers.

    Args:
        directory: of all of them.
        keep: how many.

    Example:
        >>> import tempfile
        >>> checkpoints = Checkpoints(tempfile.mkdtemp())
        >>> path = checkpoints.save(7, lambda place: (place / "state").write_text("counts"))
        >>> checkpoints.newest(print).name
        '00000007'
    """

    def __init__(self, directory: str | os.PathLike[str], keep: int = 3) -> None:
        self._directory = pathlib.Path(directory)
        self._keep = keep

    def save(self, number: int, write: Callable[[pathlib.Path], object]) -> pathlib.Path:
        """Has `write` fill a directory, and puts it in its place.

        Raises:
            CheckpointError: it cannot be written; those before it are untouched.
        """
        place = self.path(number)
        writing = self._directory / f".{place.name}.writing"
        try:
            shutil.rmtree(writing, ignore_errors=True)
            writing.mkdir(parents=True)
            write(writing)
            _write_list(writing)
            # One that is being replaced stays until the other is in its place.
            aside = self._directory / f".{place.name}.old"
            shutil.rmtree(aside, ignore_errors=True)
            if place.exists():
                os.replace(place, aside)
            os.replace(writing, place)
            _flush(self._directory)
            shutil.rmtree(aside, ignore_errors=True)
        except (OSError, tf.errors.OpError) as error:
            shutil.rmtree(writing, ignore_errors=True)
            kept = self._numbers()
            rest = (
                f"Those before it are whole, the last is {kept[-1].name}"
                if kept
                else "It is the first"
            )
            raise CheckpointError(
                f"the checkpoint {place} could not be written: {error}. {rest}. Make room or mend "
                "the directory, and start again with the same --run_dir."
            ) from error
        for old in self._numbers()[: -self._keep]:
            shutil.rmtree(old, ignore_errors=True)
        return place

    def newest(self, say: Callable[[str], None]) -> pathlib.Path | None:
        """The last checkpoint that is whole; `say` is told of those that are not.

        Raises:
            CheckpointError: there are some, but none is whole.
        """
        self._tidy()
        paths = self._numbers()
        for index, path in reversed(list(enumerate(paths))):
            problem = _problem(path)
            if problem is None:
                # They would be taken for newer than those that are written from here on.
                for torn in paths[index + 1 :]:
                    shutil.rmtree(torn, ignore_errors=True)
                return path
            say(f"the checkpoint {path} is not whole ({problem}); trying the one before it.")
        if paths:
            raise CheckpointError(
                f"no checkpoint in {self._directory} is whole. Restore one from a backup, or "
                "remove the run directory to begin anew."
            )
        return None

    def path(self, number: int) -> pathlib.Path:
        """Where the checkpoint with this number is."""
        return self._directory / f"{number:08d}"

    def _tidy(self) -> None:
        """Undoes what was under way when a run was killed."""
        for aside in self._directory.glob(".*.old"):
            place = self._directory / aside.name[1 : -len(".old")]
            if not place.exists():
                os.replace(aside, place)
            shutil.rmtree(aside, ignore_errors=True)
        for writing in self._directory.glob(".*.writing"):
            shutil.rmtree(writing, ignore_errors=True)

    def _numbers(self) -> list[pathlib.Path]:
        if not self._directory.is_dir():
            return []
        paths = [path for path in self._directory.iterdir() if path.name.isdigit()]
        return sorted(paths, key=lambda path: int(path.name))


def _write_list(directory: pathlib.Path) -> None:
    files = {
        path.relative_to(directory).as_posix(): {"bytes": path.stat().st_size, "crc32": _crc(path)}
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }
    for name in files:
        _flush(directory / name)
    text = json.dumps(files, indent=2)
    listed = directory / _LIST
    listed.write_text(text, encoding="utf-8")
    _flush(listed)
    _flush(directory)


def _problem(directory: pathlib.Path) -> str | None:
    try:
        files = json.loads((directory / _LIST).read_text(encoding="utf-8"))
        for name, told in files.items():
            path = directory / name
            if path.stat().st_size != told["bytes"]:
                return f"{name} has {path.stat().st_size} bytes in place of {told['bytes']}"
            if _crc(path) != told["crc32"]:
                return f"{name} has another checksum"
    except FileNotFoundError as error:
        return f"{os.path.basename(error.filename)} is missing"
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        return f"{_LIST} cannot be read: {error}"
    return None


def _crc(path: pathlib.Path) -> int:
    crc = 0
    with open(path, "rb") as file:
        while chunk := file.read(_CHUNK):
            crc = zlib.crc32(chunk, crc)
    return crc


def _flush(path: pathlib.Path) -> None:
    """Has the system write what it holds back, so that a power cut does not tear it."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
