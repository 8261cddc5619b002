"""Functions of the user's own, named `module:function` in a config."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable
from typing import Any

from dist_f1.launching.errors import UserError


def is_named(value: str) -> bool:
    """Whether a setting has this form."""
    module, colon, function = value.partition(":")
    return bool(colon) and function.isidentifier() and all(map(str.isidentifier, module.split(".")))


def resolve(value: str, key: str) -> Callable[..., Any]:
    """The function that `module:function` names; modules are looked for where one stands, too.

    Raises:
        UserError: there is no such module, it cannot be imported, or has no such function.
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
            f"{key}={value}: {error}. The module must be in this directory, {os.getcwd()}, or "
            "installed."
        ) from error
    except (ImportError, SyntaxError) as error:
        raise UserError(f"{key}={value}: {module_name} cannot be imported: {error}.") from error
    function = getattr(module, name, None)
    if not callable(function):
        # A directory of modules is a module without a file.
        file = getattr(module, "__file__", None) or f"the module {module_name}"
        raise UserError(f"{key}={value}: {file} has no function {name}.")
    return function
