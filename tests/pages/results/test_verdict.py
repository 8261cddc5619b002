"""The verdict names the numbers that readers look for."""

import numpy as np
import pytest

from dist_f1 import Counts
from dist_f1.pages.results import Evaluation
from dist_f1.pages.results.verdict import verdict

Y_TRUE = [0] * 50 + [1] * 30 + [2] * 20
Y_PRED = [0] * 50 + [1] * 20 + [2] * 10 + [2] * 15 + [1] * 4 + [0]


def facts(counts, names=None, **fields):
    (section,) = verdict(Evaluation("", counts.numpy(), names, **fields))
    return {fact.label: fact for fact in section.facts}


def test_of_classes_the_worst_and_the_commonest_confusion_are_named():
    found = facts(Counts.from_labels(Y_TRUE, Y_PRED, 3, confusion=True), ["ant", "bee", "cow"])
    assert found["Macro F1"].value == "0.799"
    assert "of 3 classes" in found["Macro F1"].sentence
    assert "95% confidence interval is 0.698 to 0.878, from 100" in found["Macro F1"].sentence
    assert found["Worst class"].value == "cow"
    assert "F1 is 0.667: precision 0.600, and recall 0.750 of 20" in found["Worst class"].sentence
    assert found["Commonest confusion"].value == "bee → cow"
    assert found["Commonest confusion"].sentence.startswith("10 of 30 rows of bee")
    assert found["Rows not counted"][1:] == ("0", "All 100 rows count.")


def test_the_interval_of_the_run_is_used():
    scores = {"f1_macro": {"value": 0.5, "low": 0.25, "high": 0.75}}
    counts = Counts.from_labels(Y_TRUE, Y_PRED, 3)
    assert "is 0.250 to 0.750, from" in facts(counts, scores=scores)["Macro F1"].sentence


def test_a_binary_task_has_the_f1_of_its_positive_class():
    counts = Counts.from_labels([0, 0, 1, 1, 1], [0, 1, 1, 1, 0], 1)
    found = facts(counts, ["no", "yes"])
    assert found["F1 of yes"].value == "0.667"
    assert found["Worst class"].value == "no"
    assert found["Commonest confusion"].value == "no → yes"


def test_lost_rows_are_counted_with_their_cause():
    counts = Counts.from_labels([0, 1, -1, 7], [0, 1, 1, 1], 3, confusion=True)
    found = facts(counts)
    assert found["Rows not counted"].value == "2"
    assert "2 of 4 rows were not counted: 1 has the label" in found["Rows not counted"].sentence
    assert found["Macro F1"].value == "1.000"


def test_without_errors_there_is_no_worst_class():
    found = facts(Counts.from_labels([0, 1], [0, 1], 3, confusion=True))
    assert found["Worst class"].value == "none"
    assert found["Commonest confusion"].value == "none"


def test_without_a_matrix_there_is_no_confusion():
    assert "Commonest confusion" not in facts(Counts.from_labels(Y_TRUE, Y_PRED, 3))


@pytest.mark.parametrize("missed", [True, False])
def test_multilabel_rows_have_the_commonest_error(missed):
    true, predicted = np.array([[1, 0], [1, 0], [1, 1]]), np.array([[0, 0], [0, 0], [1, 1]])
    counts = Counts.from_labels(*((true, predicted) if missed else (predicted, true)), 2)
    found = facts(counts, ["a", "b"])
    label = "Missed most often" if missed else "Wrong most often"
    assert found[label].value == "a"
    assert found[label].sentence.startswith("2 of its 3 ")


def test_weights_have_no_interval():
    found = facts(Counts.from_labels([0, 1], [0, 0], 2, [0.5, 1.25], confusion=True))
    assert "1.75 weight of 2 classes; there is no interval" in found["Macro F1"].sentence
