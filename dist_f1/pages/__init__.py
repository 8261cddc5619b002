"""Reports to read: the classification report as a Markdown table, and pages of HTML or Markdown.

    sections = [report_table("Classes", counts), Picture("Errors", "matrix.png", "where they are")]
    pathlib.Path("report.html").write_text(html("Evaluation", sections), encoding="utf-8")

A page is a title and sections. Their text is plain: what HTML or Markdown would take for markup is
escaped. An empty heading is left out.
"""

from dist_f1.pages.class_table import markdown, report_table
from dist_f1.pages.html_page import html
from dist_f1.pages.markdown_text import markdown_page
from dist_f1.pages.sections import Picture, Preformatted, Section, Table, Text

__all__ = [
    "Picture",
    "Preformatted",
    "Section",
    "Table",
    "Text",
    "html",
    "markdown",
    "markdown_page",
    "report_table",
]
