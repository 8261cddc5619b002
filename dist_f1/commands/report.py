"""`dist-f1 report`: print the classification report of a run directory or a `counts.npz`."""

from __future__ import annotations

import json
import os

import click

from dist_f1 import pages
from dist_f1.commands.exits import exits_with_message
from dist_f1.counts import Counts
from dist_f1.jobs.run_dir import RunDir
from dist_f1.launching.errors import UsageError
from dist_f1.reports import report


@click.command()
@click.argument("paths", nargs=-1, metavar="RUN_DIR|COUNTS.npz")
@click.option(
    "--format",
    "style",
    type=click.Choice(["text", "json", "markdown"]),
    default="text",
    show_default=True,
    help="Output format.",
)
@click.option(
    "--digits",
    type=click.IntRange(0),
    default=2,
    show_default=True,
    help="Decimal places; ignored for json.",
)
@exits_with_message(OSError, ValueError)
def main(paths: tuple[str, ...], style: str, digits: int) -> None:
    """Print the report of a run directory or of a file of counts."""
    if len(paths) != 1:
        raise UsageError(f"got {len(paths)} paths. Pass one run directory or counts.npz.")
    print(render(paths[0], style, digits))


def render(path: str, style: str, digits: int) -> str:
    """Return the report of a run directory or a file of counts as text, JSON or Markdown."""
    names: list[str] | None = None
    if os.path.isdir(path):
        counts, names = RunDir(path).read_counts()
    else:
        counts = Counts.load(path)
    if style == "text":
        return report(counts, names, digits)
    if style == "markdown":
        return pages.markdown(counts, names, digits)
    return json.dumps(report(counts, names, output_dict=True), indent=2)
