"""What a training config may say; checked before anything is loaded."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple, get_args

import ml_collections

from dist_f1.averaging import Average

# What a row of each data set has: one of many classes, one of two, or any number of many.
TASKS = {"digits": "multiclass", "breast_cancer": "binary", "digit_pairs": "multilabel"}
_AVERAGES = {
    "multiclass": ("macro", "micro", "weighted"),
    "binary": ("binary",),
    "multilabel": tuple(a for a in get_args(Average) if a != "binary"),
}


class _Rule(NamedTuple):
    kind: type
    accepts: Callable[[Any], bool]
    text: str


def _one_of(*choices: str) -> _Rule:
    return _Rule(str, lambda value: value in choices, f"must be one of {', '.join(choices)}")


def _at_least(least: int, most: float = math.inf) -> _Rule:
    limit = f" and at most {most}" if most < math.inf else ""
    text = f"must be an integer of at least {least}{limit}"
    return _Rule(int, lambda value: least <= value <= most, text)


_RULES = {
    "dataset": _one_of(*TASKS),
    "model": _one_of("cnn", "mlp"),
    "validation_fraction": _Rule(
        float, lambda value: 0.0 < value < 1.0, "must be a number between 0 and 1"
    ),
    "threshold": _Rule(
        float, lambda value: 0.0 <= value <= 1.0, "must be a probability, or 0 for the best class"
    ),
    "average": _one_of(*get_args(Average)),
    "strategy": _one_of("auto", "none", "one_device", "mirrored"),
    "replicas": _at_least(1),
    "epochs": _at_least(1),
    "batch_size": _at_least(1),
    "learning_rate": _Rule(
        float, lambda value: value > 0.0 and math.isfinite(value), "must be a positive number"
    ),
    "dtype": _one_of("float32", "float64"),
    "seed": _at_least(0, 2**32 - 1),
    "save_predictions": _Rule(bool, lambda value: True, "must be true or false"),
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
    for key, rule in _RULES.items():
        value = config[key]
        if not _is_a(value, rule.kind) or not rule.accepts(value):
            raise ValueError(f"config.{key} {rule.text}, got {value!r}.")
    task = task_of(config)
    if (config.threshold == 0.0) != (task == "multiclass"):
        needs = "0, since a row has one class" if task == "multiclass" else "above 0, 0.5 say"
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


def _is_a(value: Any, kind: type) -> bool:
    if isinstance(value, bool):
        return kind is bool
    return isinstance(value, int | float if kind is float else kind)
