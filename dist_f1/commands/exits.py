"""How a command fails: a message on standard error and an exit code."""

import contextlib
import functools
import os
import signal
import sys
from collections.abc import Callable, Iterator
from typing import Any, ParamSpec

import click

from dist_f1.launching.errors import UsageError

_P = ParamSpec("_P")


@contextlib.contextmanager
def ends_cleanly(command: str) -> Iterator[None]:
    """Run the block of a command that ends with an exit code in any case, without a traceback.

    Ctrl-C ends the process with code 130, and a second one kills it. An ignored SIGINT stays
    ignored. If standard output cannot be written, the code is 1.
    """
    if signal.getsignal(signal.SIGINT) != signal.SIG_IGN:
        signal.signal(signal.SIGINT, _interrupt)
    written = ""
    try:
        yield
    except OSError:
        # Another byte shows whether the error is that of standard output.
        written = "\n"
        raise
    finally:
        try:
            sys.stdout.write(written)
            sys.stdout.flush()
        except OSError as error:
            # Python would try again at the end, and print a traceback.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            if not isinstance(error, BrokenPipeError):
                print(f"{command}: standard output cannot be written: {error}", file=sys.stderr)
            sys.exit(1)


class Interrupted(SystemExit):
    """The user has ended the process by Ctrl-C."""


def _interrupt(number: int, _: Any) -> None:
    signal.signal(number, signal.SIG_DFL)
    # Unlike KeyboardInterrupt, this exception is no error for click, and has no traceback.
    raise Interrupted(128 + number)


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
                raise click.UsageError(_visible(error)) from error
            except errors as error:
                # A worker passes this message to its launcher, see `launching.bootstrap`.
                context = click.get_current_context()
                sys.exit(_visible(f"{context.command_path}: {error}"))

        return wrapper

    return decorate


def _visible(text: object) -> str:
    # NumPy takes a tenth of a second to import, in which Ctrl-C would print a traceback.
    from dist_f1.counts.visible_text import visible_text

    return visible_text(text)
