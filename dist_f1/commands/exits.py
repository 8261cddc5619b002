"""How a command fails: a message on standard error and an exit code."""

import functools
import sys
from collections.abc import Callable
from typing import ParamSpec

import click

from dist_f1.counts.visible_text import visible_text
from dist_f1.launching.errors import UsageError

_P = ParamSpec("_P")


def exits_with_message(
    *errors: type[Exception],
) -> Callable[[Callable[_P, None]], Callable[_P, None]]:
    """Decorate a command so that it fails with the message of these errors, without a traceback.

    The exit code is 2 for a `UsageError`, which also shows the usage, and 1 for other errors.
    """

    def decorate(command: Callable[_P, None]) -> Callable[_P, None]:
        @functools.wraps(command)
        def wrapper(*args: _P.args, **kwargs: _P.kwargs) -> None:
            try:
                command(*args, **kwargs)
            except UsageError as error:
                raise click.UsageError(visible_text(error)) from error
            except errors as error:
                # A worker passes this message to its launcher, see `launching.bootstrap`.
                context = click.get_current_context()
                sys.exit(visible_text(f"{context.command_path}: {error}"))

        return wrapper

    return decorate
