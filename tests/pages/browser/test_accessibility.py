"""Axe finds nothing, in any mode and size, and pages fit narrow screens."""

import browsers
import pytest

PAGES = ("few", "many", "comparison")


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("width", [1280, 400])
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing(driver, pages, name, width, dark):
    browsers.show(driver, pages[name], width, dark=dark)
    # Hidden content is not checked, so open everything.
    driver.execute_script("document.querySelectorAll('details').forEach((d) => (d.open = true))")
    assert browsers.violations(driver) == []


def test_axe_would_find_a_missing_label(driver, pages):
    browsers.show(driver, pages["few"])
    driver.execute_script("document.querySelector('[data-chart]').removeAttribute('aria-label')")
    assert [rule for rule, _ in browsers.violations(driver)] == ["role-img-alt"]


@pytest.mark.parametrize("name", PAGES)
def test_a_narrow_page_does_not_scroll_sideways(driver, pages, name):
    browsers.show(driver, pages[name], 400)
    sizes = "const e = document.documentElement; return [e.scrollWidth, e.clientWidth];"
    scrolled, visible = driver.execute_script(sizes)
    assert scrolled <= visible


@pytest.mark.parametrize("name", PAGES)
def test_charts_fill_the_width_that_they_have(driver, pages, name):
    widths = """
    return [...document.querySelectorAll(".canvas")]
      .map((e) => [e.clientWidth, e.querySelector("svg, canvas").getBoundingClientRect().width]);
    """
    browsers.show(driver, pages[name], 1280)
    browsers.resize(driver, 400)
    browsers.settle(driver)
    for space, drawn in driver.execute_script(widths):
        assert drawn == pytest.approx(space, abs=1)
        assert 200 < drawn < 400
