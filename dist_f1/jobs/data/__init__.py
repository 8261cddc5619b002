"""The data of a job: bundled datasets, and those of the user in files or from a function."""

import functools

import ml_collections
import numpy as np

from dist_f1.jobs import user_functions
from dist_f1.jobs.data import bundled, npz, streams, targets
from dist_f1.jobs.data.source import ArraySource as ArraySource
from dist_f1.jobs.data.source import Data as Data
from dist_f1.jobs.data.source import DataError as DataError
from dist_f1.jobs.data.source import Shard as Shard
from dist_f1.jobs.data.source import Source as Source
from dist_f1.reports import AVERAGES

# The key of the thresholds of all classes in `scores.json`.
ALL_CLASSES = "all classes"


def load(config: ml_collections.ConfigDict) -> Data:
    """Load `config.dataset`.

    - `digits`, `breast_cancer`, `digit_pairs`: datasets of scikit-learn;
    - `npz:PATH`: arrays `x_train`, `y_train`, `x_validation`, `y_validation`, or `x` and `y`,
      which are split;
    - `tfrecord:GLOB`: `tf.train.Example`s; `config.validation_dataset` names other files;
    - `module:function`: `function(split)`, with `split` `"train"` or `"validation"`, returns a
      `tf.data.Dataset` of rows.

    Raises:
        DataError: The data are missing or do not match the config.
    """
    kind, _, name = config.dataset.partition(":")
    if not name or kind == "npz":
        return _load_arrays(config, kind, name)
    return _load_streams(config, kind)


def _load_arrays(config: ml_collections.ConfigDict, kind: str, path: str) -> Data:
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
        with np.errstate(over="ignore"):
            x = x.astype(config.dtype)
        if not np.isfinite(x).all():
            # Otherwise bad data looks like divergence.
            raise DataError(
                f"{name}: some features are NaN or infinite, or too large for {config.dtype}. "
                "Remove or replace them."
            )
        sources.append(ArraySource(x, y.astype(np.int64), config.batch_size, seed))
    return Data(sources[0], sources[1], config.task, split.x_train.shape[1:], names)


def _load_streams(config: ml_collections.ConfigDict, kind: str) -> Data:
    names = _class_names(config, tuple(config.class_names), None)
    if kind == "tfrecord":
        patterns = [
            one.removeprefix("tfrecord:") for one in (config.dataset, config.validation_dataset)
        ]
        _check_disjoint(*map(streams.matching_files, patterns))
        read = functools.partial(
            streams.from_tfrecords,
            feature_key=config.feature_key,
            label_key=config.label_key,
            shape=tuple(config.feature_shape),
            feature_type=config.feature_type,
            scale=config.feature_scale,
            label_shape=(len(names),) if config.task == "multilabel" else (),
            dtype=config.dtype,
        )
        train, validation = map(read, patterns)
    else:
        function = user_functions.load_function(config.dataset, "config.dataset")
        train, validation = (
            streams.from_function(function, config.dataset, split, config.dtype)
            for split in ("train", "validation")
        )
        if train.shape != validation.shape:
            raise DataError(
                f"{train.name} returns features of shape {train.shape}, but {validation.name} "
                f"{validation.shape}. Return the same shape."
            )
    sources = [
        streams.DatasetSource(
            spec,
            config.batch_size,
            shuffle_buffer,
            config.seed,
            functools.partial(targets.check, spec.name, config.task, len(names)),
        )
        for spec, shuffle_buffer in ((train, config.shuffle_buffer), (validation, 0))
    ]
    return Data(sources[0], sources[1], config.task, train.shape, names)


def _check_disjoint(train: list[str], validation: list[str]) -> None:
    common = sorted(set(train) & set(validation))
    if common:
        raise DataError(
            f"{common[0]} matches both config.dataset and config.validation_dataset. Do not "
            "evaluate on training data: use different files."
        )


def _class_names(
    config: ml_collections.ConfigDict, names: tuple[str, ...], y: np.ndarray | None
) -> tuple[str, ...]:
    """Return the class names; without any, the numbers of the classes."""
    count = 2 if config.task == "binary" else config.num_classes or len(names)
    name = f"config.dataset={config.dataset}"
    if not count and y is not None:
        count = targets.count_classes(name, config.task, y)
    if not count:
        raise DataError(f"{name} has an unknown number of classes. Set config.num_classes.")
    if count < 2:
        raise DataError(
            f"{name} has {count} class, but a {config.task} task needs at least two. For a single "
            "class that is present or absent, set config.task=binary and use targets 0 and 1."
        )
    if names and count != len(names):
        raise DataError(f"{name}: got {len(names)} class names for {count} classes. Give one each.")
    for index, one in enumerate(names):
        if any("\ud800" <= character <= "\udfff" for character in one):
            # No file can hold half of a surrogate pair.
            raise DataError(f"{name}: class name {index} is no valid text, {one!r}. Rename it.")
    if len(set(names)) < len(names):
        raise DataError(f"{name}: class names must be unique, got {names}.")
    for taken in (*AVERAGES, ALL_CLASSES):
        if taken in names:
            raise DataError(f"{name}: {taken!r} is a row of averages. Rename the class.")
    return names or tuple(str(index) for index in range(count))
