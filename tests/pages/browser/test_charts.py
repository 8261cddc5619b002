"""Every control of a chart changes what it shows, and charts follow dark mode and print."""

import browsers
import pytest

# WebDriver's codes of keys.
SPACE, ARROW_RIGHT, CONTROL = "\ue00d", "\ue014", "\ue009"
MATRIX = """
const chart = [...document.querySelectorAll("[data-chart]")].map((e) => e.chart)
  .find((c) => c.data.option.series[0].type === "heatmap");
"""
CURVES = """
const chart = [...document.querySelectorAll("[data-chart]")].map((e) => e.chart)
  .find((c) => c.shown);
"""


def drawn_curves(driver):
    script = "return chart.instance.getOption().series.filter((s) => !s.silent).map((s) => s.name)"
    return driver.execute_script(CURVES + script)


def zoom(driver):
    script = "return chart.instance.getOption().dataZoom.map((z) => [z.start, z.end])"
    return driver.execute_script(MATRIX + script)


def matrix_section(driver):
    return driver.find_element("xpath", "//section[h2='Confusion matrix']")


def test_the_keyboard_switches_the_normalization(driver, pages):
    browsers.show(driver, pages["few"])
    dimension = MATRIX + "return chart.instance.getOption().visualMap[0].dimension"
    text = MATRIX + "return chart.element.querySelector('svg').textContent"
    assert driver.execute_script(dimension) == 2
    counts = driver.execute_script(text)
    first, *_ = matrix_section(driver).find_elements("css selector", "input[type=radio]")
    first.send_keys(ARROW_RIGHT)
    assert driver.execute_script(dimension) == 3
    assert driver.execute_script(text) != counts
    assert "100%" in driver.execute_script(text)


def test_buttons_zoom_the_matrix(driver, pages):
    browsers.show(driver, pages["many"])
    assert zoom(driver) == [[0, 100]] * 2
    closer, farther, everything = matrix_section(driver).find_elements("css selector", "button")
    closer.click()
    assert zoom(driver) == [[25, 75]] * 2
    closer.send_keys(SPACE)
    assert zoom(driver) == [[37.5, 62.5]] * 2
    farther.click()
    assert zoom(driver) == [[25, 75]] * 2
    everything.click()
    assert zoom(driver) == [[0, 100]] * 2


def test_ctrl_and_the_wheel_zoom_but_the_wheel_alone_scrolls(driver, pages):
    browsers.show(driver, pages["many"])
    from selenium.webdriver import ActionChains
    from selenium.webdriver.common.actions.wheel_input import ScrollOrigin

    element = driver.execute_script(MATRIX + "return chart.element")
    driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", element)
    origin = ScrollOrigin.from_element(element)
    ActionChains(driver).scroll_from_origin(origin, 0, -200).perform()
    assert zoom(driver) == [[0, 100]] * 2
    driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", element)
    with_ctrl = ActionChains(driver).key_down(CONTROL).scroll_from_origin(origin, 0, -200)
    with_ctrl.key_up(CONTROL).perform()
    browsers.settle(driver)
    ((start, end), _) = zoom(driver)
    assert 0 < start < end < 100


def test_the_pointer_shows_the_numbers_of_a_cell(driver, pages):
    from selenium.webdriver import ActionChains

    browsers.show(driver, pages["few"])
    element = driver.execute_script(MATRIX + "return chart.element")
    driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", element)
    # The last cell of the diagonal.
    x, y = driver.execute_script(
        MATRIX + "return chart.instance.convertToPixel({seriesIndex: 0}, [11, 11])"
    )
    width, height = element.size["width"], element.size["height"]
    moves = ActionChains(driver)
    moves.move_to_element_with_offset(element, int(x - width / 2), int(y - height / 2))
    moves.perform()
    browsers.settle(driver)
    lines = [e.text for e in element.find_elements("css selector", "div > div > div")]
    assert {"predicted: class 011", "true: class 011"} <= set(lines)
    assert any(line.startswith("share of the true class: ") for line in lines)


def test_readers_choose_curves(driver, pages):
    browsers.show(driver, pages["many"])
    before = drawn_curves(driver)
    assert len(before) == 4
    assert before[0].startswith("mean of all classes")
    picker = driver.find_element("css selector", ".picker")
    picker.find_element("css selector", "summary").send_keys(SPACE)
    picker.find_element("css selector", "input[type=search]").send_keys("mean of")
    (box,) = [
        e for e in picker.find_elements("css selector", "input[type=checkbox]") if e.is_displayed()
    ]
    box.send_keys(SPACE)
    assert drawn_curves(driver) == before[1:]
    assert "3 of 51 shown" in picker.text


def test_of_many_classes_only_the_most_confused_are_drawn(driver, pages):
    browsers.show(driver, pages["many"])
    shown = driver.execute_script(MATRIX + "return chart.data.option.xAxis.data.length")
    assert shown <= 60
    assert f"Only the {shown} of 150 classes" in matrix_section(driver).text


@pytest.mark.parametrize("name", ["few", "many", "comparison"])
def test_charts_follow_dark_mode(driver, pages, name):
    colors = """
    return [...document.querySelectorAll(".canvas svg")].map((svg) =>
      [...svg.querySelectorAll("text")].map((text) => text.getAttribute("fill")));
    """
    browsers.show(driver, pages[name])
    light = driver.execute_script(colors)
    assert light
    browsers.set_dark(driver, True)
    browsers.settle(driver)
    dark = driver.execute_script(colors)
    for one, other in zip(light, dark, strict=True):
        assert set(one) & set(other) == set()
    browsers.set_dark(driver, False)
    browsers.settle(driver)
    assert driver.execute_script(colors) == light


def test_a_page_printed_in_dark_mode_is_light(driver, pages):
    browsers.show(driver, pages["few"], dark=True)
    color = "document.querySelector('.canvas svg text').getAttribute('fill')"
    note = f"addEventListener('beforeprint', () => {{ window.printed = {color}; }})"
    driver.execute_script(note)
    dark = driver.execute_script(f"return {color}")
    driver.execute_cdp_cmd("Page.printToPDF", {})
    printed = driver.execute_script("return window.printed")
    browsers.settle(driver)
    assert driver.execute_script(f"return {color}") == dark
    browsers.set_dark(driver, False)
    browsers.settle(driver)
    assert printed == driver.execute_script(f"return {color}") != dark


def test_charts_fit_the_paper_and_controls_are_not_printed(driver, pages):
    browsers.show(driver, pages["few"])
    driver.execute_script("dispatchEvent(new Event('beforeprint'))")
    # As in a print, the width changes only after the event.
    browsers.set_dark(driver, False, "print")
    browsers.resize(driver, 700)
    state = """
    const right = (e) => e.getBoundingClientRect().right;
    const all = (selector) => [...document.querySelectorAll(selector)];
    return {
      controls: all(".controls, nav").filter((e) => e.offsetParent).length,
      tables: all("table").filter((e) => e.offsetParent && right(e) > 700).length,
      charts: all(".canvas").map((e) => [
        right(e), right(e.querySelector("svg")), e.querySelector("svg").getAttribute("viewBox"),
        e.offsetHeight,
      ]),
    };
    """
    found = driver.execute_script(state)
    browsers.set_dark(driver, False)
    assert not found["controls"]
    assert not found["tables"]
    for space, drawn, box, height in found["charts"]:
        assert drawn <= space + 1 <= 700
        assert box.startswith("0 0 ")
        assert height > 100
