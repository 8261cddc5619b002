"""The page of one run directory, or of several side by side. TensorFlow is not imported."""

from __future__ import annotations

import os
import pathlib
from collections.abc import Sequence

from dist_f1 import pages
from dist_f1.counts.visible_text import visible_name
from dist_f1.jobs.run_results import read_results
from dist_f1.pages.results import (
    Evaluation,
    comparison_sections,
    markdown_sections,
    report_sections,
)
from dist_f1.version import __version__


def render_html(
    paths: Sequence[str | os.PathLike[str]], class_names: Sequence[str] | None = None
) -> str:
    """Return the page of one run, or a page that compares several.

    Args:
        paths: Run directories, or files `counts.npz`.
        class_names: C names; by default those of each run directory.

    Raises:
        ImportError: jinja2 is not installed.
        OSError: A file cannot be read.
        ValueError: There is no path, a directory holds no counts, or a file is damaged.
    """
    if not paths:
        raise ValueError("There is no run to show. Pass a run directory.")
    found = [read_results(path, class_names) for path in paths]
    if len(found) == 1:
        return run_html(found[0])
    names = [visible_name(pathlib.Path(path).resolve().name) for path in paths]
    named = [e._replace(title=name) for e, name in zip(found, names, strict=True)]
    title = f"Comparison of {len(named)} runs"
    return pages.html(title, comparison_sections(named), _subtitle(found[0]))


def run_html(evaluation: Evaluation) -> str:
    """Return the HTML page of one evaluation."""
    return pages.html(evaluation.title, report_sections(evaluation), _subtitle(evaluation))


def run_markdown(evaluation: Evaluation) -> str:
    """Return the Markdown page of one evaluation, with links to its images."""
    return pages.markdown_page(evaluation.title, markdown_sections(evaluation))


def _subtitle(evaluation: Evaluation) -> str:
    return f"{evaluation.date}, dist_f1 {__version__}" if evaluation.date else ""
