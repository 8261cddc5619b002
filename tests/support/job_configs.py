"""The configs of training jobs."""

import importlib.util
import pathlib

import ml_collections

from dist_f1.jobs import settings

ROOT = pathlib.Path(__file__).parents[2]
CONFIGS = {
    path.stem: path
    for path in sorted(ROOT.glob("configs/*.py"))
    if path.stem != "own_functions" and not path.stem.startswith("benchmarks")
}


def read_config(name):
    """Return the config in `configs/NAME.py`, without defaults."""
    spec = importlib.util.spec_from_file_location(name, CONFIGS[name])
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.get_config()


def config_for(name, **changes):
    """Return the config in `configs/NAME.py`, with defaults and changes."""
    config = settings.complete(read_config(name))
    with config.unlocked(), config.ignore_type():
        config.update(changes)
    return config


def config_for_dataset(dataset, **changes):
    """Return a valid config for a dataset with three classes."""
    config = settings.complete(
        ml_collections.ConfigDict(
            {
                "dataset": dataset,
                "num_classes": 3,
                "model": "mlp",
                "validation_fraction": 0.2,
                "threshold": 0.0,
                "average": "macro",
                "strategy": "auto",
                "replicas": 1,
                "epochs": 2,
                "batch_size": 4,
                "learning_rate": 0.01,
                "dtype": "float32",
                "seed": 0,
                "save_predictions": False,
            }
        )
    )
    with config.unlocked():
        config.update(changes)
    if config.task != "multiclass" and "threshold" not in changes:
        config.threshold = 0.5
    if config.task == "binary":
        config.update(average="binary", num_classes=0)
    settings.validate(config)
    return config
