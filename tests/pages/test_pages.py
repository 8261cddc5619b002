"""Pages are self-contained, show every text literally, and hold the numbers of the report."""

import base64
import functools
import html.parser
import io
import math
import re
import sys

import numpy as np
import pytest
from matplotlib import image

from dist_f1 import Counts, pages, plots, report
from dist_f1.pages import html_page

HOSTILE = '<b>&"x"|`$_*\\'
VOID = {"meta", "img", "br", "hr", "link"}


class Page(html.parser.HTMLParser):
    """Parse a page into elements `(tag, attributes, text)`; fail if tags do not balance."""

    def __init__(self, text):
        super().__init__()
        self.elements, self._open = [], []
        self.feed(text)
        self.close()
        assert not self._open

    def handle_starttag(self, tag, attrs):
        element = [tag, dict(attrs), ""]
        self.elements.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_endtag(self, tag):
        assert self._open.pop()[0] == tag

    def handle_data(self, data):
        for element in self._open:
            element[2] += data

    def texts(self, *tags):
        return [text for tag, _, text in self.elements if tag in tags]

    def attributes(self, tag):
        return [attributes for name, attributes, _ in self.elements if name == tag]


def counts_of(weight=None):
    y_true, y_pred = np.random.default_rng(0).integers(0, 4, (2, 200))
    return Counts.from_labels(y_true, y_pred, 4, weight)


@functools.cache
def figure():
    return plots.f1_bars(counts_of())


@pytest.fixture
def sections(tmp_path):
    figure().savefig(tmp_path / "bars.svg")
    return [
        pages.Text(HOSTILE, [HOSTILE, "Second."]),
        pages.Text("", "One paragraph."),
        pages.Table("Numbers", ["class", HOSTILE], [[HOSTILE, 0.25], ["b", 3]], caption=HOSTILE),
        pages.Picture("Figure", figure(), HOSTILE),
        pages.Picture("File", tmp_path / "bars.svg", "bars"),
        pages.Preformatted("Log", f"\n  {HOSTILE}\n"),
    ]


def cells_of(markdown):
    """Return the cells of each line, without the escapes of Markdown."""
    lines = [re.split(r"(?<!\\)\|", line)[1:-1] for line in markdown.splitlines()]
    return [[re.sub(r"\\([!-/:-@[-`{-~])", r"\1", cell.strip()) for cell in line] for line in lines]


@pytest.mark.parametrize("arguments", [{}, {"labels": [2, 0]}, {"zero_division": math.nan}])
@pytest.mark.parametrize("kind", ["single", "weighted", "absent", "multilabel", "binary"])
def test_the_markdown_table_holds_the_values_of_the_report(kind, arguments):
    names = ["a", "b", "c", "d"]
    if kind == "single":
        counts = counts_of()
    elif kind == "weighted":
        counts = counts_of(np.random.default_rng(1).random(200))
    elif kind == "absent":
        counts = Counts.from_labels([0, 1, 2], [0, 2, 2], 4)
    elif kind == "multilabel":
        counts = Counts.from_labels(*np.random.default_rng(0).integers(0, 2, (2, 50, 4)), 4)
    else:
        counts, names = Counts.from_labels([0, 1, 1], [0, 1, 0], 1), ["no", "yes"]
        arguments = {**arguments, "labels": [1, 0]} if "labels" in arguments else arguments
    expected = report(counts, names, output_dict=True, **arguments)
    header, _, *rows = cells_of(pages.markdown(counts, names, 6, **arguments))
    assert [row[0] for row in rows] == list(expected)
    for name, *cells in rows:
        shown = dict(zip(header[1:], cells, strict=True))
        values = expected[name]
        if isinstance(values, dict):
            assert list(shown) == list(values)
        else:
            assert shown["precision"] == shown["recall"] == ""
            values = {"f1-score": values, "support": float(counts.total)}
        for column, value in values.items():
            assert float(shown[column]) == pytest.approx(value, abs=6e-7, nan_ok=True)


def test_supports_are_integers():
    of_class, rows = np.array([12345678, 0]), np.array(12345678)
    rows = cells_of(pages.markdown(Counts(of_class, of_class, of_class, rows, np.array(0))))
    assert rows[2][-1] == "12345678"


def test_names_are_shown_literally():
    names = [HOSTILE, "same", "same", "accuracy"]
    table = pages.markdown(counts_of(), names)
    shown = [row[0] for row in cells_of(table)[2:]]
    assert shown == [*names, "accuracy", "macro avg", "weighted avg"]
    assert len({len(line) for line in table.splitlines()}) == 1


def test_a_wrong_number_of_names_and_invalid_rows_raise():
    with pytest.raises(ValueError, match="2 names for 4 classes"):
        pages.markdown(counts_of(), ["a", "b"])
    with pytest.raises(ValueError, match="1 of 2 rows were not counted"):
        pages.markdown(Counts.from_labels([0, 9], [0, 0], 4))


def test_a_page_is_self_contained(sections):
    text = pages.html(HOSTILE, sections)
    page = Page(text)
    assert text.startswith("<!DOCTYPE html>")
    assert not re.search(r"https?:|url\(|@import", text)
    assert not {"script", "link", "iframe", "object"} & {tag for tag, *_ in page.elements}
    targets = [
        value
        for _, attributes, _ in page.elements
        for name, value in attributes.items()
        if name in ("src", "href", "srcset", "data") and not value.startswith("#section-")
    ]
    assert len(targets) == 2
    assert all(target.startswith("data:image/") for target in targets)


def test_pictures_are_embedded(sections, tmp_path):
    drawn, filed = Page(pages.html("", sections)).attributes("img")
    assert drawn["alt"] == HOSTILE
    png = base64.b64decode(drawn["src"].removeprefix("data:image/png;base64,"), validate=True)
    assert image.imread(io.BytesIO(png)).std() > 0.05
    svg = base64.b64decode(filed["src"].removeprefix("data:image/svg+xml;base64,"), validate=True)
    assert svg == (tmp_path / "bars.svg").read_bytes()


def test_all_texts_are_shown_literally(sections):
    page = Page(pages.html(HOSTILE, sections))
    assert page.texts("title", "h1") == [HOSTILE, HOSTILE]
    assert page.texts("h2") == [HOSTILE, "Numbers", "Figure", "File", "Log"]
    assert page.texts("p") == [HOSTILE, "Second.", "One paragraph."]
    assert page.texts("caption") == [HOSTILE]
    assert page.texts("th", "td") == ["class", HOSTILE, HOSTILE, "0.25", "b", "3"]
    # Browsers drop the first line break after the tag.
    assert page.texts("pre") == [f"\n\n  {HOSTILE}\n"]


def test_columns_of_numbers_are_right_aligned():
    row = ["12", "a", 1, np.float32(0.123456), "-1.5e-3", "97%", "nan", None, "1 of 2"]
    table = pages.Table("", [str(i) for i in range(len(row))], [row, [None, *row[1:]]])
    cells = [e for e in Page(pages.html("", [table])).elements if e[0] in ("th", "td")]
    right = [attributes.get("class") == "number" for _, attributes, _ in cells]
    assert right == [True, False, True, True, True, True, True, False, False] * 3
    assert cells[len(row) + 3][2] == "0.1235"


def test_a_report_can_be_a_section():
    page = Page(pages.html("", [pages.report_table("Report", counts_of(), digits=3)]))
    row_names = [e[2] for e in page.elements if e[1].get("scope") == "row"]
    assert row_names == ["0", "1", "2", "3", "accuracy", "macro avg", "weighted avg"]
    f1 = report(counts_of(), output_dict=True)["2"]["f1-score"]
    assert f"{f1:.3f}" in page.texts("td")


@pytest.mark.parametrize("write", [pages.html, pages.markdown_page])
def test_other_objects_than_sections_raise(write):
    with pytest.raises(TypeError, match=r"Sections must be a sequence of Text, .* got str"):
        write("", ["text"])
    with pytest.raises(
        ValueError, match="Row 1 of the table 'T' has 1 cells, but its header has 2"
    ):
        write("", [pages.Table("T", ["a", "b"], [[1, 2], [3]])])


def test_files_that_are_not_images_raise(tmp_path):
    with pytest.raises(ValueError, match=r"matrix\.jpg is not a \.png or \.svg file"):
        pages.html("", [pages.Picture("", tmp_path / "matrix.jpg", "")])
    with pytest.raises(ValueError, match=r"must be a matplotlib Figure or the path.* got int"):
        pages.html("", [pages.Picture("", 3, "")])
    with pytest.raises(FileNotFoundError):
        pages.html("", [pages.Picture("", tmp_path / "none.png", "")])


def test_without_jinja2_the_error_names_the_extra(monkeypatch):
    html_page._template.cache_clear()
    monkeypatch.setitem(sys.modules, "jinja2", None)
    with pytest.raises(ImportError, match=r"pip install 'dist-f1\[plot\]'"):
        pages.html("", [])


def test_a_page_as_markdown(sections):
    text = pages.markdown_page("Title", sections, ["a (1).png", "bars.svg"])
    blocks = text.split("\n\n")
    assert blocks[0] == "# Title"
    escaped = r"\<b\>\&\"x\"\|\`\$\_\*\\".replace(r"\"", '"')
    assert blocks[1:4] == [f"## {escaped}", escaped, "Second."]
    assert blocks[4] == "One paragraph."
    assert cells_of(blocks[6])[2] == [HOSTILE, "0.25"]
    assert f"![{escaped}](a%20%281%29.png)" in blocks
    assert "![bars](bars.svg)" in blocks
    assert text.endswith(f"```\n\n  {HOSTILE}\n```\n")


def test_paragraphs_do_not_become_lists_or_headings():
    starts = ["# a", "- b", "+ c", "1. d", "2) e", "---", "==="]
    text = pages.markdown_page("", [pages.Text("", [*starts, "-5 f", "1.5 g"])])
    lines = text.split("\n\n")[1:]
    escaped = [r"\# a", r"\- b", r"\+ c", r"1\. d", r"2\) e", r"\---", r"\==="]
    assert [line.strip() for line in lines] == [*escaped, "-5 f", "1.5 g"]


def test_a_fence_is_longer_than_fences_in_the_text():
    text = pages.markdown_page("", [pages.Preformatted("", "a\n````\nb")])
    assert "\n`````\na\n````\nb\n`````\n" in text


def test_pictures_need_relative_paths(tmp_path):
    drawn, filed = pages.Picture("", figure(), ""), pages.Picture("", tmp_path / "a.png", "")
    for picture in (drawn, filed):
        with pytest.raises(ValueError, match="no path relative to the page; pass image_paths"):
            pages.markdown_page("", [picture])
    with pytest.raises(ValueError, match="1 paths for 2 images"):
        pages.markdown_page("", [drawn, filed], ["a.png"])
    assert "(b/a.png)" in pages.markdown_page("", [pages.Picture("", "b/a.png", "")])
