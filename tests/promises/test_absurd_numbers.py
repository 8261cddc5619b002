"""A number that no computer can process raises one clear error at once, in every function."""

import ml_collections
import numpy as np
import pytest
from click.testing import CliRunner
from job_configs import config_for_dataset

import dist_f1
from dist_f1 import Counts, Sweep, pages
from dist_f1.callbacks import EvaluateScores, ScoreReport
from dist_f1.commands import report as command
from dist_f1.intervals import confidence_interval
from dist_f1.jobs import settings
from dist_f1.launching.errors import UsageError

COUNTS = Counts.from_labels([0, 1], [0, 1], 2, confusion=True).numpy()
DATA = np.zeros([2, 2], np.float32), np.zeros(2, np.int64)

# Each function takes an integer of at least 0 or 1, with a limit that is far from real values.
TAKERS = {
    "digits": [
        lambda n: dist_f1.report(COUNTS, digits=n),
        lambda n: pages.markdown(COUNTS, digits=n),
        lambda n: pages.report_table("", COUNTS, digits=n),
        lambda n: ScoreReport(digits=n),
    ],
    "every": [lambda n: ScoreReport(every=n), lambda n: EvaluateScores(DATA, every=n)],
    "batch_size": [lambda n: EvaluateScores(DATA, batch_size=n)],
    "thresholds": [
        lambda n: Sweep.from_scores([0, 1], [0.2, 0.7], thresholds=n),
        lambda n: dist_f1.ThresholdSweep(n),
    ],
    "num_classes": [
        lambda n: Counts.from_labels([0, 1], [0, 1], n),
        lambda n: dist_f1.F1Score(num_classes=n),
    ],
    "num_groups": [
        lambda n: Counts.from_labels([0, 1], [0, 1], 2, by=[0, 1], num_groups=n),
        lambda n: dist_f1.F1Score(num_groups=n),
    ],
    "top_k": [lambda n: dist_f1.F1Score(top_k=n)],
    "ignore_class": [lambda n: dist_f1.F1Score(ignore_class=n)],
    "draws": [lambda n: confidence_interval(COUNTS, "f1_macro", draws=n)],
    "seed": [lambda n: confidence_interval(COUNTS, "f1_macro", seed=n)],
}
ABSURD = [10**30, 10**5000, -(10**30), 2.5, float("nan"), float("inf"), True]


@pytest.mark.parametrize(
    "value", ABSURD, ids=lambda value: "huge" if value == 10**5000 else str(value)[:9]
)
@pytest.mark.parametrize("name", TAKERS)
def test_absurd_arguments_raise(name, value):
    for take in TAKERS[name]:
        with pytest.raises(ValueError, match=f"{name} must be ") as raised:
            take(value)
        assert len(str(raised.value)) < 200


@pytest.mark.parametrize("value", [10**10, 10**15])
@pytest.mark.parametrize(
    "name", ["digits", "thresholds", "num_classes", "num_groups", "top_k", "draws"]
)
def test_numbers_that_int64_holds_are_absurd_too(name, value):
    for take in TAKERS[name]:
        with pytest.raises(ValueError, match=f"{name} must be (at most|an integer from 0 to) "):
            take(value)


def test_the_limits_themselves_are_allowed():
    assert "0.50000000000000000" in dist_f1.report(Counts.from_labels([0, 1], [0, 0], 2), digits=17)
    assert dist_f1.F1Score(num_classes=10**6, top_k=5)
    assert Sweep.from_scores([0, 1], [0.2, 0.7], thresholds=10**4).num_classes == 1


def test_counts_of_too_many_numbers_raise():
    for options in ({"confusion": True}, {"by": [0, 1], "num_groups": 10**7}):
        with pytest.raises(ValueError, match=r"are supported\. Pass smaller sizes"):
            Counts.from_labels([0, 1], [0, 1], 10**7, **options)


@pytest.mark.parametrize(
    "take",
    [
        lambda beta: dist_f1.FBetaScore(beta=beta),
        lambda beta: dist_f1.scores.f_beta(COUNTS, beta=beta),
        lambda beta: dist_f1.F1Score(threshold=beta),
    ],
)
def test_integers_that_are_no_floats_raise(take):
    with pytest.raises(ValueError, match="must be a number"):
        take(10**5000)


@pytest.mark.parametrize("digits", ["99999", "18", "-1", "nan", "1" + "0" * 5000])
def test_an_absurd_option_is_a_usage_error(digits, tmp_path):
    COUNTS.save(tmp_path / "counts.npz")
    arguments = [str(tmp_path / "counts.npz"), f"--digits={digits}"]
    assert CliRunner().invoke(command.main, arguments).exit_code == 2


NUMBERS = [
    key
    for key, rule in settings._RULES.items()
    if rule.kind in (int, float) and key not in ("threshold", "validation_fraction")
]


@pytest.mark.parametrize(
    "value",
    [10**30, 10**5000, -(10**30), float("nan"), float("inf")],
    ids=["1e30", "huge", "-1e30", "nan", "inf"],
)
@pytest.mark.parametrize("key", [*NUMBERS, "threshold", "validation_fraction"])
def test_absurd_settings_are_usage_errors(key, value):
    value = 10**9 * value if key in ("feature_scale", "learning_rate") else value
    config = ml_collections.ConfigDict({**config_for_dataset("digits").to_dict(), key: value})
    with pytest.raises(UsageError, match=f"config.{key} must be ") as raised:
        settings.validate(config)
    assert len(str(raised.value)) < 300


@pytest.mark.parametrize("shape", [(10**30,), (10**5, 10**5)])
def test_rows_of_absurd_shape_are_a_usage_error(shape):
    config = {**config_for_dataset("digits").to_dict(), "feature_shape": shape}
    with pytest.raises(UsageError, match=r"config.feature_shape must be .* got \("):
        settings.validate(ml_collections.ConfigDict(config))


@pytest.mark.parametrize("key", NUMBERS)
def test_a_boolean_is_no_number(key):
    config = ml_collections.ConfigDict({**config_for_dataset("digits").to_dict(), key: True})
    with pytest.raises(UsageError, match=f"config.{key} must be .* got True"):
        settings.validate(config)
