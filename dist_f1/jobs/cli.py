"""The command `dist-f1`."""

from __future__ import annotations

import importlib
import sys

from absl import app

_COMMANDS = {
    "train": "train a classifier and report its exact global F1",
    "report": "print the report of a run directory or a counts.npz",
}


def run() -> None:
    """Runs `dist-f1 COMMAND ...` with the arguments of this process."""
    command = sys.argv[1] if len(sys.argv) > 1 else ""
    if command in _COMMANDS:
        # Each command defines its own flags when it is imported.
        module = importlib.import_module(f"dist_f1.jobs.{command}")
        app.run(module.main, argv=[f"{sys.argv[0]} {command}", *sys.argv[2:]])
    asked = command in ("", "-h", "--help", "help")
    lines = [f"  {name:8}{summary}" for name, summary in _COMMANDS.items()]
    usage = "\n".join(
        ["usage: dist-f1 COMMAND [FLAGS]", "", *lines, "", "dist-f1 COMMAND --help lists its flags"]
    )
    if not asked:
        sys.exit(f"dist-f1: unknown command {command!r}\n{usage}")
    print(usage)


if __name__ == "__main__":
    run()
