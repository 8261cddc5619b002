"""File systems and limits on which every write fails, after some that succeed."""

import contextlib
import os
import resource
import subprocess

import pytest


@contextlib.contextmanager
def small_disk(path, size="4m", inodes=1000):
    """Mount a small file system at a new directory; skip the test if that is not permitted."""
    path.mkdir()
    options = f"size={size},nr_inodes={inodes}"
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(path)]
    try:
        result = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("there is no mount command")
    if result.returncode:
        pytest.skip(f"a file system can only be mounted by root: {result.stderr.strip()}")
    try:
        yield path
    finally:
        subprocess.run(["umount", "--lazy", str(path)], check=True)


def fill_blocks(path, spare=0):
    """Use all bytes of the disk but `spare`; return the file that uses them."""
    filler = path / "filler"
    with open(filler, "wb", buffering=0) as file, contextlib.suppress(OSError):
        while file.write(b"x" * 65536) == 65536:
            pass
    os.truncate(filler, max(0, filler.stat().st_size - spare))
    return filler


def fill_inodes(path):
    """Use all inodes of the disk; return a directory of the files that use them."""
    directory = path / "fillers"
    directory.mkdir()
    with contextlib.suppress(OSError):
        for number in range(10**6):
            (directory / str(number)).touch()
    return directory


@contextlib.contextmanager
def file_size_limit(size):
    """Let writes beyond `size` bytes of a file fail, without privileges."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
