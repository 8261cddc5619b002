"""The command `dist-f1`."""

import importlib
import re
import sys

from absl import app, flags

from dist_f1.commands.exits import exit_with
from dist_f1.launching.errors import UsageError

_COMMANDS = {
    "train": "train a classifier and report its exact global F1",
    "launch": "run a script or a module in several worker processes",
    "report": "print the report of a run directory or a counts.npz",
}


def run() -> None:
    """Run `dist-f1 COMMAND ...` with the arguments of this process."""
    command = sys.argv[1] if len(sys.argv) > 1 else ""
    if command in _COMMANDS:
        # Importing a command defines its flags.
        module = importlib.import_module(f"dist_f1.commands.{command}")
        for flag in flags.FLAGS.get_key_flags_for_module(module.__name__):
            # --help lists the key flags of the main module, which absl identifies by this name.
            flags.FLAGS.register_key_flag_for_module(sys.argv[0], flag)
        app.run(
            module.main,
            argv=[f"{sys.argv[0]} {command}", *sys.argv[2:]],
            flags_parser=lambda args: _parse(command, args),
        )
    lines = [f"  {name:8}{summary}" for name, summary in _COMMANDS.items()]
    usage = "\n".join(
        ["usage: dist-f1 COMMAND [FLAGS]", "", *lines, "", "dist-f1 COMMAND --help lists its flags"]
    )
    if command not in ("", "-h", "--help", "help"):
        print(f"dist-f1: unknown command {command!r}\n{usage}", file=sys.stderr)
        sys.exit(2)
    print(usage)


def _parse(command: str, args: list[str]) -> list[str]:
    """Parse flags. An invalid flag or config key is a usage error of one line."""
    try:
        return flags.FLAGS(args)
    except SystemExit:
        # absl exits with code 1 after printing the help.
        sys.exit(0)
    except (flags.Error, SyntaxError, ImportError) as error:
        exit_with(command, UsageError(error))
    except AttributeError as error:
        exit_with(command, UsageError(_config_problem(str(error))))


def _config_problem(message: str) -> str:
    """Return a short message for the `AttributeError` of a config file or a locked config."""
    if "get_config" in message:
        return "the config file has no get_config(). Define it."
    # A locked config names the unknown key, and a similar key if there is one.
    key = re.findall(r"\w+", message.partition("Did you mean")[0])
    similar = re.findall(r'Did you mean "(\w+)"', message)
    hint = f"Did you mean config.{similar[-1]}?" if similar else "See the config file for all keys."
    return f"config.{key[0]} does not exist. {hint}"


if __name__ == "__main__":
    run()
