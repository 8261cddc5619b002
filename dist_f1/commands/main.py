"""The command `dist-f1`."""

from __future__ import annotations

import importlib
import re
import sys

from absl import app, flags

_COMMANDS = {
    "train": "train a classifier and report its exact global F1",
    "launch": "run a script or a module in several worker processes",
    "report": "print the report of a run directory or a counts.npz",
}


def run() -> None:
    """Runs `dist-f1 COMMAND ...` with the arguments of this process."""
    command = sys.argv[1] if len(sys.argv) > 1 else ""
    if command in _COMMANDS:
        # Each command defines its own flags when it is imported.
        module = importlib.import_module(f"dist_f1.commands.{command}")
        for flag in flags.FLAGS.get_key_flags_for_module(module.__name__):
            # --help lists the key flags of the program, which absl takes to be this file's own.
            flags.FLAGS.register_key_flag_for_module(sys.argv[0], flag)
        app.run(
            module.main,
            argv=[f"{sys.argv[0]} {command}", *sys.argv[2:]],
            flags_parser=lambda args: _parse(command, args),
        )
    asked = command in ("", "-h", "--help", "help")
    lines = [f"  {name:8}{summary}" for name, summary in _COMMANDS.items()]
    usage = "\n".join(
        ["usage: dist-f1 COMMAND [FLAGS]", "", *lines, "", "dist-f1 COMMAND --help lists its flags"]
    )
    if not asked:
        sys.exit(f"dist-f1: unknown command {command!r}\n{usage}")
    print(usage)


def _parse(command: str, args: list[str]) -> list[str]:
    """Parses flags; what is wrong with them, or a setting the config does not have, is one line."""
    try:
        return flags.FLAGS(args)
    except (flags.Error, SyntaxError, ImportError) as error:
        problem = str(error)
    except AttributeError as error:
        if "get_config" in str(error):
            sys.exit(f"dist-f1 {command}: the config file has no get_config().")
        # This is how a locked config refuses a key: its name, and one that is close if any is.
        key, *close = re.findall(r"\w+", str(error).partition("Did you mean")[0]) + re.findall(
            r'Did you mean "(\w+)"', str(error)
        )
        hint = f"did you mean config.{close[-1]}?" if close else "the config file lists them all."
        problem = f"there is no config.{key}; {hint}"
    sys.exit(f"dist-f1 {command}: {problem}")


if __name__ == "__main__":
    run()
