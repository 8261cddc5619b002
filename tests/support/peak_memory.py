"""The peak of the memory that Python and NumPy allocate."""

import contextlib
import tracemalloc

# Beyond the size of the file.
LIMIT = 200 * 2**20


@contextlib.contextmanager
def limited_memory(size):
    """Raise `AssertionError` if the block allocates more than the size of a file and 200 MB."""
    tracemalloc.start()
    try:
        yield
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < size + LIMIT, f"{peak / 2**20:.0f} MB for {size / 2**20:.0f} MB"
