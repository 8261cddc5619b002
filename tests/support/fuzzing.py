"""How thoroughly damaged files are tested: completely with `DIST_F1_FUZZ=1`, which takes long."""

import os

IS_FULL = bool(os.environ.get("DIST_F1_FUZZ"))


def stride(usual):
    """Return the distance between the bytes to damage."""
    return 1 if IS_FULL else usual


def examples(usual, full=1000):
    """Return the number of examples for hypothesis."""
    return full if IS_FULL else usual
