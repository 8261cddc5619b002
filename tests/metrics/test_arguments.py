"""Arguments can be seen, and those of other libraries get a hint."""

import inspect
import pydoc

import pytest

import dist_f1
from dist_f1.callbacks import EvaluateScores
from dist_f1.compat import v1
from dist_f1.compat.v1.arguments import Options
from dist_f1.metrics import MetricOptions
from dist_f1.metrics.options import DEFAULTS

METRICS = [
    dist_f1.F1Score,
    dist_f1.FBetaScore,
    dist_f1.Precision,
    dist_f1.Accuracy,
    dist_f1.ConfusionMatrix,
    dist_f1.CohenKappa,
    dist_f1.Scores,
]


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.__name__)
def test_every_keyword_of_a_metric_is_shown_with_its_default(metric):
    parameters = inspect.signature(metric).parameters
    shown = {name: p.default for name, p in parameters.items() if name in DEFAULTS}
    expected = {n: d for n, d in DEFAULTS.items() if n not in metric._unsupported}
    assert shown == expected
    assert all(p.kind is not p.VAR_KEYWORD for p in parameters.values())
    # What is shown is accepted.
    assert metric(**shown).get_config().items() >= shown.items()


def test_help_shows_the_text_of_every_keyword():
    text = pydoc.plain(pydoc.render_doc(dist_f1.F1Score))
    for name in MetricOptions.__annotations__:
        assert f"{name}: " in text.partition("Raises:")[0], name
    assert "zero_division: The score where it is 0 / 0" in text
    assert "**options" not in text.partition("Methods")[0]


def test_keywords_that_a_class_does_not_have_are_not_shown():
    assert "top_k" not in inspect.signature(dist_f1.ThresholdSweep).parameters
    assert "sync" not in inspect.signature(EvaluateScores).parameters
    assert inspect.signature(EvaluateScores).parameters["ignore_class"].default is None


def test_functions_for_sessions_show_their_keywords():
    for function in (v1.f1_score, v1.precision, v1.eval_metric_ops):
        assert set(Options.__annotations__) <= set(inspect.signature(function).parameters)


def test_a_subclass_of_a_user_has_its_own_signature():
    class Mine(dist_f1.F1Score):
        def __init__(self, depth, **options):
            super().__init__("macro", **options)
            self.depth = depth

    class Plain(dist_f1.F1Score):
        pass

    assert list(inspect.signature(Mine).parameters)[:2] == ["depth", "num_classes"]
    assert inspect.signature(Plain) == inspect.signature(dist_f1.F1Score)
    assert Mine(3, num_classes=4).num_classes == 4


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        ({"class_id": 1}, r"labels=\[class_id\]"),
        ({"thresholds": 0.5}, r"threshold=, or use ThresholdSweep"),
        ({"num_labels": 3}, "num_classes=, and threshold="),
        ({"ignore_index": -1}, "ignore_class="),
        ({"task": "multiclass"}, "follows from the arguments"),
        ({"nun_classes": 3}, "Did you mean num_classes"),
        ({"zero_divison": 1}, "Did you mean zero_division"),
        ({"nonsense": 1}, "Unknown argument nonsense. Supported are"),
    ],
)
@pytest.mark.parametrize("make", [dist_f1.F1Score, dist_f1.Scores])
def test_arguments_of_other_libraries_get_a_hint(make, arguments, hint):
    with pytest.raises(TypeError, match=hint):
        make(**arguments)


def test_a_number_of_classes_as_first_argument_gets_a_hint():
    with pytest.raises(ValueError, match=r"got 5. For 5 classes, pass num_classes=5"):
        dist_f1.F1Score(5, "macro")
    with pytest.raises(TypeError, match="threshold= to decide each label"):
        EvaluateScores(([[1.0]], [0]), num_labels=3)
