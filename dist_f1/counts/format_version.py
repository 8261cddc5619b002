"""The version of a file format, stored in the file as an array."""

from collections.abc import MutableMapping

import numpy as np

from dist_f1.version import __version__

NAME = "format_version"


def take_version(arrays: MutableMapping[str, np.ndarray], newest: int, source: str) -> None:
    """Remove the version from the arrays of a file. Files without a version are the oldest.

    Args:
        arrays: Arrays by name.
        newest: The newest version that can be read.
        source: Name of the file in messages.

    Raises:
        ValueError: The file has a newer version, or no valid one.
    """
    stored = arrays.pop(NAME, np.array(1))
    if stored.shape != () or stored.dtype.kind not in "iu" or stored < 1:
        raise ValueError(
            f"{source} cannot be read: its {NAME} is {stored.tolist()!r:.40}, expected a positive "
            "integer. Use an intact copy, or count again."
        )
    if stored > newest:
        raise ValueError(
            f"{source} has format version {stored}, but dist_f1 {__version__} reads versions up to "
            f"{newest}. Update dist_f1, or use a file that this version has written."
        )
