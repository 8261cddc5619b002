"""Facts, charts, groups and thresholds, as HTML and as Markdown."""

import re

import pytest

from dist_f1 import pages

TABLE = pages.Table("", ["class", "F1"], [["a", "0.5"], ["b", "0.9"]], footer=[["mean", "0.7"]])
FACTS = pages.Facts("Verdict", [pages.Fact("F1", "<1>", "One.\nTwo & three.")])
CHART = pages.Chart("Curve", {"series": []}, "A line.", "Caption.", TABLE)
ENTRY = pages.sections.ClassCounts("a", 3, 9, [2, 1], [4, 1], 0)
THRESHOLDS = pages.Thresholds("Thresholds", [0.2, 0.4], [ENTRY], "Left out.", TABLE)
GROUP = pages.Group("Both", [CHART, pages.Text("Text", "A paragraph.")])


def test_facts_are_a_list_with_one_line_for_each_sentence():
    page = pages.html("", [FACTS])
    assert re.findall(r"<d[td][^>]*>(.*?)</d[td]>", page) == [
        "F1", "&lt;1&gt;", "One.", "Two &amp; three."
    ]  # fmt: skip
    text = pages.markdown_page("", [FACTS])
    assert "- **F1: \\<1\\>.** One. Two \\& three.\n" in text


def test_a_chart_has_its_text_and_table_for_readers_who_do_not_see_it():
    page = pages.html("", [CHART])
    assert 'role="img" aria-label="A line."' in page
    assert "<figcaption>Caption.</figcaption>" in page
    assert page.count("<tr>") == 4
    text = pages.markdown_page("", [CHART])
    assert "## Curve\n\nA line.\n\n| class" in text


def test_the_picture_of_a_chart_replaces_it_on_markdown_pages():
    drawn = CHART._replace(picture="curve.png")
    assert "![A line.](curve.png)" in pages.markdown_page("", [drawn])
    assert "![A line.](other.png)" in pages.markdown_page("", [drawn], ["other.png"])
    assert "png" not in pages.html("", [drawn]).split("<script")[0]


def test_a_group_has_smaller_headings():
    page = pages.html("", [GROUP])
    assert re.findall(r"<h(\d)[^>]*>(.*?)</h\d>", page)[1:] == [
        ("2", "Both"), ("3", "Curve"), ("3", "Text")
    ]  # fmt: skip
    assert "## Both\n\n### Curve\n" in pages.markdown_page("", [GROUP])


def test_thresholds_have_a_table():
    page = pages.html("", [THRESHOLDS])
    assert '"true_positive":[2,1]' in page
    assert '<div class="note">Left out.</div>' in page
    assert "| mean" in pages.markdown_page("", [THRESHOLDS])


def test_the_footer_is_apart_and_bars_show_fractions():
    table = TABLE._replace(bars=("F1",), is_sortable=True)
    page = pages.html("", [table])
    assert "<table data-sortable>" in page
    (foot,) = re.findall(r"<tfoot>(.*?)</tfoot>", page, re.DOTALL)
    assert ">mean<" in foot
    assert page.count('class="number bar" style="--part: ') == 3


def test_four_headings_have_links():
    few, many = ([pages.Text(str(i), "a") for i in range(n)] for n in (3, 4))
    assert "<nav" not in pages.html("", few)
    page = pages.html("", many)
    targets = re.findall(r'<a href="#([^"]*)">', page)
    assert len(targets) == 4
    assert all(f'id="{target}"' in page for target in targets)


@pytest.mark.parametrize("write", [pages.html, pages.markdown_page])
def test_sections_of_groups_are_checked(write):
    with pytest.raises(TypeError, match="Sections must be a sequence"):
        write("", [pages.Group("", ["text"])])
    wrong = TABLE._replace(heading="T", footer=[["only one"]])
    with pytest.raises(ValueError, match="Row 2 of the table 'T' has 1 cells"):
        write("", [pages.Group("", [wrong])])
