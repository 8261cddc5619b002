"""Every setting is checked before anything is loaded."""

import re

import pytest
from job_configs import CONFIGS, config_for, read_config

from dist_f1.jobs import settings


@pytest.mark.parametrize("name", CONFIGS)
def test_every_config_is_valid_and_complete(name):
    config = settings.complete(read_config(name))
    settings.validate(config)
    datasets = {"own_data": "configs.own_functions:rows", "tpu": "digits"}
    assert config.dataset == datasets.get(name, name)
    assert set(config) == set(read_config("own_data"))


def test_omitted_settings_have_defaults():
    tasks = {"digits": "multiclass", "breast_cancer": "binary", "digit_pairs": "multilabel"}
    for name, task in tasks.items():
        assert config_for(name).task == task
    config = read_config("own_data")
    given = config.to_dict()
    assert settings.complete(config).to_dict() == given


def test_the_old_names_of_settings_still_work_and_warn():
    config = read_config("digits")
    with config.unlocked():
        config.feature, config.label = "image", "digit"
    with pytest.warns(FutureWarning) as warnings:
        config = settings.complete(config)
    assert [str(warning.message) for warning in warnings] == [
        "config.feature is deprecated. Rename it to config.feature_key.",
        "config.label is deprecated. Rename it to config.label_key.",
    ]
    assert (config.feature_key, config.label_key) == ("image", "digit")
    settings.validate(config)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("dataset", "mnist"),
        ("model", "transformer"),
        ("validation_fraction", 1.0),
        ("validation_fraction", 0.0),
        ("threshold", 0.5),
        ("average", "makro"),  # codespell:ignore
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
        ("feature_key", ""),
        ("label_key", ""),
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
def test_an_invalid_value_is_named_with_its_key(key, value):
    config = config_for("digits", **{key: value})
    value = re.escape(repr(value))
    with pytest.raises(ValueError, match=rf"^config\.{key} must be .*got {value}\.$"):
        settings.validate(config)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("dataset", "npz:rows.npz"),
        ("dataset", "npz:/a path/rows.npz"),
        ("dataset", "module:function"),
        ("dataset", "package.module:function"),
        ("model", "package.module:function"),
        ("num_classes", 10),
        ("class_names", ("cat", "dog")),
        ("feature_scale", 1),
        ("shuffle_buffer", 0),
    ],
)
def test_user_data_and_models_are_valid(key, value):
    settings.validate(config_for("digits", **{key: value}))


TFRECORD = {
    "dataset": "tfrecord:train-*",
    "validation_dataset": "tfrecord:validation-*",
    "feature_shape": (8, 8),
}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"validation_dataset": ""},
            r"config\.validation_dataset must be tfrecord:GLOB, with ",
        ),
        ({"feature_shape": ()}, r"config\.feature_shape must be the shape of config\.feature_key"),
        ({"label_key": "x"}, r"config\.label_key must differ from config\.feature_key, got 'x'\."),
        (
            {"dataset": "npz:rows.npz"},
            r"config\.validation_dataset must be empty because config\.dataset=",
        ),
        ({"dataset": "a:b"}, r"config\.validation_dataset must be empty because .*=a:b"),
        ({"task": "binary"}, r"config\.threshold must be above 0, e\.g\. 0\.5"),
        ({"task": "multilabel"}, r"config\.threshold must be above 0, e\.g\. 0\.5"),
        ({"task": "binary", "threshold": 0.5}, r"config\.average must be one of binary because "),
        (
            {"task": "binary", "threshold": 0.5, "average": "binary", "num_classes": 3},
            r"config\.num_classes must be 2 or 0 for a binary task, got 3\.",
        ),
    ],
)
def test_file_settings_must_be_consistent(changes, message):
    settings.validate(config_for("digits", **TFRECORD))
    with pytest.raises(ValueError, match=message):
        settings.validate(config_for("digits", **{**TFRECORD, **changes}))


def test_user_data_may_have_any_task():
    binary = {"dataset": "a:b", "task": "binary", "threshold": 0.5, "average": "binary"}
    settings.validate(config_for("digits", **binary))
    settings.validate(config_for("digits", **binary, num_classes=2))
    multilabel = {**binary, "task": "multilabel", "average": "samples", "num_classes": 7}
    settings.validate(config_for("digits", **multilabel))


def test_unknown_and_missing_keys_are_named():
    config = config_for("digits", epoch=3)
    with pytest.raises(ValueError, match=r"unknown config\.epoch; the keys are dataset"):
        settings.validate(config)
    with config.unlocked():
        del config.epoch
        del config.seed
    with pytest.raises(ValueError, match=r"config\.seed is missing"):
        settings.validate(config)


def test_the_model_must_match_the_data():
    with pytest.raises(ValueError, match=r"config\.model must be mlp"):
        settings.validate(config_for("breast_cancer", model="cnn"))
