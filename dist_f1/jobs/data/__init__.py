"""The data of a job: bundled ones, and those of the user's own in files or from a function."""

from __future__ import annotations

import functools

import ml_collections
import numpy as np

from dist_f1.jobs import user_functions
from dist_f1.jobs.data import bundled, npz, streams, targets
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
    return _of_streams(config, kind)


def _of_arrays(config: ml_collections.ConfigDict, kind: str, path: str) -> Data:
    if path:
        names = tuple(config.class_names)
        split = npz.load(path, config.validation_fraction, config.seed, names)
    else:
        split = bundled.load(kind, config.validation_fraction, config.seed)
    name = f"config.dataset={config.dataset}"
    for y in (split.y_train, split.y_validation):
        targets.check_shape(name, config.task, y)
    names = _class_names(config, split.class_names, split.y_train)
    sources = []
    for x, y, seed in (
        (split.x_train, split.y_train, config.seed),
        (split.x_validation, split.y_validation, None),
    ):
        targets.check(name, config.task, len(names), y)
        x = x.astype(config.dtype)
        if not np.isfinite(x).all():
            # Else the model would be blamed.
            raise DataError(f"{name}: features must be finite, and some are NaN or infinite.")
        sources.append(Arrays(x, y.astype(np.int64), config.batch_size, seed))
    return Data(sources[0], sources[1], config.task, split.x_train.shape[1:], names)


def _of_streams(config: ml_collections.ConfigDict, kind: str) -> Data:
    names = _class_names(config, tuple(config.class_names), None)
    if kind == "tfrecord":
        patterns = [
            one.removeprefix("tfrecord:") for one in (config.dataset, config.validation_dataset)
        ]
        _check_apart(*map(streams.files_of, patterns))
        read = functools.partial(
            streams.of_tfrecords,
            feature=config.feature,
            label=config.label,
            shape=tuple(config.feature_shape),
            feature_type=config.feature_type,
            scale=config.feature_scale,
            label_shape=(len(names),) if config.task == "multilabel" else (),
            dtype=config.dtype,
        )
        train, validation = map(read, patterns)
    else:
        function = user_functions.resolve(config.dataset, "config.dataset")
        train, validation = (
            streams.of_function(function, config.dataset, split, config.dtype)
            for split in ("train", "validation")
        )
        if train.shape != validation.shape:
            raise DataError(
                f"{train.name} returns features of shape {train.shape} and {validation.name} of "
                f"{validation.shape}; they must have the same."
            )
    sources = [
        streams.Stream(
            rows,
            config.batch_size,
            shuffle,
            config.seed,
            functools.partial(targets.check, rows.name, config.task, len(names)),
        )
        for rows, shuffle in ((train, config.shuffle_buffer), (validation, 0))
    ]
    return Data(sources[0], sources[1], config.task, train.shape, names)


def _check_apart(train: list[str], validation: list[str]) -> None:
    common = sorted(set(train) & set(validation))
    if common:
        raise DataError(
            f"{common[0]} matches config.dataset and config.validation_dataset. A model is not "
            "measured on what it has learned from: name files in one of them only."
        )


def _class_names(
    config: ml_collections.ConfigDict, names: tuple[str, ...], y: np.ndarray | None
) -> tuple[str, ...]:
    """The names of the classes, by the config, or as many numbers as there are classes."""
    number = 2 if config.task == "binary" else config.num_classes or len(names)
    name = f"config.dataset={config.dataset}"
    if not number and y is not None:
        number = targets.number_of_classes(name, config.task, y)
    if not number:
        raise DataError(f"config.num_classes must be given: {config.dataset} does not tell it.")
    if number < 2:
        raise DataError(
            f"{name} has {number} class, and a {config.task} task two at least. For one that is "
            "there or not, give config.task=binary and targets of 0 and 1."
        )
    if names and number != len(names):
        raise DataError(f"{name}: there are {len(names)} class names for {number} classes.")
    if len(set(names)) < len(names):
        raise DataError(f"{name}: each class must have a name of its own; they are {names}.")
    return names or tuple(str(index) for index in range(number))
