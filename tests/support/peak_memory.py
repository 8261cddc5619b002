"""The peak of the memory that a block allocates."""

import contextlib
import pathlib
import re
import tracemalloc

# Beyond the size of the file.
LIMIT = 200e6
_STATUS = pathlib.Path("/proc/self/status")


@contextlib.contextmanager
def limited_memory(size):
    """Raise `AssertionError` if the block needs more memory than the size of a file and 200 MB.

    Python and NumPy report what they allocate. On Linux, the growth of the resident memory of the
    process shows what other libraries use, e.g. for decompression.
    """
    before = _resident("VmRSS")
    if before:
        # Resets the peak, see proc_pid_clear_refs(5).
        pathlib.Path("/proc/self/clear_refs").write_text("5")
    tracemalloc.start()
    try:
        yield
        peaks = [tracemalloc.get_traced_memory()[1], _resident("VmHWM") - before]
    finally:
        tracemalloc.stop()
    assert max(peaks) < size + LIMIT, f"{[x // 10**6 for x in peaks]} MB for {size / 1e6:.1f} MB"


def _resident(key):
    """Return the present (`VmRSS`) or highest (`VmHWM`) resident memory in bytes; 0 if unknown."""
    if not _STATUS.exists():
        return 0
    return 1024 * int(re.search(rf"{key}:\s*(\d+) kB", _STATUS.read_text())[1])
