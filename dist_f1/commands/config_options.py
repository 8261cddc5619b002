"""The option `--config` and its overrides, which ml_collections reads."""

from __future__ import annotations

import re

import click
import ml_collections
from absl import flags
from ml_collections import config_flags

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
        UsageError: The file cannot be read, or an override is invalid.
    """
    arguments = ["dist-f1", f"--config={path}", *overrides]
    values = flags.FlagValues()
    holder = config_flags.DEFINE_config_file(
        "config", None, flag_values=values, lock_config=True, sys_argv=arguments
    )
    try:
        unexpected = values(arguments)[1:]
        config = holder.value
        # An unreadable file makes an object that raises at its first use.
        config.lock()
    except AttributeError as error:
        raise UsageError(_config_problem(str(error))) from error
    except OSError as error:
        raise UsageError(f"--config: {error}") from error
    except (flags.Error, SyntaxError, ImportError) as error:
        raise UsageError(error) from error
    if unexpected:
        raise UsageError(f"unexpected argument {unexpected[0]!r}. Options start with --.")
    return config


def _config_problem(message: str) -> str:
    """Return a short message for the `AttributeError` of a config file or a locked config."""
    if "get_config" in message:
        return "the config file has no get_config(). Define it."
    # A locked config names the unknown key, and a similar key if there is one.
    key = re.findall(r"\w+", message.partition("Did you mean")[0])
    similar = re.findall(r'Did you mean "(\w+)"', message)
    hint = f"Did you mean config.{similar[-1]}?" if similar else "See the config file for all keys."
    return f"config.{key[0]} does not exist. {hint}"
