"""Readers sort and filter tables with the mouse and with the keyboard."""

import browsers
import pytest

# WebDriver's code of the key.
ENTER = "\ue007"

TABLE = """
const table = document.querySelector("section.table table[data-sortable]");
return [...table.tBodies[0].rows].filter((row) => !row.hidden)
  .map((row) => [...row.cells].map((cell) => cell.textContent));
"""


@pytest.fixture
def headers(driver, pages):
    browsers.show(driver, pages["few"])
    (table, *_) = driver.find_elements("css selector", "section.table table[data-sortable]")
    return {e.text: e for e in table.find_elements("css selector", "thead button")}


def direction(button):
    return button.find_element("xpath", "..").get_attribute("aria-sort")


def test_a_click_sorts_numbers_and_a_second_click_reverses(driver, headers):
    rows = driver.execute_script(TABLE)
    button = headers["F1"]
    assert direction(button) == "none"
    for expected, is_reverse in (("ascending", False), ("descending", True)):
        button.click()
        assert direction(button) == expected
        found = [float(row[1]) for row in driver.execute_script(TABLE)]
        assert found == sorted((float(row[1]) for row in rows), reverse=is_reverse)


def test_the_keyboard_sorts_names(driver, headers):
    (button, *_) = headers.values()
    button.send_keys(ENTER)
    assert direction(button) == "ascending"
    names = [row[0] for row in driver.execute_script(TABLE)]
    assert names[-1] == "class 011"
    others = [direction(other) for other in headers.values()][1:]
    assert set(others) == {"none"}


def test_a_filter_hides_other_rows(driver, headers):
    (box, *_) = driver.find_elements("css selector", "section.table input[type=search]")
    box.send_keys("CLASS 00")
    rows = driver.execute_script(TABLE)
    assert 8 <= len(rows) < 12
    assert all("class 00" in " ".join(row) for row in rows)
    status = driver.find_element("css selector", "section.table output").text
    assert status == f"{len(rows)} of 12 rows"


def test_averages_stay_below(driver, headers):
    list(headers.values())[1].click()
    foot = driver.find_element("css selector", "section.table tfoot").text
    assert foot.startswith("macro average")
