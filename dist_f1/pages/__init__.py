"""The classification report as a Markdown table, and pages as HTML or Markdown.

    sections = [report_table("Classes", counts), Picture("Errors", "matrix.png", "error counts")]
    pathlib.Path("report.html").write_text(html("Evaluation", sections), encoding="utf-8")

A page has a title and sections. All text is plain: HTML and Markdown markup in it is escaped. An
empty heading is omitted.
"""

from dist_f1.pages.class_table import markdown as markdown
from dist_f1.pages.class_table import report_table as report_table
from dist_f1.pages.html_page import html as html
from dist_f1.pages.markdown_text import markdown_page as markdown_page
from dist_f1.pages.sections import Chart as Chart
from dist_f1.pages.sections import Fact as Fact
from dist_f1.pages.sections import Facts as Facts
from dist_f1.pages.sections import Group as Group
from dist_f1.pages.sections import Picture as Picture
from dist_f1.pages.sections import Preformatted as Preformatted
from dist_f1.pages.sections import Section as Section
from dist_f1.pages.sections import Table as Table
from dist_f1.pages.sections import Text as Text
from dist_f1.pages.sections import Thresholds as Thresholds
from dist_f1.pages.sections import View as View
