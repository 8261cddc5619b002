"""Optional packages, imported when a callback is constructed."""

import importlib
from types import ModuleType


def require(name: str, owner: str, command: str) -> ModuleType:
    """Import a package.

    Args:
        name: Name of the package or module.
        owner: Name of the class or option that needs the package.
        command: Command that installs the package.

    Raises:
        ImportError: The package is not installed.

    Example:
        >>> require("unknown", "UnknownScores", "pip install unknown")
        Traceback (most recent call last):
        ImportError: UnknownScores needs unknown, which is not installed; pip install unknown.
    """
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] != name.partition(".")[0]:
            raise
        raise _missing(name, owner, command) from error
    # W&B writes to a directory "wandb", which Python can import as an empty package.
    if module.__file__ is None:
        raise _missing(name, owner, command)
    return module


def _missing(name: str, owner: str, command: str) -> ImportError:
    package = name.partition(".")[0]
    return ImportError(f"{owner} needs {package}, which is not installed; {command}.")
