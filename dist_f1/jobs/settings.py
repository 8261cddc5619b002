"""The settings of a training config, checked before anything is loaded."""

import math
import re
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple, get_args

import ml_collections

from dist_f1.counts.short_text import short_repr
from dist_f1.jobs import user_functions
from dist_f1.launching.errors import UsageError
from dist_f1.scores.averaging import Average

# Bundled datasets and their tasks.
TASKS = {"digits": "multiclass", "breast_cancer": "binary", "digit_pairs": "multilabel"}
STRATEGIES = ("auto", "none", "one_device", "mirrored", "multi_worker", "parameter_server", "tpu")
_AVERAGES = {
    "multiclass": ("macro", "micro", "weighted"),
    "binary": ("binary",),
    "multilabel": tuple(a for a in get_args(Average) if a != "binary"),
}


# Numbers of rows, steps and classes fit into int32.
_MAX_INT = 2**31 - 1
# Short batches are padded, so a batch of this size must fit into memory.
_MAX_BATCH = 10**7
_MAX_DEVICES = 1024
# Numbers of one row. A batch of larger rows does not fit into memory.
_MAX_ROW = 10**9
# Larger numbers overflow float32; a factor is multiplied with features.
_MAX_RATE = 1e38
_MAX_FACTOR = 1e30


class _Rule(NamedTuple):
    kind: type
    accepts: Callable[[Any], bool]
    text: str


def _one_of(*choices: str) -> _Rule:
    return _Rule(str, lambda value: value in choices, f"must be one of {', '.join(choices)}")


def _at_least(least: int, most: int = _MAX_INT) -> _Rule:
    text = f"must be an integer of at least {least} and at most {most}"
    return _Rule(int, lambda value: least <= value <= most, text)


def _boolean() -> _Rule:
    return _Rule(bool, lambda value: True, "must be true or false")


def _are_sizes(value: tuple[Any, ...]) -> bool:
    are_sizes = all(_has_type(size, int) and 0 < size <= _MAX_ROW for size in value)
    return are_sizes and math.prod(value) <= _MAX_ROW


def _has_prefix(*prefixes: str) -> Callable[[str], bool]:
    return lambda value: any(value.startswith(p) and value != p for p in prefixes)


_RULES = {
    "dataset": _Rule(
        str,
        lambda value: (
            value in TASKS
            or _has_prefix("npz:", "tfrecord:")(value)
            or user_functions.is_function_name(value)
        ),
        f"must be one of {', '.join(TASKS)}, npz:PATH, tfrecord:GLOB or module:function",
    ),
    "model": _Rule(
        str,
        lambda value: value in ("cnn", "mlp") or user_functions.is_function_name(value),
        "must be one of cnn, mlp or module:function",
    ),
    "validation_fraction": _Rule(
        float, lambda value: 0.0 < value < 1.0, "must be a number between 0 and 1"
    ),
    "threshold": _Rule(
        float, lambda value: 0.0 <= value <= 1.0, "must be a probability, or 0 for argmax"
    ),
    "average": _one_of(*get_args(Average)),
    "strategy": _one_of(*STRATEGIES),
    "replicas": _at_least(1, _MAX_DEVICES),
    "epochs": _at_least(1),
    "batch_size": _at_least(1, _MAX_BATCH),
    "learning_rate": _Rule(
        float,
        lambda value: 0.0 < value <= _MAX_RATE,
        f"must be a positive number of at most {_MAX_RATE:g}",
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
        lambda value: not value or _has_prefix("tfrecord:")(value),
        "must be tfrecord:GLOB or empty",
    ),
    "feature_key": _Rule(str, bool, "must be a key of tf.train.Example"),
    "label_key": _Rule(str, bool, "must be a key of tf.train.Example"),
    "feature_shape": _Rule(
        tuple, _are_sizes, f"must be a tuple of sizes whose product is at most {_MAX_ROW}"
    ),
    "feature_type": _one_of("float32", "int64", "uint8"),
    "feature_scale": _Rule(
        float, lambda value: abs(value) <= _MAX_FACTOR, "must be a number from -1e30 to 1e30"
    ),
    "shuffle_buffer": _at_least(0),
    "checkpoint_every": _at_least(1),
    "log_every": _at_least(1),
    "tensorboard": _boolean(),
}


# Defaults of optional settings. The default task is that of the bundled dataset.
_DEFAULTS: dict[str, Any] = {
    "num_classes": 0,
    "class_names": (),
    "validation_dataset": "",
    "feature_key": "x",
    "label_key": "y",
    "feature_shape": (),
    "feature_type": "float32",
    "feature_scale": 1.0,
    "shuffle_buffer": 10000,
    "checkpoint_every": 100,
    "log_every": 10,
    "tensorboard": False,
}
# Settings that may change on resume, because they do not change counts.
MAY_CHANGE = ("strategy", "replicas", "checkpoint_every", "log_every", "tensorboard")
# New names of deprecated settings, which older configs and run directories have.
RENAMED = {"feature": "feature_key", "label": "label_key"}


def complete(config: ml_collections.ConfigDict) -> ml_collections.ConfigDict:
    """Add the defaults of settings that the config omits, and warn of deprecated names."""
    with config.unlocked():
        for old in sorted(set(RENAMED) & set(config)):
            warnings.warn(
                f"config.{old} is deprecated. Rename it to config.{RENAMED[old]}.",
                FutureWarning,
                stacklevel=2,
            )
            config[RENAMED[old]] = config[old]
            del config[old]
        task = TASKS.get(str(config.get("dataset")), "multiclass")
        for key, value in {"task": task, **_DEFAULTS}.items():
            if key not in config:
                config[key] = value
    return config


def validate(config: ml_collections.ConfigDict) -> None:
    """Check every setting.

    Raises:
        UsageError: A setting is invalid; the message names its key and value.
    """
    missing, unknown = (
        sorted(set(_RULES) - set(config)),
        [key for key in config if key not in _RULES],
    )
    if missing or unknown:
        problem = f"config.{missing[0]} is missing" if missing else f"unknown config.{unknown[0]}"
        raise UsageError(f"{problem}; the keys are {', '.join(_RULES)}.")
    for key, rule in _RULES.items():
        value = config[key]
        if not _has_type(value, rule.kind) or not rule.accepts(value):
            raise UsageError(f"config.{key} {rule.text}, got {short_repr(value)}.")
        if not _can_be_stored(value):
            raise UsageError(f"config.{key} must be valid UTF-8 text, got {value!r}.")
    task = config.task
    if task != TASKS.get(config.dataset, task):
        raise UsageError(
            f"config.task must be {TASKS[config.dataset]} for config.dataset={config.dataset}, "
            f"got {task!r}."
        )
    if (config.threshold == 0.0) != (task == "multiclass"):
        needs = "0 (argmax)" if task == "multiclass" else "above 0, e.g. 0.5,"
        raise UsageError(
            f"config.threshold must be {needs} because config.dataset={config.dataset} is {task}, "
            f"got {config.threshold!r}."
        )
    if config.average not in _AVERAGES[task]:
        raise UsageError(
            f"config.average must be one of {', '.join(_AVERAGES[task])} because "
            f"config.dataset={config.dataset} is {task}, got {config.average!r}."
        )
    if task == "binary" and config.num_classes not in (0, 2):
        raise UsageError(
            f"config.num_classes must be 2 or 0 for a binary task, got {config.num_classes!r}."
        )
    if config.model == "cnn" and config.dataset == "breast_cancer":
        raise UsageError("config.model must be mlp: config.dataset=breast_cancer has no images.")
    _validate_files(config)


def _validate_files(config: ml_collections.ConfigDict) -> None:
    if not config.dataset.startswith("tfrecord:"):
        if config.validation_dataset:
            raise UsageError(
                f"config.validation_dataset must be empty because config.dataset={config.dataset} "
                f"has both splits, got {config.validation_dataset!r}."
            )
        return
    if not config.validation_dataset:
        raise UsageError(
            "config.validation_dataset must be tfrecord:GLOB, with other files: records are not "
            "split."
        )
    if not config.feature_shape:
        raise UsageError(
            "config.feature_shape must be the shape of config.feature_key, e.g. (8, 8, 1)."
        )
    if config.feature_key == config.label_key:
        raise UsageError(
            f"config.label_key must differ from config.feature_key, got {config.label_key!r}."
        )


def _can_be_stored(value: object) -> bool:
    """Whether text is valid: a file name that is no UTF-8 becomes halves of surrogate pairs."""
    texts = value if isinstance(value, tuple) else (value,)
    return not any(re.search("[\ud800-\udfff]", text) for text in texts if isinstance(text, str))


def _has_type(value: Any, kind: type) -> bool:
    if isinstance(value, bool):
        return kind is bool
    return isinstance(value, int | float if kind is float else kind)
