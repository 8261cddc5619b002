"""Every setting is checked before anything is loaded."""

import importlib.util
import pathlib
import re

import pytest

from dist_f1.jobs import settings

ROOT = pathlib.Path(__file__).parents[2]
# Beside them are the functions that one of them names.
# Those of training jobs.
CONFIGS = sorted(
    path
    for path in ROOT.glob("configs/*.py")
    if path.stem != "own_functions" and not path.stem.startswith("benchmarks")
)


def config_of(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.get_config()


def config_for(name, **changes):
    """The config of that name, complete."""
    config = settings.complete(config_of(CONFIGS[[path.stem for path in CONFIGS].index(name)]))
    with config.unlocked(), config.ignore_type():
        config.update(changes)
    return config


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_every_config_is_valid_and_names_its_data(path):
    config = settings.complete(config_of(path))
    settings.validate(config)
    own = {"own_data": "configs.own_functions:rows", "tpu": "digits"}
    assert config.dataset == own.get(path.stem, path.stem)


def test_what_a_config_leaves_out_has_a_default():
    all_keys = set(config_of(ROOT / "configs" / "own_data.py"))
    for path in CONFIGS:
        assert set(settings.complete(config_of(path))) == all_keys
    tasks = {"digits": "multiclass", "breast_cancer": "binary", "digit_pairs": "multilabel"}
    for name, task in tasks.items():
        assert config_for(name).task == task
    config = config_of(ROOT / "configs" / "own_data.py")
    given = config.to_dict()
    assert settings.complete(config).to_dict() == given


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("dataset", "mnist"),
        ("model", "transformer"),
        ("validation_fraction", 1.0),
        ("validation_fraction", 0.0),
        ("threshold", 0.5),
        ("average", "makro"),
        ("average", "samples"),
        ("strategy", "horovod"),
        ("replicas", 0),
        ("epochs", 0),
        ("batch_size", -1),
        ("learning_rate", 0.0),
        ("learning_rate", float("inf")),
        ("dtype", "int8"),
        ("seed", -1),
        ("seed", 1.5),
        ("epochs", "3"),
        ("epochs", 2.5),
        ("replicas", True),
        ("batch_size", None),
        ("threshold", "a"),
        ("learning_rate", "x"),
        ("save_predictions", 1),
        ("dataset", "npz:"),
        ("dataset", "tfrecord:"),
        ("dataset", "module:"),
        ("dataset", ":function"),
        ("dataset", "a-module:function"),
        ("dataset", "module:function()"),
        ("dataset", "configs/mine.py:rows"),
        ("model", "module:"),
        ("model", "npz:rows.npz"),
        ("task", "regression"),
        ("task", "binary"),
        ("num_classes", -1),
        ("num_classes", 3.0),
        ("class_names", "cat"),
        ("class_names", (1, 2)),
        ("validation_dataset", "validation.tfrecord"),
        ("validation_dataset", "npz:rows.npz"),
        ("validation_dataset", "tfrecord:"),
        ("validation_dataset", "tfrecord:rows"),
        ("feature", ""),
        ("label", ""),
        ("feature_shape", 8),
        ("feature_shape", (8, 0)),
        ("feature_shape", (8, 8.0)),
        ("feature_shape", (True, 8)),
        ("feature_type", "float64"),
        ("feature_scale", float("nan")),
        ("feature_scale", "1"),
        ("shuffle_buffer", -1),
        ("checkpoint_every", 0),
        ("log_every", 0),
        ("tensorboard", "yes"),
    ],
)
def test_a_value_out_of_range_is_refused_and_its_key_named(key, value):
    config = config_for("digits", **{key: value})
    value = re.escape(repr(value))
    with pytest.raises(ValueError, match=rf"^config\.{key} must be .*([gG]ot {value}\.$)"):
        settings.validate(config)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("dataset", "npz:rows.npz"),
        ("dataset", "npz:/a place/rows.npz"),
        ("dataset", "module:function"),
        ("dataset", "package.module:function"),
        ("model", "package.module:function"),
        ("num_classes", 10),
        ("class_names", ("cat", "dog")),
        ("feature_scale", 1),
        ("shuffle_buffer", 0),
    ],
)
def test_data_and_models_of_ones_own_may_be_named(key, value):
    settings.validate(config_for("digits", **{key: value}))


TFRECORD = {
    "dataset": "tfrecord:train-*",
    "validation_dataset": "tfrecord:validation-*",
    "feature_shape": (8, 8),
}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"validation_dataset": ""}, r"config\.validation_dataset must be tfrecord:GLOB too"),
        ({"feature_shape": ()}, r"config\.feature_shape must be the shape of config\.feature"),
        ({"label": "x"}, r"config\.label must be another one than config\.feature\. Got 'x'\."),
        (
            {"dataset": "npz:rows.npz"},
            r"config\.validation_dataset must be empty: config\.dataset=",
        ),
        ({"dataset": "a:b"}, r"config\.validation_dataset must be empty: config\.dataset=a:b"),
        ({"task": "binary"}, r"config\.threshold must be above 0, 0\.5 say"),
        ({"task": "multilabel"}, r"config\.threshold must be above 0, 0\.5 say"),
        ({"task": "binary", "threshold": 0.5}, r"config\.average must be one of binary: "),
        (
            {"task": "binary", "threshold": 0.5, "average": "binary", "num_classes": 3},
            r"config\.num_classes must be 2, or 0: a binary task has two classes\. Got 3\.",
        ),
    ],
)
def test_settings_of_files_must_fit_each_other(changes, message):
    settings.validate(config_for("digits", **TFRECORD))
    with pytest.raises(ValueError, match=message):
        settings.validate(config_for("digits", **{**TFRECORD, **changes}))


def test_a_task_of_ones_own_data_has_its_own_averages():
    binary = {"dataset": "a:b", "task": "binary", "threshold": 0.5, "average": "binary"}
    settings.validate(config_for("digits", **binary))
    settings.validate(config_for("digits", **binary, num_classes=2))
    multilabel = {**binary, "task": "multilabel", "average": "samples", "num_classes": 7}
    settings.validate(config_for("digits", **multilabel))


def test_a_key_too_many_or_too_few_is_named():
    config = config_for("digits", epoch=3)
    with pytest.raises(ValueError, match=r"unknown config\.epoch; the keys are dataset"):
        settings.validate(config)
    with config.unlocked():
        del config.epoch
        del config.seed
    with pytest.raises(ValueError, match=r"config\.seed is missing"):
        settings.validate(config)


def test_tasks_and_models_must_fit_the_data():
    with pytest.raises(ValueError, match=r"config\.model must be mlp"):
        settings.validate(config_for("breast_cancer", model="cnn"))
