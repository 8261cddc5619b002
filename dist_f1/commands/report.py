"""`dist-f1 report`: the classification report or the page of a run, or several runs compared."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence

import click

from dist_f1 import pages
from dist_f1.commands.exits import exits_with_message
from dist_f1.counts import Counts
from dist_f1.counts.limits import MAX_DIGITS
from dist_f1.jobs.run_dir import RunDir
from dist_f1.jobs.run_page import render_html
from dist_f1.launching.errors import UsageError, UserError
from dist_f1.reports import report


@click.command()
@click.argument("paths", nargs=-1, metavar="(RUN_DIR | COUNTS.npz)...")
@click.option(
    "--format",
    "style",
    type=click.Choice(["text", "json", "markdown", "html"]),
    default="text",
    show_default=True,
    help="Output format; html is a page.",
)
@click.option(
    "--digits",
    type=click.IntRange(0, MAX_DIGITS),
    default=2,
    show_default=True,
    help="Decimal places of text and markdown.",
)
@click.option(
    "--class_names",
    metavar="NAME,NAME,...",
    help="Names of the classes, for counts without names.",
)
@click.option("--compare", is_flag=True, help="Print an HTML page that compares several runs.")
@exits_with_message(OSError, ValueError)
def main(
    paths: tuple[str, ...], style: str, digits: int, class_names: str | None, compare: bool
) -> None:
    """Print the report of a run directory or of a file of counts.

    Example: dist-f1 report --compare runs/a runs/b > comparison.html
    """
    names = class_names.split(",") if class_names is not None else None
    if compare:
        if len(paths) < 2:
            raise UsageError(f"got {len(paths)} paths. Pass two runs or more to compare.")
        print(_page(paths, names), end="")
        return
    if len(paths) != 1:
        raise UsageError(f"got {len(paths)} paths. Pass one run directory or counts.npz.")
    if style == "html":
        print(_page(paths, names), end="")
    else:
        print(render(paths[0], style, digits, names))


def render(path: str, style: str, digits: int, names: Sequence[str] | None = None) -> str:
    """Return the report of a run directory or a file of counts as text, JSON or Markdown."""
    if os.path.isdir(path):
        counts, stored = RunDir(path).read_counts()
        names = names or stored
    else:
        counts = Counts.load(path)
    if style == "text":
        return report(counts, names, digits)
    if style == "markdown":
        return pages.markdown(counts, names, digits)
    return json.dumps(report(counts, names, output_dict=True), indent=2)


def _page(paths: tuple[str, ...], names: Sequence[str] | None) -> str:
    try:
        return render_html(paths, names)
    except ImportError as error:
        raise UserError(str(error)) from error
