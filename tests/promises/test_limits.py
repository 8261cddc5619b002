"""Absurd numbers raise at once, instead of a call that does not end or fills the memory."""

import click
import numpy as np
import pytest

import dist_f1
from dist_f1 import Counts, Sweep, confidence_interval, pages, report
from dist_f1.callbacks import EvaluateScores, ScoreReport
from dist_f1.commands.job_options import Seconds

COUNTS = Counts.from_labels([0, 1], [0, 1], 2)
HUGE = 10**15
CALLS = {
    "digits": lambda: report(COUNTS, digits=99999),
    "digits of a float": lambda: report(COUNTS, digits=2.0),
    "negative digits": lambda: report(COUNTS, digits=-1),
    "digits of a table": lambda: pages.markdown(COUNTS, digits=18),
    "digits of ScoreReport": lambda: ScoreReport(digits=18),
    "num_classes of labels": lambda: Counts.from_labels([0], [0], HUGE),
    "num_classes": lambda: dist_f1.F1Score("macro", num_classes=HUGE),
    "num_groups": lambda: dist_f1.F1Score("macro", num_groups=HUGE),
    "groups of labels": lambda: Counts.from_labels([0], [0], 2, by=[0], num_groups=2**30),
    "confusion": lambda: Counts.from_labels([0], [0], 10**6, confusion=True),
    "top_k": lambda: dist_f1.F1Score("macro", top_k=HUGE),
    "ignore_class": lambda: dist_f1.F1Score("macro", ignore_class=2**63),
    "thresholds": lambda: Sweep.from_scores([0, 1], [0.1, 0.2], thresholds=10**12),
    "list of thresholds": lambda: dist_f1.ThresholdSweep(np.linspace(0.1, 1.0, 100_001)),
    "draws": lambda: confidence_interval(COUNTS, "f1_macro", draws=10**12),
    "level": lambda: confidence_interval(COUNTS, "f1_macro", float("nan")),
    "every": lambda: EvaluateScores(([], []), every=0.5),
    "nan epochs": lambda: ScoreReport(every=float("nan")),
    "steps": lambda: EvaluateScores(([], []), steps=float("inf")),
}


@pytest.mark.parametrize("name", CALLS)
def test_absurd_numbers_raise_at_once(name):
    with pytest.raises(ValueError, match=r"got|supported"):
        CALLS[name]()


@pytest.mark.parametrize("value", ["nan", "inf", "-inf", "-1", "1e30", "2592001"])
def test_seconds_of_an_option_are_finite(value):
    with pytest.raises(click.BadParameter):
        Seconds().convert(value, None, None)


def test_usual_seconds_are_accepted():
    assert Seconds().convert("0.5", None, None) == 0.5


def test_all_digits_of_a_float64_are_accepted():
    assert "1.00000000000000000" in report(COUNTS, digits=17)
