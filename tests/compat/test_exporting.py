"""Which of two evaluations is the better one."""

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
def test_the_better_score_wins_and_nan_never(name, best, current, better):
    compare = v1.compare_by(name)
    assert compare(best_eval_result={name: best}, current_eval_result={name: current}) is better


def test_the_direction_of_a_name_of_ones_own_can_be_told():
    assert v1.compare_by("my_loss", lower_is_better=True)({"my_loss": 2}, {"my_loss": 1})


def test_a_best_evaluation_from_before_there_was_the_score_is_beaten():
    assert v1.compare_by("f1")({"loss": 0.1}, {"f1": 0.0})
    assert v1.compare_by("f1")(None, {"f1": 0.0})


def test_a_score_that_was_not_evaluated_is_named():
    with pytest.raises(ValueError, match="no 'f1', which is to be compared; it has f1_macro, loss"):
        v1.compare_by("f1")({}, {"loss": 0.1, "f1_macro": 0.5})
