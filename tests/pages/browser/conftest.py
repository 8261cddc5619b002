"""Chromium, and example pages. `make test-browser` fails without them; other commands skip."""

import os
import shutil

import browsers
import example_runs
import pytest

from dist_f1.jobs.run_page import render_html

IS_REQUIRED = "DIST_F1_REQUIRE_BROWSER" in os.environ


def pytest_collection_modifyitems(items):
    for item in items:
        if "browser" in item.path.parts:
            item.add_marker(pytest.mark.slow)


@pytest.fixture(scope="session")
def driver():
    if not IS_REQUIRED:
        pytest.importorskip("selenium")
        pytest.importorskip("axe_playwright_python")
        if not shutil.which("chromedriver"):
            pytest.skip("chromedriver is not installed")
    with browsers.chromium() as opened:
        yield opened


@pytest.fixture(scope="session")
def pages(tmp_path_factory):
    """Pages by name: of runs with hostile names, with many classes, and of a comparison."""
    folder = tmp_path_factory.mktemp("pages")
    few = example_runs.write_run(folder / "few", 12, hostile=True)
    other = example_runs.write_run(folder / "other", 12, hostile=True, seed=1, learning_rate=0.02)
    many = example_runs.write_run(folder / "many", 150, rows=1500)
    paths = {}
    for name, runs in (("few", [few]), ("many", [many]), ("comparison", [few, other])):
        paths[name] = folder / f"{name}.html"
        paths[name].write_text(render_html(runs), encoding="utf-8")
    return paths
