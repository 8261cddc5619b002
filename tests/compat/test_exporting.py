"""`compare_by` selects the better of two evaluations."""

import math

import pytest

from dist_f1.compat import v1


@pytest.mark.parametrize(
    ("name", "best", "current", "better"),
    [
        ("f1_macro", 0.8, 0.9, True),
        ("f1_macro", 0.9, 0.8, False),
        ("f1_macro", 0.9, 0.9, False),
        ("hamming_loss", 0.2, 0.1, True),
        ("f1_macro_gap", 0.2, 0.1, True),
        ("f1_cat_gap", 0.2, 0.1, True),
        ("hamming_loss_group_11", 0.2, 0.1, True),
        ("val/hamming_loss", 0.2, 0.1, True),
        ("loss", 0.2, 0.1, True),
        ("average_loss", 0.2, 0.1, True),
        ("f1_lossless", 0.1, 0.2, True),
        ("my_f1", 0.1, 0.2, True),
        ("f1_macro", math.nan, 0.1, True),
        ("f1_macro", 0.1, math.nan, False),
        ("hamming_loss", 0.1, math.nan, False),
        ("f1_macro", math.nan, math.nan, False),
    ],
)
def test_the_better_score_wins_and_nan_never_does(name, best, current, better):
    compare = v1.compare_by(name)
    assert compare(best_eval_result={name: best}, current_eval_result={name: current}) is better


def test_the_direction_of_another_score_can_be_passed():
    assert v1.compare_by("my_loss", lower_is_better=True)({"my_loss": 2}, {"my_loss": 1})


def test_any_score_is_better_than_an_evaluation_without_it():
    assert v1.compare_by("f1")({"loss": 0.1}, {"f1": 0.0})
    assert v1.compare_by("f1")(None, {"f1": 0.0})


def test_a_missing_score_raises_with_its_name():
    with pytest.raises(ValueError, match=r"no 'f1'\. Compare by one of f1_macro, loss"):
        v1.compare_by("f1")({}, {"loss": 0.1, "f1_macro": 0.5})
