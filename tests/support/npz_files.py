"""Archives whose members have any bytes, names and sizes: for readers of `.npz` files."""

import io
import struct
import warnings
import zipfile
import zlib

import numpy as np


def npy(array):
    """Return the bytes of a `.npy` file."""
    file = io.BytesIO()
    np.lib.format.write_array(file, np.asanyarray(array))
    return file.getvalue()


def header(text, content=b"", version=(1, 0)):
    """Return the bytes of a `.npy` file with this text as its header."""
    text = text.encode() if isinstance(text, str) else text
    length = struct.pack("<H" if version == (1, 0) else "<I", len(text))
    return b"\x93NUMPY" + bytes(version) + length + text + content


def plain_header(shape, descr="<i8", content=b"", order=False):
    """Return the bytes of a `.npy` file whose header states a shape."""
    literal = {"descr": descr, "fortran_order": order, "shape": shape}
    return header(f"{literal!r}\n", content)


def archive(members, compression=zipfile.ZIP_STORED):
    """Return the bytes of an archive of `(name, bytes)`; names may be doubled."""
    file = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(file, "w", compression) as out:
        warnings.filterwarnings("ignore", "Duplicate name")
        for name, content in members:
            out.writestr(zipfile.ZipInfo(name), content, compression)
    return file.getvalue()


def raw_archive(
    name,
    stored,
    inflated_size,
    *,
    method=8,
    crc=None,
    flags=0,
    stored_size=None,
    directory_name=None,
):
    """Return an archive of one member with any bytes, sizes and checksum, true or not."""
    crc = zlib.crc32(stored) if crc is None else crc
    size = len(stored) if stored_size is None else stored_size
    sizes = struct.pack("<III", crc, size, inflated_size)
    local = struct.pack("<IHHHHH", 0x04034B50, 20, flags, method, 0, 33)
    start = local + sizes + struct.pack("<HH", len(name), 0) + name.encode()
    listed = directory_name or name
    entry = struct.pack("<IHHHHHH", 0x02014B50, 20, 20, flags, method, 0, 33) + sizes
    entry += struct.pack("<HHHHHII", len(listed), 0, 0, 0, 0, 0, 0) + listed.encode()
    end = struct.pack("<IHHHHIIH", 0x06054B50, 0, 0, 1, 1, len(entry), len(start) + len(stored), 0)
    return start + stored + entry + end


def deflate(content, zeros=0):
    """Return the bytes that the member of an archive has for `content` and then zeros."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    chunks = [packer.compress(content)]
    chunks += [packer.compress(bytes(min(_CHUNK, zeros - i))) for i in range(0, zeros, _CHUNK)]
    return b"".join([*chunks, packer.flush()])


def inflating_archive(name, content, zeros, inflated_size):
    """Return an archive of one member, which inflates to `content` and then zeros."""
    crc = zlib.crc32(content)
    for i in range(0, inflated_size - len(content), _CHUNK):
        crc = zlib.crc32(bytes(min(_CHUNK, inflated_size - len(content) - i)), crc)
    return raw_archive(name, deflate(content, zeros), inflated_size, crc=crc)


_CHUNK = 2**20
