"""`dist-f1 report`: the classification report or the page of a run, or several runs compared."""

import json
import os
from collections.abc import Sequence

from absl import flags

from dist_f1 import pages
from dist_f1.commands.exits import exit_with
from dist_f1.counts import Counts
from dist_f1.jobs.run_dir import RunDir
from dist_f1.jobs.run_page import render_html
from dist_f1.launching.errors import UsageError, UserError
from dist_f1.reports import report

_FORMAT = flags.DEFINE_enum(
    "format", "text", ["text", "json", "markdown", "html"], "Output format; html is a page."
)
_DIGITS = flags.DEFINE_integer("digits", 2, "Decimal places of text and markdown.", lower_bound=0)
_COMPARE = flags.DEFINE_bool("compare", False, "Print a page that compares several runs.")


def main(argv: Sequence[str]) -> None:
    """Run the command."""
    try:
        paths = argv[1:]
        if _COMPARE.value:
            if len(paths) < 2:
                raise UsageError(f"got {len(paths)} paths. Pass two runs or more to compare.")
            print(_page(paths), end="")
            return
        if len(paths) != 1:
            raise UsageError(f"got {len(paths)} paths. Pass one run directory or counts.npz.")
        if _FORMAT.value == "html":
            print(_page(paths), end="")
        else:
            print(render(paths[0], _FORMAT.value, _DIGITS.value))
    except (OSError, ValueError) as error:
        exit_with("report", error)


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


def _page(paths: Sequence[str]) -> str:
    try:
        return render_html(paths)
    except ImportError as error:
        raise UserError(str(error)) from error
