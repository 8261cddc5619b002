"""The data of a job: bundled ones, and those of the user's own in files or from a function."""

from __future__ import annotations

import functools
from typing import Any

import ml_collections
import numpy as np

from dist_f1.jobs import own
from dist_f1.jobs.data import bundled, npz
from dist_f1.jobs.data.source import Arrays, Data, DataError, Share, Source

__all__ = ["Arrays", "Data", "DataError", "Share", "Source", "load"]


def load(config: ml_collections.ConfigDict) -> Data:
    """Loads what `config.dataset` names.

    - `digits`, `breast_cancer`, `digit_pairs`: from scikit-learn;
    - `npz:PATH`: arrays `x_train`, `y_train`, `x_validation`, `y_validation`; or `x` and `y`,
      which are split;
    - `tfrecord:GLOB`: `tf.train.Example`s; `config.validation_dataset` names others;
    - `module:function`: `function(split)` returns a `tf.data.Dataset` of rows, `split` being
      `"train"` or `"validation"`.

    Raises:
        DataError: the data are missing, or not as they are said to be.
    """
    kind, _, name = config.dataset.partition(":")
    if not name or kind == "npz":
        return _of_arrays(config, kind, name)
    return _of_streams(config, kind, name)


def _of_arrays(config: ml_collections.ConfigDict, kind: str, path: str) -> Data:
    if path:
        names = tuple(config.class_names)
        split = npz.load(path, config.validation_fraction, config.seed, names)
        task = config.task
    else:
        split = bundled.load(kind, config.validation_fraction, config.seed)
        task = bundled.TASKS[kind]
    names = _class_names(config, task, split.class_names, split.y_train)
    sources = []
    for x, y, seed in (
        (split.x_train, split.y_train, config.seed),
        (split.x_validation, split.y_validation, None),
    ):
        _check_targets(task, len(names), y)
        sources.append(Arrays(x.astype(config.dtype), y.astype(np.int64), config.batch_size, seed))
    return Data(sources[0], sources[1], task, split.x_train.shape[1:], names)


def _of_streams(config: ml_collections.ConfigDict, kind: str, name: str) -> Data:
    from dist_f1.jobs.data import streams

    names = _class_names(config, config.task, tuple(config.class_names), None)
    check = functools.partial(_check_targets, config.task, len(names))
    described: list[dict[str, Any]] = []
    if kind == "tfrecord":
        for pattern in (config.dataset, config.validation_dataset):
            described.append(
                streams.of_tfrecords(
                    pattern.removeprefix("tfrecord:"),
                    feature=config.feature,
                    label=config.label,
                    shape=tuple(config.feature_shape),
                    feature_type=config.feature_type,
                    scale=config.feature_scale,
                    label_shape=(len(names),) if config.task == "multilabel" else (),
                    dtype=config.dtype,
                )
            )
        input_shape = tuple(config.feature_shape)
    else:
        function = own.resolve(config.dataset, "config.dataset")
        for split in ("train", "validation"):
            described.append(streams.of_function(function, config.dataset, split, config.dtype))
        shape = described[0]["make"]().element_spec[0].shape
        if not shape.is_fully_defined():
            raise DataError(
                f"{config.dataset} returns features of shape {shape}; each size must be known. "
                "Give them one with tf.ensure_shape in the function."
            )
        input_shape = tuple(shape)
    train, validation = (
        streams.Stream(
            batch_size=config.batch_size, shuffle=shuffle, seed=config.seed, check=check, **parts
        )
        for parts, shuffle in zip(described, (config.shuffle_buffer, 0), strict=True)
    )
    return Data(train, validation, config.task, input_shape, names)


def _class_names(
    config: ml_collections.ConfigDict, task: str, names: tuple[str, ...], y: np.ndarray | None
) -> tuple[str, ...]:
    number = 2 if task == "binary" else config.num_classes
    if not number and y is not None and y.size:
        number = y.shape[1] if y.ndim > 1 else int(y.max()) + 1
    if names and number not in (0, len(names)):
        raise DataError(f"there are {len(names)} class names for {number} classes.")
    if not names and not number:
        raise DataError(f"config.num_classes must be given: {config.dataset} does not tell it.")
    return names or tuple(str(index) for index in range(number))


def _check_targets(task: str, classes: int, y: np.ndarray) -> None:
    """Targets that are none would be found at the first read only, and blamed on the model."""
    wanted = 2 if task == "multilabel" else 1
    if y.ndim != wanted or (wanted == 2 and y.shape[1] != classes):
        shape = f"[N, {classes}]" if wanted == 2 else "[N]"
        raise DataError(f"targets of a {task} task have the shape {shape}, got {list(y.shape)}.")
    top = 1 if task == "multilabel" else classes - 1
    wrong = y[(y < 0) | (y > top) | (y != np.floor(y))]
    if wrong.size:
        raise DataError(
            f"targets of this {task} task are whole numbers from 0 to {top}, got {wrong[0]}."
        )
