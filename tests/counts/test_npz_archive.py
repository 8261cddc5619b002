"""Arrays of an intact archive are read; everything else is one error with the name of the file."""

import io
import math
import os
import tracemalloc
import zipfile

import numpy as np
import pytest
from npz_files import archive, deflate, header, inflating_archive, npy, plain_header, raw_archive

from dist_f1.counts.npz_archive import SPARE_BYTES, ArchiveError, read_arrays

ARRAYS = {
    "integers": np.arange(6).reshape(2, 3),
    "columns": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "flag": np.array(True),
    "nothing": np.zeros((0, 3)),
    "half": np.float16([0.5, np.nan]),
    "complex": np.array([1j]),
    "big_endian": np.arange(3, dtype=">i4"),
    "text": np.array(["a", "bcd"]),
    "raw": np.array([b"x"]),
}
ZEROS = np.zeros(SPARE_BYTES // 8 + 100_000)
COUNTS = npy([1, 2])


def saved(save, arrays):
    file = io.BytesIO()
    save(file, **arrays)
    return file.getvalue()


def same_arrays(found, expected):
    assert list(found) == list(expected)
    for name, array in expected.items():
        assert (found[name].dtype, found[name].shape) == (array.dtype, array.shape)
        np.testing.assert_array_equal(found[name], array)
        assert found[name].flags.writeable


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("kind", ["bytes", "path", "pipe"])
def test_arrays_of_every_plain_dtype_are_read(save, kind, tmp_path):
    file = saved(save, ARRAYS)
    if kind == "path":
        (tmp_path / "file.npz").write_bytes(file)
        file = tmp_path / "file.npz"
    elif kind == "pipe":
        read_end, write_end = os.pipe()
        os.write(write_end, file)
        os.close(write_end)
        file = f"/dev/fd/{read_end}"
    same_arrays(read_arrays(file, "file", strings=True), ARRAYS)


def test_arrays_that_are_not_asked_for_may_be_anything():
    others = {"objects": np.array([{}]), "times": np.zeros(2, "M8[s]"), "a/b": np.ones(1)}
    file = saved(np.savez, {**others, "x": np.ones(3)})
    same_arrays(read_arrays(file, "file", names=["x", "y"]), {"x": np.ones(3)})
    for name in others:
        with pytest.raises(ArchiveError):
            read_arrays(file, "file", names=[name])


def test_strings_are_read_on_request_only():
    file = saved(np.savez, {"text": ARRAYS["text"]})
    with pytest.raises(ArchiveError, match=r"text\.npy holds <U3, not numbers\."):
        read_arrays(file, "file")


def test_arrays_that_compress_well_are_read_if_they_are_expected():
    file = saved(np.savez_compressed, {"zeros": ZEROS})
    with pytest.raises(ArchiveError, match="more than the"):
        read_arrays(file, "file")
    same_arrays(read_arrays(file, "file", max_bytes=math.inf), {"zeros": ZEROS})
    # Arrays that are not compressed have the size of the file.
    same_arrays(read_arrays(saved(np.savez, {"z": ZEROS}), "file"), {"z": ZEROS})


def test_a_missing_file_is_an_error_of_the_system(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_arrays(tmp_path / "missing.npz", "file")


def zip64_directory():
    """An archive with more entries than any file of arrays."""
    return archive([(f"{i:06d}.npy", b"") for i in range(30_000)])


BIG = plain_header((50_000_000,))
LONG = "{'descr': '<i8', 'fortran_order': False, 'shape': (2,), }"
HOSTILE = {
    "empty": b"",
    "no archive": b"PK\x03\x04" + b"x" * 100,
    "a single array": COUNTS,
    "no array": archive([("x.npy", b"")]),
    "magic only": archive([("x.npy", b"\x93NUMPY\x01\x00")]),
    "unknown version": archive([("x.npy", header("{}", version=(9, 9)))]),
    "utf-8 header": archive([("x.npy", header(LONG, b"\0" * 16, version=(3, 0)))]),
    "long header": archive([("x.npy", header(LONG + " " * 20_000, b"\0" * 16))]),
    "header of 4 GB": archive([("x.npy", b"\x93NUMPY\x02\x00\xff\xff\xff\xff" + COUNTS)]),
    "cut header": archive([("x.npy", header(LONG)[:20])]),
    "nested header": archive([("x.npy", header("(" * 9_000))]),
    "nested brackets": archive([("x.npy", header("[" * 90 + "]" * 90))]),
    "minus signs": archive([("x.npy", header("-" * 9_000 + "1"))]),
    "long number": archive([("x.npy", plain_header("9" * 9_000))]),
    "string as shape": archive([("x.npy", plain_header("2", content=b"\0" * 16))]),
    "bytes in header": archive([("x.npy", header(bytes(range(256))))]),
    "other keys": archive([("x.npy", header("{'descr': '<i8', 'shape': (2,)}"))]),
    "unknown dtype": archive([("x.npy", plain_header((2,), "<z9", b"\0" * 16))]),
    "objects": archive([("x.npy", npy(np.array([{}])))]),
    "objects in a header": archive([("x.npy", plain_header((2,), "|O", b"\0" * 16))]),
    "structure": archive([("x.npy", npy(np.zeros(2, [("a", "i4")])))]),
    "subarray": archive([("x.npy", plain_header((2,), ("<i8", (10**9,)), b"\0" * 16))]),
    "empty strings": archive([("x.npy", plain_header((10**12,), "<U0"))]),
    "10^12 numbers": archive([("x.npy", plain_header((10**12,)))]),
    "10^40 numbers": archive([("x.npy", plain_header((10**20, 10**20)))]),
    "negative": archive([("x.npy", plain_header((-2,), content=b"\0" * 16))]),
    "negative twice": archive([("x.npy", plain_header((-2, -1), content=b"\0" * 16))]),
    "100 axes": archive([("x.npy", plain_header((1,) * 100, content=b"\0" * 8))]),
    "too few numbers": archive([("x.npy", plain_header((3,), content=b"\0" * 16))]),
    "too many numbers": archive([("x.npy", plain_header((1,), content=b"\0" * 16))]),
    "doubled": archive([("x.npy", COUNTS), ("x.npy", COUNTS)]),
    "no suffix": archive([("x", COUNTS)]),
    "no name": archive([(".npy", COUNTS)]),
    "folder": archive([("../x.npy", COUNTS)]),
    "bzip2": archive([("x.npy", COUNTS)], zipfile.ZIP_BZIP2),
    "lzma": archive([("x.npy", COUNTS)], zipfile.ZIP_LZMA),
    "unknown method": raw_archive("x.npy", COUNTS, len(COUNTS), method=97),
    "encrypted": raw_archive("x.npy", COUNTS, len(COUNTS), method=0, flags=1),
    "patched": raw_archive("x.npy", COUNTS, len(COUNTS), method=0, flags=32),
    "other name": raw_archive("y.npy", COUNTS, len(COUNTS), method=0, directory_name="x.npy"),
    "wrong checksum": raw_archive("x.npy", COUNTS, len(COUNTS), method=0, crc=1),
    "no deflate stream": raw_archive("x.npy", COUNTS, len(COUNTS)),
    "cut deflate stream": raw_archive("x.npy", deflate(COUNTS)[:-9], len(COUNTS)),
    "larger than the file": raw_archive("x.npy", COUNTS, 10**9, method=0, stored_size=10**9),
    "4 GB in 100 bytes": raw_archive("x.npy", COUNTS, 2**32 - 2),
    "stored 400 MB": raw_archive("x.npy", COUNTS, 400_000_000, method=0),
    "400 MB of zeros": inflating_archive("x.npy", BIG, 400_000_000, len(BIG) + 400_000_000),
    "400 MB declared as 144 bytes": inflating_archive("x.npy", COUNTS, 400_000_000, len(COUNTS)),
    "30,000 members": zip64_directory(),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_other_files_are_one_error_and_inflate_nothing(kind):
    tracemalloc.start()
    try:
        with pytest.raises(ArchiveError, match=r"^file\.npz is not an intact \.npz file: [^\n]+\."):
            read_arrays(HOSTILE[kind], "file.npz")
        assert tracemalloc.get_traced_memory()[1] < 32e6
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_a_damaged_archive_is_an_error_or_has_the_same_arrays(save):
    arrays = {"x": np.arange(5), "y": np.array([[0.5, 2.5]])}
    intact = saved(save, arrays)
    damaged = [intact[:length] for length in range(len(intact))]
    for position in range(len(intact)):
        for flip in (0x01, 0x80, 0xFF):
            changed = bytearray(intact)
            changed[position] ^= flip
            damaged.append(bytes(changed))
    refused = 0
    for content in damaged:
        try:
            same_arrays(read_arrays(content, "file"), arrays)
        except ArchiveError:
            refused += 1
    assert refused > len(damaged) / 2
