"""How a command fails: one line on standard error and an exit code."""

import sys
from typing import NoReturn

from dist_f1.launching.errors import UsageError


def exit_with(command: str, error: Exception) -> NoReturn:
    """Exit with the message of an error; the code is 2 for a usage error and 1 otherwise."""
    message = f"dist-f1 {command}: {error}"
    if isinstance(error, UsageError):
        print(message, file=sys.stderr)
        sys.exit(2)
    # A worker passes this message to its launcher, see `launching.bootstrap`.
    sys.exit(message)
