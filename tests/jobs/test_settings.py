"""Every setting is checked before anything is loaded."""

import importlib.util
import pathlib

import pytest

from dist_f1.jobs import settings

CONFIGS = sorted((pathlib.Path(__file__).parents[2] / "configs").glob("*.py"))


def config_of(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.get_config()


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_every_config_is_valid_and_names_its_data(path):
    config = config_of(path)
    settings.validate(config)
    assert config.dataset == path.stem


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
    ],
)
def test_a_value_out_of_range_is_refused_and_its_key_named(key, value):
    config = config_of(CONFIGS[[path.stem for path in CONFIGS].index("digits")])
    with config.unlocked(), config.ignore_type():
        config[key] = value
    with pytest.raises(ValueError, match=rf"config\.{key} must be .*got {value!r}|Got {value!r}"):
        settings.validate(config)


def test_a_key_too_many_or_too_few_is_named():
    config = config_of(CONFIGS[0])
    with config.unlocked():
        config.epoch = 3
    with pytest.raises(ValueError, match=r"unknown config\.epoch; the keys are dataset"):
        settings.validate(config)
    with config.unlocked():
        del config.epoch
        del config.seed
    with pytest.raises(ValueError, match=r"config\.seed is missing"):
        settings.validate(config)


def test_tasks_and_models_must_fit_the_data():
    config = config_of(CONFIGS[[path.stem for path in CONFIGS].index("breast_cancer")])
    config.model = "cnn"
    with pytest.raises(ValueError, match=r"config\.model must be mlp"):
        settings.validate(config)
