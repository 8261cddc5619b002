"""Sections of a page from results: pure functions of an `Evaluation`.

    sections = report_sections(Evaluation("Validation", counts, names, sweep))
    pathlib.Path("report.html").write_text(pages.html("Validation", sections), encoding="utf-8")

Each module returns the sections of one kind of result, and `[]` if the evaluation lacks it.
"""

from dist_f1.pages.results.comparison import comparison_sections as comparison_sections
from dist_f1.pages.results.evaluation import Evaluation as Evaluation
from dist_f1.pages.results.evaluation import Mistake as Mistake
from dist_f1.pages.results.report import markdown_sections as markdown_sections
from dist_f1.pages.results.report import report_sections as report_sections
