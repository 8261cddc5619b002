"""Arguments can be seen, and those of other libraries get a hint."""

import functools
import inspect
import pickle
import pydoc

import numpy as np
import pytest
import tensorflow as tf

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
    dist_f1.ThresholdSweep,
]
V1 = [v1.f_beta, v1.f1_score, v1.precision, v1.recall, v1.confusion_counts, v1.eval_metric_ops]


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.__name__)
def test_every_keyword_of_a_metric_is_shown_with_its_default(metric):
    parameters = inspect.signature(metric).parameters
    shown = {name: p.default for name, p in parameters.items() if name in DEFAULTS}
    expected = {n: d for n, d in DEFAULTS.items() if n not in metric._unsupported}
    assert shown == expected
    assert all(p.kind is not p.VAR_KEYWORD for p in parameters.values())
    # What is shown is accepted.
    assert metric(**shown).get_config().items() >= shown.items()


@pytest.mark.parametrize("shown", [*METRICS, EvaluateScores, *V1], ids=lambda x: x.__name__)
def test_every_argument_is_described_once(shown):
    arguments = inspect.getdoc(shown).partition("Args:")[2]
    for name in inspect.signature(shown).parameters:
        assert arguments.count(f"\n    {name}: ") == 1, name
    assert "**options" not in arguments
    assert "betas" not in inspect.signature(shown).parameters or shown is v1.confusion_counts


def test_help_shows_the_text_of_every_keyword():
    text = pydoc.plain(pydoc.render_doc(dist_f1.F1Score))
    for name in MetricOptions.__annotations__:
        assert f"{name}: " in text.partition("Raises:")[0], name
    assert "zero_division: Value of a score that is 0 / 0" in text
    assert "**options" not in text.partition("Methods")[0]


def test_keywords_that_a_class_does_not_have_are_not_shown():
    assert "top_k" not in inspect.signature(dist_f1.ThresholdSweep).parameters
    assert "sync" not in inspect.signature(EvaluateScores).parameters
    assert inspect.signature(EvaluateScores).parameters["ignore_class"].default is None


def test_functions_for_sessions_show_their_keywords():
    for function in V1:
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
    with pytest.raises(TypeError, match=r"Did you mean depth\? Supported are depth, num_classes"):
        Mine(3, depht=4)


def test_a_subclass_may_pass_all_arguments_on():
    class Forwards(dist_f1.F1Score):
        """A docstring of its own."""

        def __init__(self, *args, **kwargs):
            super().__init__(*args, **kwargs)

    assert Forwards.__doc__ == "A docstring of its own."
    assert Forwards("macro", sync="epoch").sync == "epoch"
    with pytest.raises(TypeError, match=r"Did you mean zero_division\?"):
        Forwards(zero_divison=1)


def test_tools_that_wrap_or_copy_a_class_keep_working():
    partial = functools.partial(dist_f1.F1Score, "macro", num_classes=3)
    assert inspect.signature(partial).parameters["sync"].default == "step"
    assert functools.wraps(dist_f1.F1Score)(lambda: None).__doc__ == dist_f1.F1Score.__doc__
    metric = pickle.loads(pickle.dumps(partial(top_k=2)))
    assert metric.get_config() == partial(top_k=2).get_config()
    assert type(metric).from_config(metric.get_config()).top_k == 2
    assert pickle.loads(pickle.dumps(dist_f1.Precision)) is dist_f1.Precision

    @tf.keras.utils.register_keras_serializable(package="tests")
    class Registered(dist_f1.Precision):
        pass

    config = tf.keras.metrics.serialize(Registered("micro", labels=[1]))
    assert tf.keras.metrics.deserialize(config).labels == (1,)


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        ({"class_id": 1}, r"labels=\[class_id\]"),
        ({"thresholds": 0.5}, r"threshold=, or use ThresholdSweep"),
        ({"num_labels": 3}, "num_classes=, and threshold="),
        ({"ignore_index": -1}, "ignore_class="),
        ({"task": "multiclass"}, "follows from the arguments"),
        ({"k": 2}, "top_k="),
        ({"curve": "PR"}, "ThresholdSweep"),
        ({"pos_label": 1}, 'average="binary"'),
        ({"normalize": "true"}, "ConfusionMatrix has normalize="),
        ({"multi_label": True}, "threshold= to decide each class"),
        ({"num_label": 3}, "num_classes=, and threshold="),
        ({"sample_weight": [1]}, "sample_weight to update_state"),
        ({"threshhold": 0.5}, r"Did you mean threshold\?"),  # codespell:ignore
        ({"nun_classes": 3}, "Did you mean num_classes"),
        ({"zero_divison": 1}, "Did you mean zero_division"),
        ({"nonsense": 1}, "Unknown argument nonsense. Supported are"),
    ],
)
@pytest.mark.parametrize("make", [dist_f1.F1Score, dist_f1.Scores])
def test_arguments_of_other_libraries_get_a_hint(make, arguments, hint):
    with pytest.raises(TypeError, match=hint):
        make(**arguments)


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        ({"confusion": True}, r"Scores\(confusion=True\)"),
        ({"betas": (2.0,)}, "FBetaScore has beta="),
    ],
)
def test_what_only_other_metrics_count_gets_a_hint(arguments, hint):
    for make in (dist_f1.F1Score, dist_f1.Accuracy, dist_f1.FBetaScore):
        with pytest.raises(TypeError, match=hint):
            make(**arguments)


def test_a_number_of_classes_as_first_argument_gets_a_hint():
    with pytest.raises(ValueError, match=r"got 5. For 5 classes, pass num_classes=5"):
        dist_f1.F1Score(5, "macro")
    with pytest.raises(TypeError, match=r"threshold= to decide.* Supported are dataset, scores, "):
        EvaluateScores(([[1.0]], [0]), num_labels=3)
    with pytest.raises(TypeError, match=r"part of the names"):
        EvaluateScores(([[1.0]], [0]), average="macro")
    with pytest.raises(TypeError, match=r"thresholds=. Supported are thresholds, (?!.*top_k)"):
        dist_f1.ThresholdSweep(num_thresholds=200)
    with pytest.raises(ValueError, match=r"no top_k=. A sweep decides"):
        dist_f1.ThresholdSweep(top_k=2)
    with tf.Graph().as_default(), pytest.raises(TypeError, match=r"Pass weights=. Supported"):
        v1.f1_score([0, 1], [0, 1], 2, sample_weight=[1, 1])


@pytest.mark.parametrize(
    "make",
    [
        lambda: dist_f1.FBetaScore(5, "macro", 2.0),
        lambda: dist_f1.F1Score("macro", 5),
        lambda: dist_f1.ConfusionMatrix(5),
        lambda: dist_f1.CohenKappa(np.int64(5)),
        lambda: dist_f1.Accuracy(5),
        lambda: dist_f1.Scores(5),
        lambda: EvaluateScores(([[1.0]], [0]), 5),
    ],
)
def test_a_number_of_classes_as_another_argument_gets_a_hint(make):
    with pytest.raises(ValueError, match=r"For 5 classes, pass num_classes=5"):
        make()


@pytest.mark.parametrize(
    ("average", "hint"),
    [
        (0.5, "For a threshold, pass threshold=0.5"),
        ([0.3, 0.5], r"For a threshold, pass threshold=\[0.3, 0.5\]"),
        ("none", "Pass None without quotes"),
        ("weigthed", "Did you mean 'weighted'"),  # codespell:ignore
        ("multiclass", "Omit it, and pass num_classes="),
        ("multilabel", "pass threshold=0.5 instead"),
        (object, "got <class 'object'>.$"),
    ],
)
def test_values_of_other_arguments_get_a_hint(average, hint):
    with pytest.raises(ValueError, match=f"average must be None or one of .*{hint}"):
        dist_f1.Precision(average)
