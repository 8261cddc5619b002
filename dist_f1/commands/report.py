"""`dist-f1 report`: print the classification report of a run directory or a `counts.npz`."""

import json
import os
from collections.abc import Sequence

from absl import flags

from dist_f1 import pages
from dist_f1.commands.exits import exit_with
from dist_f1.counts import Counts
from dist_f1.jobs.run_dir import RunDir
from dist_f1.launching.errors import UsageError
from dist_f1.reports import report

_FORMAT = flags.DEFINE_enum("format", "text", ["text", "json", "markdown"], "Output format.")
_DIGITS = flags.DEFINE_integer("digits", 2, "Decimal places; ignored for json.", lower_bound=0)


def main(argv: Sequence[str]) -> None:
    """Run the command."""
    try:
        if len(argv) != 2:
            raise UsageError(f"got {len(argv) - 1} paths. Pass one run directory or counts.npz.")
        print(render(argv[1], _FORMAT.value, _DIGITS.value))
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
