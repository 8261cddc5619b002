"""Functions of the user, named `module:function` in a config."""

import importlib
import os
import sys
from collections.abc import Callable
from typing import Any

from dist_f1.launching.errors import UserError


def is_function_name(value: str) -> bool:
    """Whether a setting has the form `module:function`."""
    module, colon, function = value.partition(":")
    return bool(colon) and function.isidentifier() and all(map(str.isidentifier, module.split(".")))


def load_function(value: str, key: str) -> Callable[..., Any]:
    """Import the function `module:function`; also searches the current directory.

    Raises:
        UserError: The module or the function does not exist, or the import fails. The message
            names the setting `key`.
    """
    module_name, _, name = value.partition(":")
    if os.getcwd() not in sys.path:
        sys.path.insert(0, os.getcwd())
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if not f"{module_name}.".startswith(f"{error.name}."):
            raise UserError(
                f"{key}={value}: {module_name} imports {error.name}, which is not installed."
            ) from error
        raise UserError(
            f"{key}={value}: {error}. Put the module into the current directory, {os.getcwd()}, "
            "or install it."
        ) from error
    except (ImportError, SyntaxError) as error:
        raise UserError(f"{key}={value}: {module_name} cannot be imported: {error}.") from error
    function = getattr(module, name, None)
    if not callable(function):
        # A namespace package has no file.
        file = getattr(module, "__file__", None) or f"the module {module_name}"
        raise UserError(f"{key}={value}: {file} has no function {name}.")
    return function
