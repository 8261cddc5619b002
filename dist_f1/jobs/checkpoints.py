"""Atomic checkpoints: each is written completely or not at all.

A checkpoint is a directory. It is written under a temporary name, with the sizes and checksums of
its files, flushed to disk, and renamed. If a checkpoint fails its checksums, the previous one is
used.
"""

import contextlib
import errno
import json
import os
import pathlib
import re
import shutil
import zlib
from collections.abc import Callable, Iterator

from dist_f1.callbacks.file_errors import os_errors
from dist_f1.counts.atomic_write import explained
from dist_f1.counts.json_objects import open_regular, read_object
from dist_f1.launching.errors import UserError

_FILE_LIST = "files.json"
_CHUNK = 1 << 20
# `str.isdigit` is also true for other scripts, and the number must fit into an int64.
_NAME = re.compile("[0-9]{8,18}")


class CheckpointError(UserError):
    """A checkpoint cannot be written, or no intact one exists."""


class CheckpointManager:
    """The last checkpoints of a run, by number of steps.

    Args:
        directory: Directory of all checkpoints.
        keep: Number of checkpoints to keep.

    Example:
        >>> import tempfile
        >>> manager = CheckpointManager(tempfile.mkdtemp())
        >>> path = manager.save(7, lambda path: (path / "state").write_text("counts"))
        >>> next(manager.intact(print)).name
        '00000007'
    """

    def __init__(self, directory: str | os.PathLike[str], keep: int = 3) -> None:
        self._directory = pathlib.Path(directory)
        self._keep = keep

    def save(self, number: int, write: Callable[[pathlib.Path], object]) -> pathlib.Path:
        """Write a checkpoint with `write(directory)`, and remove the oldest.

        Raises:
            CheckpointError: The checkpoint cannot be written. Earlier ones are unchanged.
        """
        path = self.path(number)
        tmp = self._directory / f".{path.name}.tmp"
        backup = self._directory / f".{path.name}.backup"
        try:
            with explained(path), os_errors():
                self._write(tmp, write)
                # A checkpoint that is replaced stays until the new one has its name.
                shutil.rmtree(backup, ignore_errors=True)
                if path.exists():
                    os.replace(path, backup)
                os.replace(tmp, path)
                _flush(self._directory)
                shutil.rmtree(backup, ignore_errors=True)
        except OSError as error:
            with contextlib.suppress(OSError):
                self._clean_up()
            kept = self._sorted_paths()
            rest = f" Earlier checkpoints are intact, up to {kept[-1].name}." if kept else ""
            raise CheckpointError(
                f"The checkpoint {error.strerror} Then run the same command again.{rest}"
            ) from error
        for old in self._sorted_paths()[: -self._keep]:
            _remove(old)
        return path

    def intact(self, log: Callable[[str], None]) -> Iterator[pathlib.Path]:
        """Yield the checkpoints whose files are intact, the last one first; log damaged ones."""
        self._clean_up()
        for path in reversed(self._sorted_paths()):
            problem = _find_damage(path)
            if problem is None:
                yield path
            else:
                log(f"The checkpoint {path} is damaged ({problem}); trying the previous one.")

    def remove_after(self, path: pathlib.Path) -> None:
        """Remove the checkpoints after the one that is used, or they would rank as newest."""
        paths = self._sorted_paths()
        for damaged in paths[paths.index(path) + 1 :]:
            _remove(damaged)

    def is_empty(self) -> bool:
        """Whether there are no checkpoints, also no damaged ones."""
        return not self._sorted_paths()

    def all_damaged(self) -> CheckpointError:
        """Return the error if there are checkpoints, but none can be used."""
        return CheckpointError(
            f"All checkpoints in {self._directory} are damaged. Restore one from a backup, or "
            "remove the run directory to start from the beginning."
        )

    def path(self, number: int) -> pathlib.Path:
        """Return the path of the checkpoint with this number."""
        return self._directory / f"{number:08d}"

    def _write(self, tmp: pathlib.Path, write: Callable[[pathlib.Path], object]) -> None:
        shutil.rmtree(tmp, ignore_errors=True)
        # A missing run directory has been removed: do not make another one.
        self._directory.mkdir(exist_ok=True)
        tmp.mkdir()
        made = tmp.stat()
        write(tmp)
        # TensorFlow would make the directories again.
        if not os.path.samestat(tmp.stat(), made):
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        _write_file_list(tmp)

    def _clean_up(self) -> None:
        """Undo what a write that was killed or has failed left unfinished."""
        for backup in self._directory.glob(".*.backup"):
            path = self._directory / backup.name[1 : -len(".backup")]
            if not path.exists():
                os.replace(backup, path)
            shutil.rmtree(backup, ignore_errors=True)
        for tmp in self._directory.glob(".*.tmp"):
            shutil.rmtree(tmp, ignore_errors=True)

    def _sorted_paths(self) -> list[pathlib.Path]:
        if not self._directory.is_dir():
            return []
        paths = [path for path in self._directory.iterdir() if _NAME.fullmatch(path.name)]
        # Leading zeros could give two checkpoints the same number.
        paths = [path for path in paths if path == self.path(int(path.name))]
        return sorted(paths, key=lambda path: int(path.name))


def _write_file_list(directory: pathlib.Path) -> None:
    files = {
        path.relative_to(directory).as_posix(): {"bytes": path.stat().st_size, "crc32": _crc(path)}
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }
    (directory / _FILE_LIST).write_text(json.dumps(files, indent=2), encoding="utf-8")
    for name in (*files, _FILE_LIST, "."):
        _flush(directory / name)


def _find_damage(directory: pathlib.Path) -> str | None:
    """Return what is wrong with a checkpoint, or `None`."""
    if directory.is_symlink() or not directory.is_dir():
        return "it is not a directory"
    try:
        files = read_object(directory / _FILE_LIST)
        for name, expected in files.items():
            path = _path_within(directory, name)
            if path.stat().st_size != _number(expected, "bytes"):
                return f"{name} has {path.stat().st_size} bytes instead of {expected['bytes']}"
            if _crc(path) != _number(expected, "crc32"):
                return f"{name} has a wrong checksum"
    except FileNotFoundError as error:
        return f"{os.path.basename(error.filename)} is missing"
    except (OSError, ValueError) as error:
        return f"{_FILE_LIST} cannot be read: {error}"
    return None


def _path_within(directory: pathlib.Path, name: str) -> pathlib.Path:
    """Return the path of a file of a checkpoint; raise `ValueError` if it could be elsewhere."""
    path = directory / name
    if ".." in path.parts or not path.resolve().is_relative_to(directory.resolve()):
        raise ValueError(f"{name!r} is outside of the checkpoint")
    return path


def _number(expected: object, key: str) -> int:
    value = expected.get(key) if isinstance(expected, dict) else None
    if type(value) is not int:
        raise ValueError(f"{key} is {value!r}, expected an integer")
    return value


def _crc(path: pathlib.Path) -> int:
    crc = 0
    with open_regular(path) as file:
        while chunk := file.read(_CHUNK):
            crc = zlib.crc32(chunk, crc)
    return crc


def _remove(path: pathlib.Path) -> None:
    """Remove what has the name of a checkpoint; a link itself, not the directory behind it."""
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
    else:
        shutil.rmtree(path, ignore_errors=True)


def _flush(path: pathlib.Path) -> None:
    """Flush a file or directory to disk, so that it survives a power failure."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
