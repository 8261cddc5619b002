"""The threshold explorer shows the counts of the sweep at each threshold."""

import browsers
import pytest

from dist_f1 import Sweep

ARROW_RIGHT, HOME = "\ue014", "\ue011"


@pytest.fixture
def explorer(driver, pages):
    browsers.show(driver, pages["few"])
    return driver.find_element("css selector", ".explorer")


@pytest.fixture
def sweep(pages):
    return Sweep.load(pages["few"].parent / "few" / "sweep.npz")


def shown(explorer):
    """Return the counts and the scores on the page."""
    counts = {
        e.get_attribute("data-count"): int(e.text.replace(",", ""))
        for e in explorer.find_elements("css selector", "[data-count]")
    }
    scores = {
        e.get_attribute("data-score"): e.text
        for e in explorer.find_elements("css selector", "[data-score]")
    }
    return counts, scores


def choose(explorer, name):
    select = explorer.find_element("css selector", "select")
    (option,) = [e for e in select.find_elements("css selector", "option") if e.text == name]
    option.click()


def expected(sweep, k, i):
    counts = sweep.counts.at(i)
    return {
        "tp": counts.true_positive[k],
        "fp": counts.false_positive[k],
        "fn": counts.false_negative[k],
        "tn": counts.true_negative[k],
    }


def test_a_chosen_class_starts_at_its_best_threshold(explorer, sweep):
    choose(explorer, "class 005")
    best = sweep.best()
    i = sweep.thresholds.tolist().index(best.threshold[5])
    counts, scores = shown(explorer)
    assert counts == expected(sweep, 5, i)
    assert scores["f1"] == f"{best.score[5]:.4f}"
    output = explorer.find_element("css selector", "output").text
    assert output == f"{best.threshold[5]:.4g}, the best: F1 {best.score[5]:.4f}"


def test_the_keyboard_moves_the_threshold(explorer, sweep):
    choose(explorer, "class 005")
    slider = explorer.find_element("css selector", "input[type=range]")
    slider.send_keys(HOME, *[ARROW_RIGHT] * 3)
    counts, scores = shown(explorer)
    assert counts == expected(sweep, 5, 3)
    recall = counts["tp"] / (counts["tp"] + counts["fn"])
    assert scores["recall"] == f"{recall:.4f}"
    assert slider.get_attribute("aria-valuetext") == f"{sweep.thresholds[3]:.4g}"
    explorer.find_element("css selector", "button").click()
    assert "the best" in explorer.find_element("css selector", "output").text


def test_all_classes_have_macro_averages(explorer, sweep):
    best = sweep.best("macro")
    counts, scores = shown(explorer)
    assert scores["f1"] == f"{best.score:.4f}"
    assert counts["tp"] == best.counts.true_positive.sum()


def test_both_the_chosen_and_the_best_threshold_are_marked(driver, explorer):
    marks = """
    const option = document.querySelector(".explorer").explorer.instance.getOption();
    return option.series[2].markLine.data.map((mark) => mark.name);
    """
    assert driver.execute_script(marks) == ["best"]
    explorer.find_element("css selector", "input[type=range]").send_keys(HOME)
    assert driver.execute_script(marks) == ["chosen", "best"]
