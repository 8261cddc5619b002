"""The option `--config` and its overrides, which ml_collections reads."""

from __future__ import annotations

import errno
import os
import re
import traceback

import click
import ml_collections
from absl import flags
from ml_collections import config_flags

from dist_f1.commands.exits import Interrupted
from dist_f1.launching.errors import UsageError

_OVERRIDE = re.compile(r"--(no)?config\.")


class CommandWithConfig(click.Command):
    """A command with `--config.KEY=VALUE`, which it leaves in `click.Context.obj` for `read`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the other options."""
        overrides, others = split_overrides(args)
        ctx.obj = overrides
        return super().parse_args(ctx, others)


def split_overrides(args: list[str]) -> tuple[list[str], list[str]]:
    """Return the arguments that override the config, and the others.

    Example:
        >>> split_overrides(["--config=a.py", "--config.x=1", "--config.y", "2", "--dry_run"])
        (['--config.x=1', '--config.y', '2'], ['--config=a.py', '--dry_run'])
    """
    overrides: list[str] = []
    others: list[str] = []
    takes_value = False
    for arg in args:
        is_override = bool(_OVERRIDE.match(arg))
        is_value = takes_value and not arg.startswith("-")
        (overrides if is_override or is_value else others).append(arg)
        takes_value = is_override and "=" not in arg
    return overrides, others


def read(path: str, overrides: list[str]) -> ml_collections.ConfigDict:
    """Return the config of a file, with its keys locked.

    Raises:
        UsageError: The file cannot be read or run, or an override is invalid.
    """
    config = _load(path)
    arguments = ["dist-f1", *overrides]
    values = flags.FlagValues()
    try:
        config_flags.DEFINE_config_dict("config", config, flag_values=values, sys_argv=arguments)
        unexpected = values(arguments)[1:]
    except AttributeError as error:
        raise UsageError(_key_problem(str(error))) from error
    except (flags.Error, KeyError, TypeError, ValueError) as error:
        raise UsageError(" ".join(str(error).split())) from error
    if unexpected:
        raise UsageError(f"unexpected argument {unexpected[0]!r}. Options start with --.")
    config.lock()
    return config


def _load(path: str) -> ml_collections.ConfigDict:
    """Return the config of a file, without overrides."""
    _check_readable(path)
    arguments = ["dist-f1", f"--config={path}"]
    values = flags.FlagValues()
    config_flags.DEFINE_config_file("config", None, flag_values=values, sys_argv=arguments)
    try:
        values(arguments)
        config = values["config"].value
        # A file that cannot be loaded makes an object that raises at its first use. Keys of
        # different types cannot be sorted.
        if isinstance(config, ml_collections.ConfigDict):
            sorted(config)
        getattr(config, "get", None)
    except Interrupted:
        raise
    except (Exception, SystemExit) as error:
        # A config file is a program, which may raise anything.
        raise UsageError(f"--config={path}: {_explain(path, error)}") from error
    if not isinstance(config, ml_collections.ConfigDict):
        raise UsageError(
            f"--config={path}: get_config() returned {type(config).__name__}. Return an "
            "ml_collections.ConfigDict."
        )
    numbers = [key for key in config if not isinstance(key, str)]
    if numbers:
        raise UsageError(f"--config={path}: the key {numbers[0]!r} is no text. Use a string.")
    return config


def _check_readable(path: str) -> None:
    # get_config may have an argument: --config=FILE:ARGUMENT.
    file = path if os.path.exists(path) else path.partition(":")[0]
    try:
        if os.path.isdir(file):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), file)
        os.stat(file)
    except (OSError, ValueError) as error:
        raise UsageError(f"--config={path}: {error}. Pass a file with get_config().") from error


def _explain(path: str, error: BaseException) -> str:
    """Return a short message for an error of the config file."""
    # Libraries wrap the error of the file.
    while error.__context__ is not None:
        error = error.__context__
    line = _line_within(path, error)
    if isinstance(error, AttributeError) and line is None and "get_config" in str(error):
        return "the file has no get_config(). Define it."
    where = "" if line is None else f"line {line}: "
    reason = " ".join(str(error).split()).rstrip(".")
    return f"{where}{type(error).__name__}{reason and f': {reason}'}. Correct the file."


def _line_within(path: str, error: BaseException) -> int | None:
    """Return the last line of the file that was running when an error was raised."""
    frames = traceback.walk_tb(error.__traceback__)
    lines = [n for frame, n in frames if os.path.basename(path) in frame.f_code.co_filename]
    return lines[-1] if lines else None


def _key_problem(message: str) -> str:
    """Return a short message for the `AttributeError` of a locked config."""
    # It names the unknown key, and a similar key if there is one.
    key = re.findall(r"\w+", message.partition("Did you mean")[0])
    similar = re.findall(r'Did you mean "(\w+)"', message)
    hint = f"Did you mean config.{similar[-1]}?" if similar else "See the config file for all keys."
    return f"config.{key[0]} does not exist. {hint}"
