"""Pages have only the scripts that they need, and data that cannot end them."""

import base64
import hashlib
import json
import math
import re

import numpy as np
import pytest

from dist_f1 import pages
from dist_f1.counts.visible_text import visible_text
from dist_f1.pages import scripts

HOSTILE = "</script><b>&<!--\u2028"
CHART = pages.Chart("Curve", {"series": [{"type": "line", "name": HOSTILE, "data": [1]}]}, "a line")
SORTABLE = pages.Table("T", ["a", "b"], [[HOSTILE, 1]], is_sortable=True)


def scripts_of(page):
    """Return the executed scripts of a page, and its data."""
    found = re.findall(r"<script([^>]*)>(.*?)</script>", page, re.DOTALL)
    executed = [text for attributes, text in found if not attributes]
    return executed, [text for attributes, text in found if "application/json" in attributes]


@pytest.mark.parametrize("sections", [[], [pages.Text("", "a")], [pages.Facts("", [])]])
def test_pages_without_charts_have_no_scripts(sections):
    page = pages.html("", sections)
    assert "<script" not in page
    assert "script-src 'none'" in page


def test_a_sortable_table_needs_no_library():
    (script,), _ = scripts_of(pages.html("", [SORTABLE]))
    assert len(script) < 5000


def test_sections_within_groups_and_charts_have_their_scripts():
    nested = CHART._replace(table=SORTABLE)
    executed, (data,) = scripts_of(pages.html("", [pages.Group("", [nested])]))
    assert len(executed) == 6
    shown = visible_text(HOSTILE)
    assert json.loads(data)["option"] == json.loads(
        json.dumps(CHART.option).replace(json.dumps(HOSTILE), json.dumps(shown))
    )


def test_the_policy_allows_exactly_the_scripts_of_the_page():
    page = pages.html("", [CHART, SORTABLE])
    executed, _ = scripts_of(page)
    hashes = [
        base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in executed
    ]
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', page)
    assert policy.startswith("default-src 'none';")
    assert policy.endswith("script-src" + "".join(f" 'sha256-{h}'" for h in hashes))


def test_the_library_is_the_published_one():
    folder = scripts._FOLDER / "vendor"
    library = (folder / "echarts" / "echarts.min.js").read_bytes()
    assert hashlib.sha256(library).hexdigest() == scripts.ECHARTS_SHA256
    assert f'version="{scripts.ECHARTS_VERSION}"'.encode() in library
    readme = (folder / "README.md").read_text()
    assert scripts.ECHARTS_SHA256 in readme
    assert scripts.ECHARTS_VERSION in readme
    assert "Apache License" in (folder / "echarts" / "LICENSE").read_text()
    page = pages.html("", [CHART])
    assert f"Apache ECharts {scripts.ECHARTS_VERSION}, © 2017-2026 The Apache Software" in page


def test_data_cannot_end_their_script():
    page = pages.html(HOSTILE, [CHART, SORTABLE])
    _, (data,) = scripts_of(page)
    assert not set("<>&\u2028") & set(data)
    assert json.loads(data)["option"]["series"][0]["name"] == visible_text(HOSTILE)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (math.nan, "null"),
        (np.float32(0.5), "0.5"),
        (np.array([1.0, math.inf]), "[1,null]"),
        ((1, "ä"), '[1,"ä"]'),
        (pages.View("a", {"b": 2.0}), '{"label":"a","option":{"b":2}}'),
        ({"a": True, "b": None}, '{"a":true,"b":null}'),
    ],
)
def test_values_become_json(value, text):
    assert scripts.embedded_json(value) == text


def test_our_own_scripts_are_small():
    for path in (scripts._FOLDER / "javascript").glob("*.js"):
        assert len(path.read_text().splitlines()) < 200
        assert not re.search(r"\beval\b|innerHTML|document\.write|new Function", path.read_text())
