"""The lengths of the records of a TFRecord file, checked before TensorFlow reads the file.

TensorFlow allocates the length that a record states. The process crashes if there is not so much
memory, even if the file is shorter.
"""

import mmap
import os
import struct

from dist_f1.jobs.data.source import DataError

# A record has a length of 8 bytes, the checksum of the length, its bytes, and their checksum.
_LENGTH = struct.Struct("<Q")
_HEADER, _FOOTER = 12, 4


def check(path: str) -> None:
    """Raise `DataError` unless the records of a file end where the file ends.

    Checksums are left to TensorFlow, so only one page of each record is read.
    """
    if not os.path.isfile(path):
        raise DataError(f"{path} is not a file. Remove it, or pass a pattern of TFRecord files.")
    try:
        size = os.path.getsize(path)
        if not size:
            # An empty file cannot be mapped, and has no records.
            return
        with (
            open(path, "rb") as file,
            mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content,
        ):
            position = 0
            while position + _HEADER + _FOOTER <= size:
                (length,) = _LENGTH.unpack_from(content, position)
                position += _HEADER + length + _FOOTER
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error}.") from error
    if position != size:
        raise DataError(
            f"{path}: the record that ends at byte {position} is truncated: the file has {size} "
            "bytes. The file is corrupt, compressed or not a TFRecord file. Write it again, or "
            "remove it."
        )
