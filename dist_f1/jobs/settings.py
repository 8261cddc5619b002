"""What a training config may say; checked before anything is loaded."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple, get_args

import ml_collections

from dist_f1.jobs import user_functions
from dist_f1.jobs.data.bundled import TASKS
from dist_f1.launching.errors import UserError
from dist_f1.scores.averaging import Average

STRATEGIES = (
    "auto",
    "none",
    "one_device",
    "mirrored",
    "multi_worker",
    "parameter_server",
    "tpu",
)
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


def _boolean() -> _Rule:
    return _Rule(bool, lambda value: True, "must be true or false")


def _sizes(value: tuple[Any, ...]) -> bool:
    return all(_is_a(size, int) and size > 0 for size in value)


def _is_path(*kinds: str) -> Callable[[str], bool]:
    return lambda value: any(value.startswith(kind) and value != kind for kind in kinds)


_RULES = {
    "dataset": _Rule(
        str,
        lambda value: (
            value in TASKS or _is_path("npz:", "tfrecord:")(value) or user_functions.is_named(value)
        ),
        f"must be one of {', '.join(TASKS)}, npz:PATH, tfrecord:GLOB or module:function",
    ),
    "model": _Rule(
        str,
        lambda value: value in ("cnn", "mlp") or user_functions.is_named(value),
        "must be one of cnn, mlp, or module:function",
    ),
    "validation_fraction": _Rule(
        float, lambda value: 0.0 < value < 1.0, "must be a number between 0 and 1"
    ),
    "threshold": _Rule(
        float, lambda value: 0.0 <= value <= 1.0, "must be a probability, or 0 for the best class"
    ),
    "average": _one_of(*get_args(Average)),
    "strategy": _one_of(*STRATEGIES),
    "replicas": _at_least(1),
    "epochs": _at_least(1),
    "batch_size": _at_least(1),
    "learning_rate": _Rule(
        float, lambda value: value > 0.0 and math.isfinite(value), "must be a positive number"
    ),
    "dtype": _one_of("float32", "float64"),
    "seed": _at_least(0, 2**32 - 1),
    "save_predictions": _boolean(),
    "task": _one_of("multiclass", "binary", "multilabel"),
    "num_classes": _at_least(0),
    "class_names": _Rule(
        tuple,
        lambda value: all(isinstance(name, str) for name in value),
        "must be a tuple of strings",
    ),
    "validation_dataset": _Rule(
        str,
        lambda value: not value or _is_path("tfrecord:")(value),
        "must be tfrecord:GLOB, or empty",
    ),
    "feature": _Rule(str, bool, "must be the name of a feature"),
    "label": _Rule(str, bool, "must be the name of a feature"),
    "feature_shape": _Rule(tuple, _sizes, "must be a tuple of sizes"),
    "feature_type": _one_of("float32", "int64", "uint8"),
    "feature_scale": _Rule(float, math.isfinite, "must be a number"),
    "shuffle_buffer": _at_least(0),
    "checkpoint_every": _at_least(1),
    "log_every": _at_least(1),
    "tensorboard": _boolean(),
}


# What a config need not have, and how it is then. The task is that of the data, if they have one.
_DEFAULTS: dict[str, Any] = {
    "num_classes": 0,
    "class_names": (),
    "validation_dataset": "",
    "feature": "x",
    "label": "y",
    "feature_shape": (),
    "feature_type": "float32",
    "feature_scale": 1.0,
    "shuffle_buffer": 10000,
    "checkpoint_every": 100,
    "log_every": 10,
    "tensorboard": False,
}
# What may be another when a run is continued: it changes no count.
MAY_CHANGE = ("strategy", "replicas", "checkpoint_every", "log_every", "tensorboard")


def complete(config: ml_collections.ConfigDict) -> ml_collections.ConfigDict:
    """Adds what the config leaves to the defaults."""
    with config.unlocked():
        task = TASKS.get(config.get("dataset"), "multiclass")
        for key, value in {"task": task, **_DEFAULTS}.items():
            if key not in config:
                config[key] = value
    return config


def validate(config: ml_collections.ConfigDict) -> None:
    """Checks every setting.

    Raises:
        UserError: naming the key, its value and what it may be.
    """
    missing, unknown = sorted(set(_RULES) - set(config)), sorted(set(config) - set(_RULES))
    if missing or unknown:
        problem = f"config.{missing[0]} is missing" if missing else f"unknown config.{unknown[0]}"
        raise UserError(f"{problem}; the keys are {', '.join(_RULES)}.")
    for key, rule in _RULES.items():
        value = config[key]
        if not _is_a(value, rule.kind) or not rule.accepts(value):
            raise UserError(f"config.{key} {rule.text}, got {value!r}.")
    task = config.task
    if task != TASKS.get(config.dataset, task):
        raise UserError(
            f"config.task must be {TASKS[config.dataset]}, which config.dataset={config.dataset} "
            f"is. Got {task!r}."
        )
    if (config.threshold == 0.0) != (task == "multiclass"):
        needs = "0, since a row has one class" if task == "multiclass" else "above 0, 0.5 say"
        raise UserError(
            f"config.threshold must be {needs}: config.dataset={config.dataset} is {task}. Got "
            f"{config.threshold!r}."
        )
    if config.average not in _AVERAGES[task]:
        raise UserError(
            f"config.average must be one of {', '.join(_AVERAGES[task])}: config.dataset="
            f"{config.dataset} is {task}. Got {config.average!r}."
        )
    if task == "binary" and config.num_classes not in (0, 2):
        raise UserError(
            f"config.num_classes must be 2, or 0: a binary task has two classes. Got "
            f"{config.num_classes!r}."
        )
    if config.model == "cnn" and config.dataset == "breast_cancer":
        raise UserError("config.model must be mlp: config.dataset=breast_cancer has no images.")
    _validate_files(config)


def _validate_files(config: ml_collections.ConfigDict) -> None:
    if not config.dataset.startswith("tfrecord:"):
        if config.validation_dataset:
            raise UserError(
                f"config.validation_dataset must be empty: config.dataset={config.dataset} has "
                f"both. Got {config.validation_dataset!r}."
            )
        return
    if not config.validation_dataset:
        raise UserError(
            "config.validation_dataset must be tfrecord:GLOB too, with other files: records are "
            "not split."
        )
    if not config.feature_shape:
        raise UserError("config.feature_shape must be the shape of config.feature, (8, 8, 1) say.")
    if config.feature == config.label:
        raise UserError(
            f"config.label must be another one than config.feature. Got {config.label!r}."
        )


def _is_a(value: Any, kind: type) -> bool:
    if isinstance(value, bool):
        return kind is bool
    return isinstance(value, int | float if kind is float else kind)
