"""Read `.npz` archives that may be damaged or hostile."""

from __future__ import annotations

import io
import math
import os
import zipfile
from collections import Counter
from collections.abc import Collection
from typing import IO, Any

import numpy as np

# Arrays may take this much more memory than the file has bytes, unless the caller expects more.
SPARE_BYTES = 2**27
# NumPy trusts no longer headers either: they are parsed as Python literals.
_MAX_HEADER = 10_000
# The directory becomes Python objects of about twenty times its size.
_MAX_READ = 2**20
# Deflate replaces at most 258 bytes by two bits.
_MAX_DEFLATE_RATIO = 1032
# Members are inflated by so many bytes at a time, which stay in the cache.
_CHUNK = 2**18
_SUFFIX = ".npy"
# The record at the end of an archive: its signature, and its maximum size with a comment.
_END, _MAX_END = b"PK\5\6", 22 + 2**16
# Archives of 4 GB have another record, to which this number of entries refers.
_IN_ZIP64 = 0xFFFF
_LENGTH_BYTES = {(1, 0): 2, (2, 0): 4}


class ArchiveError(ValueError):
    """A file is not an intact `.npz` archive of plain arrays.

    Args:
        source: Name of the file.
        reason: A clause that states the fault.
    """

    def __init__(self, source: str, reason: str) -> None:
        super().__init__(
            f"{source} is not an intact .npz file: {reason}. Copy the file again, or write it with "
            "numpy.savez, without Python objects."
        )
        self.reason = reason


def read_arrays(
    file: bytes | str | os.PathLike[str],
    source: str,
    *,
    names: Collection[str] | None = None,
    max_bytes: float | None = None,
    strings: bool = False,
) -> dict[str, np.ndarray]:
    """Read arrays of numbers and booleans from an `.npz` archive.

    The sizes in the directory of the archive are checked before anything is inflated. Checksums are
    compared, and no object is unpickled.

    Args:
        file: Content of the archive, or its path. From a path, arrays are read one by one.
        source: Name of the file in messages.
        names: Names of the arrays to read if they are present; `None` reads all. Other arrays may
            have any type.
        max_bytes: Maximum number of bytes of all arrays; `None` is the size of the file plus
            `SPARE_BYTES`. Pass `math.inf` if an honest file may compress better than that, e.g.
            for data of the user. The memory is then limited by what deflate can pack into the file.
        strings: Whether arrays may hold strings of a fixed length.

    Returns:
        The arrays by name, in the order of the archive.

    Raises:
        ArchiveError: The file is no archive, it is cut or damaged, or its arrays are larger than
            `max_bytes`, have other types, or have the same name.
        OSError: The path cannot be opened.

    Example:
        >>> content = io.BytesIO()
        >>> np.savez(content, x=np.arange(3))
        >>> read_arrays(content.getvalue(), "numbers.npz")["x"].tolist()
        [0, 1, 2]
    """
    with io.BytesIO(file) if isinstance(file, bytes) else open(file, "rb") as opened:
        # A pipe cannot seek.
        seekable: IO[bytes] = opened if opened.seekable() else io.BytesIO(opened.read())
        size = seekable.seek(0, os.SEEK_END)
        limit = size + SPARE_BYTES if max_bytes is None else max_bytes
        try:
            with zipfile.ZipFile(_BoundedReads(seekable)) as archive:
                entries = archive.infolist()
                _check_number(seekable, len(entries))
                members = _members(entries, size, names, limit)
                return {
                    name: _read_array(archive, member, strings) for name, member in members.items()
                }
        except _Refused as refused:
            raise ArchiveError(source, str(refused)) from refused.__cause__
        except Exception as error:
            # Damaged bytes raise a dozen types of errors in zipfile, zlib, ast and NumPy.
            reason = " ".join(str(error).split()) or type(error).__name__
            raise ArchiveError(source, reason.rstrip(".")) from error


class _Refused(Exception):
    """A clause that explains why an archive is not read."""


class _BoundedReads:
    """A file for `zipfile`, which reads the directory of an archive at once."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.seek, self.tell, self.seekable = file.seek, file.tell, file.seekable

    def read(self, size: int = -1) -> bytes:
        """Read `size` bytes, or fewer at the end of the file."""
        content = self._file.read(size if 0 <= size <= _MAX_READ else _MAX_READ + 1)
        if len(content) > _MAX_READ:
            raise _Refused(f"its directory has more than {_MAX_READ} bytes")
        return content


def _check_number(file: IO[bytes], entries: int) -> None:
    """Raise unless the directory has as many entries as its end states.

    `zipfile` does not compare them. One wrong length can turn an entry into a comment of another.
    """
    file.seek(max(0, file.seek(0, os.SEEK_END) - _MAX_END))
    tail = file.read()
    stated = int.from_bytes(tail[tail.rfind(_END) + 10 :][:2], "little")
    if stated not in (entries, _IN_ZIP64):
        raise _Refused(f"its directory has {entries} of {stated} entries")


def _members(
    entries: list[zipfile.ZipInfo], size: int, names: Collection[str] | None, limit: float
) -> dict[str, zipfile.ZipInfo]:
    """Return the entries to read by the name of the array, if their sizes can be true."""
    doubled = [name for name, number in Counter(x.filename for x in entries).items() if number > 1]
    if doubled:
        raise _Refused(f"it has several members {doubled[0]!r}")
    if sum(entry.compress_size for entry in entries) > size:
        raise _Refused("its members are larger than the file")
    members = {}
    for entry in entries:
        name = entry.filename.removesuffix(_SUFFIX)
        if names is not None and name not in names:
            continue
        if name == entry.filename or not name or "/" in name or "\\" in name:
            raise _Refused(f"its member {entry.filename!r} is not named like an array")
        _check_entry(entry)
        members[name] = entry
    needed = sum(entry.file_size for entry in members.values())
    if needed > limit:
        raise _Refused(f"its arrays have {needed} bytes, more than the {limit} that are expected")
    return members


def _check_entry(entry: zipfile.ZipInfo) -> None:
    """Raise unless the entry can hold as many bytes as its directory states."""
    name, stored, inflated = entry.filename, entry.compress_size, entry.file_size
    if entry.flag_bits & 1:
        raise _Refused(f"{name} is encrypted")
    if entry.compress_type == zipfile.ZIP_STORED:
        can_be_true = inflated == stored
    elif entry.compress_type == zipfile.ZIP_DEFLATED:
        can_be_true = inflated <= _MAX_DEFLATE_RATIO * stored
    else:
        raise _Refused(f"{name} has the compression method {entry.compress_type}, not 0 or 8")
    if not can_be_true:
        raise _Refused(f"{name} cannot hold {inflated} bytes in {stored}")


def _read_array(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, strings: bool) -> np.ndarray:
    name, declared = entry.filename, entry.file_size
    # `zipfile` stops at the declared size, even if there is more to inflate. One byte more shows
    # whether it ends there, and `zipfile` compares the checksum at the end.
    entry.file_size += 1
    with archive.open(entry) as member:
        header_size, (shape, fortran_order, dtype) = _read_header(member, name)
        if dtype.kind not in ("biufcUS" if strings else "biufc") or not dtype.itemsize:
            raise _Refused(f"{name} holds {dtype}, not numbers" + " or strings" * strings)
        if min(shape, default=0) < 0 or declared != header_size + math.prod(shape) * dtype.itemsize:
            raise _Refused(f"{name} has {declared} bytes, but its header states {dtype} {shape}")
        order: Any = "F" if fortran_order else "C"
        try:
            array = np.empty(shape, dtype, order)
        except MemoryError as error:
            raise _Refused(f"there is no memory for the {declared} bytes of {name}") from error
        # The transpose of an array in Fortran order is contiguous, and has the same bytes.
        flat = (array.T if fortran_order else array).reshape(-1)
        _fill(member, flat.view(np.uint8), name)
        return array


def _read_header(member: IO[bytes], name: str) -> tuple[int, tuple[tuple[int, ...], bool, Any]]:
    """Return the number of bytes of the header of a `.npy` member, and what the header states."""
    magic = member.read(np.lib.format.MAGIC_LEN)
    version = np.lib.format.read_magic(io.BytesIO(magic))
    if version not in _LENGTH_BYTES:
        raise _Refused(f"{name} has the .npy version {version}, which plain arrays do not need")
    length = member.read(_LENGTH_BYTES[version])
    size = int.from_bytes(length, "little")
    if size > _MAX_HEADER:
        raise _Refused(f"{name} has a header of {size} bytes")
    header = io.BytesIO(length + member.read(size))
    is_first = version == (1, 0)
    parse = np.lib.format.read_array_header_1_0 if is_first else np.lib.format.read_array_header_2_0
    return len(magic) + len(length) + size, parse(header)


def _fill(member: IO[bytes], content: np.ndarray, name: str) -> None:
    """Read the rest of a member into `content`, uint8, which must have the same size."""
    position = 0
    while chunk := member.read(min(_CHUNK, len(content) - position + 1)):
        if position + len(chunk) > len(content):
            raise _Refused(f"{name} inflates to more bytes than the directory states")
        content[position : position + len(chunk)] = np.frombuffer(chunk, np.uint8)
        position += len(chunk)
    if position < len(content):
        raise _Refused(f"{name} ends after {position} of {len(content)} bytes")
