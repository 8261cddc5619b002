"""A report has the sections that its results allow; the comparison has those of all runs."""

import itertools
import math
import re

import numpy as np
import pytest

from dist_f1 import Counts, pages, scores
from dist_f1.pages.results import Evaluation, Mistake, comparison_sections, report_sections
from dist_f1.pages.results.class_scores import class_scores
from dist_f1.pages.results.learning_curves import learning_curves
from dist_f1.pages.results.report import markdown_sections

NAMES = ["ant", "bee", "cow", "dog"]
HISTORY = [
    {"epoch": epoch, "split": split, "loss": 1 / epoch + gap, "f1_macro": 1 - 1 / epoch - gap}
    for epoch, (split, gap) in itertools.product([1, 2, 4], [("train", 0), ("validation", 0.1)])
]


def counts_of(seed=0, classes=4, rows=300):
    random = np.random.default_rng(seed)
    y_true = random.integers(0, classes, rows)
    y_pred = np.where(random.random(rows) < 0.7, y_true, random.integers(0, classes, rows))
    return Counts.from_labels(y_true, y_pred, classes, confusion=True).numpy()


def headings(sections):
    return [section.heading for section in sections]


def named(sections, heading):
    (section,) = [section for section in sections if section.heading == heading]
    return section


def test_counts_alone_make_a_report():
    assert headings(report_sections(Evaluation("", counts_of()))) == [
        "Verdict", "Classes", "Confusion matrix", "Commonest confusions"
    ]  # fmt: skip


def test_other_results_add_their_sections():
    evaluation = Evaluation(
        "",
        counts_of(),
        NAMES,
        scores={"accuracy": {"value": 0.75, "low": None, "high": math.nan}},
        history=HISTORY,
        settings={"epochs": 4, "token": 7, "validation_dataset": "", "tensorboard": False},
        versions={"NumPy": "2.0", "devices": ["GPU:0", "GPU:1"]},
        mistakes=[Mistake(3, "ant", "bee", 0.875)],
        pictures={"f1_per_class": "f1.png", "confusion_matrix": "matrix.png"},
    )
    sections = report_sections(evaluation)
    added = ["Learning curves", "Most confident mistakes", "Scores", "Run"]
    assert set(added) <= set(headings(sections))
    assert named(sections, "Scores").rows == [["accuracy", "0.7500", "", ""]]
    assert named(sections, "Most confident mistakes").rows == [["3", "ant", "bee", "0.8750"]]
    settings, versions = named(sections, "Run").sections
    assert settings.rows == [["epochs", "4"], ["tensorboard", "false"]]
    assert versions.rows == [["NumPy", "2.0"], ["devices", "GPU:0, GPU:1"]]
    text = pages.markdown_page("", markdown_sections(evaluation))
    assert re.findall(r"\]\((.*?)\)", text) == ["f1.png", "matrix.png"]


def test_learning_curves_have_a_point_for_each_epoch():
    (group,) = learning_curves(Evaluation("", counts_of(), history=HISTORY))
    loss, f1 = group.sections
    assert (loss.heading, f1.heading) == ("Loss", "Macro F1")
    assert loss.option["xAxis"]["data"] == ["1", "2", "4"]
    training, validation = loss.option["series"]
    assert training["data"] == [1.0, 0.5, 0.25]
    assert validation["data"] == [1.1, 0.6, 0.35]
    assert training["lineStyle"]["color"] != validation["lineStyle"]["color"]
    assert "validation ends at 0.650" in f1.alt


@pytest.mark.parametrize("broken", [{}, {"epoch": 1}, {"epoch": "x", "loss": 1}, {"loss": None}])
def test_records_without_numbers_are_left_out(broken):
    assert learning_curves(Evaluation("", counts_of(), history=[broken])) == []


def test_the_classes_have_their_scores_and_averages():
    counts = counts_of()
    (table,) = class_scores(Evaluation("", counts, NAMES))
    columns = dict(zip(table.header, zip(*table.rows, strict=True), strict=True))
    assert columns["class"] == tuple(NAMES)
    for title, score in (("F1", scores.f1), ("precision", scores.precision)):
        assert [float(x) for x in columns[title]] == pytest.approx(score(counts), abs=5e-5)
        footer = float(table.footer[0][table.header.index(title)])
        assert footer == pytest.approx(float(score(counts, "macro")), abs=5e-5)
    for low, f1, high in zip(columns["low"], columns["F1"], columns["high"], strict=True):
        assert 0 < float(low) < float(f1) < float(high) < 1


def test_the_worst_of_many_classes_comes_first_and_absent_ones_are_left_out():
    counts = counts_of(classes=40, rows=2000)
    extended = Counts.from_labels([0], [0], 42, confusion=True).numpy()
    (table,) = class_scores(Evaluation("", counts))
    f1 = [float(row[1]) for row in table.rows]
    assert f1 == sorted(f1)
    (table,) = class_scores(Evaluation("", extended))
    assert len(table.rows) == 1
    assert "41 classes that neither occur nor are predicted are left out" in table.caption


def test_a_comparison_has_a_column_for_each_run_and_the_differences():
    runs = [Evaluation(t, counts_of(seed), NAMES, history=HISTORY) for seed, t in enumerate("abc")]
    sections = comparison_sections(runs)
    assert [fact.label for fact in named(sections, "Verdict").facts] == ["a", "b", "c"]
    table = named(sections, "F1 by class")
    assert table.header == ["class", "a", "b", "c", "difference, b", "difference, c"]
    assert sorted(row[0] for row in table.rows) == NAMES
    for name, a, b, c, first, second in table.rows:
        k = NAMES.index(name)
        expected = [scores.f1(run.counts)[k] for run in runs]
        assert [float(x) for x in (a, b, c)] == pytest.approx(expected, abs=5e-5)
        assert float(first) == pytest.approx(expected[1] - expected[0], abs=5e-5)
        assert float(second) == pytest.approx(expected[2] - expected[0], abs=5e-5)
    losses = [min(float(row[4]), float(row[5])) for row in table.rows]
    assert losses == sorted(losses)
    loss, _ = named(sections, "Learning curves").sections
    series = loss.option["series"]
    assert [s["name"] for s in series] == [
        *("a, validation", "b, validation", "c, validation"),
        *("a, training", "b, training", "c, training"),
    ]
    # The curves of a run share its colour.
    assert series[1]["lineStyle"]["color"] == series[4]["lineStyle"]["color"]
    assert series[1]["lineStyle"]["type"] != series[4]["lineStyle"]["type"]


def test_runs_with_other_classes_can_be_compared():
    runs = [Evaluation("a", counts_of(), NAMES), Evaluation("a", counts_of(), [*NAMES[:3], "elk"])]
    table = named(comparison_sections(runs), "F1 by class")
    assert table.header[1:3] == ["a (0)", "a (1)"]
    rows = {row[0]: row[1:] for row in table.rows}
    assert rows["dog"][1:] == ["", ""]
    assert rows["elk"][0] == rows["elk"][2] == ""


def test_one_run_cannot_be_compared():
    with pytest.raises(ValueError, match="at least two runs to compare, got 1"):
        comparison_sections([Evaluation("a", counts_of())])
