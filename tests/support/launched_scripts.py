"""Scripts that `dist-f1 launch` runs, written by a test."""

import textwrap

from commands import run_cli_without_tensorflow

# `index` is the index of the worker.
_HEAD = """
import json, os, signal, subprocess, sys, time
config = json.loads(os.environ["TF_CONFIG"])
index = config["task"]["index"]
"""


def write_script(folder, text):
    """Write a script of a worker; return its path."""
    path = folder / "script.py"
    path.write_text(_HEAD + textwrap.dedent(text))
    return path


def launch_script(folder, text, *flags, arguments=(), run=run_cli_without_tensorflow, **options):
    """Launch a script, with its logs in `folder / "logs"`; return what `run` returns."""
    flags = (f"--log_dir={folder / 'logs'}", *flags)
    return run("launch", *flags, write_script(folder, text), "--", *arguments, **options)
