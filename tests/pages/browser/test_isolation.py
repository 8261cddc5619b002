"""Pages send no request, log no error, and show the names of classes literally."""

import browsers
import example_runs
import pytest

PAGES = ("few", "many", "comparison")


@pytest.mark.parametrize("name", PAGES)
def test_pages_send_no_request_and_log_no_error(driver, pages, name):
    browsers.show(driver, pages[name])
    driver.execute_script("window.scrollTo(0, document.body.scrollHeight)")
    assert browsers.requests(driver) == []
    assert browsers.console_errors(driver) == []


def test_a_request_would_be_blocked_and_seen(driver, pages):
    browsers.show(driver, pages["few"])
    driver.execute_script("new Image().src = 'http://127.0.0.1:9/picture.png'")
    browsers.settle(driver)
    assert "Content Security Policy" in " ".join(browsers.console_errors(driver))


@pytest.mark.parametrize("name", ["few", "comparison"])
def test_hostile_names_are_text_everywhere(driver, pages, name):
    browsers.show(driver, pages[name])
    assert driver.execute_script("return document.querySelectorAll('b, img').length") == 0
    cells = driver.execute_script(
        "return [...document.querySelectorAll('tbody th')].map((e) => e.textContent)"
    )
    assert example_runs.HOSTILE in cells
    # Curves of this name can be chosen, and tooltips show it as text.
    for box in driver.find_elements("css selector", ".picker input[type=checkbox]"):
        driver.execute_script("arguments[0].click()", box)
    assert driver.execute_script("return document.querySelectorAll('b, img').length") == 0
    assert browsers.console_errors(driver) == []


def test_the_tooltip_of_a_hostile_name_is_text(driver, pages):
    browsers.show(driver, pages["few"])
    shown = driver.execute_script(
        """
        const element = [...document.querySelectorAll("[data-chart]")]
          .find((e) => e.chart.data.option.series[0].type === "heatmap");
        element.chart.instance.dispatchAction({type: "showTip", seriesIndex: 0, dataIndex: 0});
        return element.textContent;
        """
    )
    assert example_runs.HOSTILE in shown
    assert driver.execute_script("return document.querySelectorAll('b, img').length") == 0
