"""What a training config may say; checked before anything is loaded."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, get_args

import ml_collections

from dist_f1.scores import Average

# The kind of task of each data set: how many classes a row has, and of how many.
TASKS = {"digits": "multiclass", "breast_cancer": "binary", "digit_pairs": "multilabel"}
_AVERAGES = {
    "multiclass": ("macro", "micro", "weighted"),
    "binary": ("binary",),
    "multilabel": tuple(a for a in get_args(Average) if a != "binary"),
}


def _one_of(*choices: str) -> tuple[Callable[[Any], bool], str]:
    return (lambda value: value in choices), f"must be one of {', '.join(choices)}"


_RULES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "dataset": _one_of(*TASKS),
    "model": _one_of("cnn", "mlp"),
    "validation_fraction": (lambda value: 0.0 < value < 1.0, "must be between 0 and 1"),
    "threshold": (
        lambda value: value is None or 0.0 < value <= 1.0,
        "must be None, or a probability above 0",
    ),
    "average": _one_of(*get_args(Average)),
    "strategy": _one_of("auto", "none", "one_device", "mirrored"),
    "replicas": (lambda value: value >= 1, "must be at least 1"),
    "epochs": (lambda value: value >= 1, "must be at least 1"),
    "batch_size": (lambda value: value >= 1, "must be at least 1"),
    "learning_rate": (lambda value: value > 0.0 and math.isfinite(value), "must be positive"),
    "dtype": _one_of("float32", "float64"),
    "seed": (lambda value: value >= 0, "must be 0 or more"),
    "save_predictions": (lambda value: isinstance(value, bool), "must be true or false"),
}


def task_of(config: ml_collections.ConfigDict) -> str:
    """`"multiclass"`, `"binary"` or `"multilabel"`."""
    return TASKS[config.dataset]


def validate(config: ml_collections.ConfigDict) -> None:
    """Checks every setting.

    Raises:
        ValueError: naming the key, its value and what it may be.
    """
    missing, unknown = sorted(set(_RULES) - set(config)), sorted(set(config) - set(_RULES))
    if missing or unknown:
        problem = f"config.{missing[0]} is missing" if missing else f"unknown config.{unknown[0]}"
        raise ValueError(f"{problem}; the keys are {', '.join(_RULES)}.")
    for key, (accepts, rule) in _RULES.items():
        if not accepts(config[key]):
            raise ValueError(f"config.{key} {rule}, got {config[key]!r}.")
    task = task_of(config)
    if (config.threshold is None) != (task == "multiclass"):
        needs = "None, since a row has one class" if task == "multiclass" else "a number, 0.5 say"
        raise ValueError(
            f"config.threshold must be {needs}: config.dataset={config.dataset} is {task}. Got "
            f"{config.threshold!r}."
        )
    if config.average not in _AVERAGES[task]:
        raise ValueError(
            f"config.average must be one of {', '.join(_AVERAGES[task])}: config.dataset="
            f"{config.dataset} is {task}. Got {config.average!r}."
        )
    if config.model == "cnn" and config.dataset == "breast_cancer":
        raise ValueError("config.model must be mlp: config.dataset=breast_cancer has no images.")
