"""Rows from a `tf.data.Dataset`: TFRecord files, or a function of the user."""

import dataclasses
import functools
import glob
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from dist_f1.jobs.data import record_files
from dist_f1.jobs.data.source import Batch, DataError, Shard

# Errors that occur again on each read. A restart may resolve others, e.g. of a file server.
_PERMANENT = (
    tf.errors.DataLossError,
    tf.errors.FailedPreconditionError,
    tf.errors.InvalidArgumentError,
    tf.errors.NotFoundError,
    tf.errors.PermissionDeniedError,
    tf.errors.UnimplementedError,
    tf.errors.UnknownError,
)


@dataclasses.dataclass(frozen=True)
class DatasetSpec:
    """How to read a dataset, which must return the same rows in the same order each time.

    Args:
        name: Name in messages.
        make: Function that returns a new dataset of unbatched, undecoded rows.
        decode: Function from a batch of rows to features `[R, ...]` and targets `[R]` or `[R, C]`.
        shape: Shape of the features of a row.
        explain: Function that explains a read error.
    """

    name: str
    make: Callable[[], tf.data.Dataset]
    decode: Callable[..., tuple[tf.Tensor, tf.Tensor]]
    shape: tuple[int, ...]
    explain: Callable[[tf.errors.OpError], str]


@dataclasses.dataclass(frozen=True)
class DatasetSource:
    """Batches of a dataset that is read from its beginning.

    Every worker reads all rows and decodes those of its shard. To start at a later batch, the
    earlier ones are read and skipped.

    Args:
        spec: How to read the rows.
        batch_size: Rows in a batch, over all replicas.
        shuffle_buffer: Size of the shuffle buffer; 0 keeps the order.
        seed: Seed of the shuffling.
        check: Function that raises `DataError` for invalid targets.
    """

    spec: DatasetSpec
    batch_size: int
    shuffle_buffer: int
    seed: int
    check: Callable[[np.ndarray], None]

    @functools.cached_property
    def rows(self) -> int | None:
        """Number of rows; `None` if its cardinality is unknown."""
        count = int(self.spec.make().cardinality())
        return count if count >= 0 else None

    @property
    def batches(self) -> int | None:
        """Number of batches; `None` if the number of rows is unknown."""
        return None if self.rows is None else -(-self.rows // self.batch_size)

    def read(self, epoch: int, start: int, shard: Shard) -> Iterator[Batch]:
        """Yield the batches of an epoch from batch `start` on."""
        indices = tf.constant(shard.row_indices(self.batch_size), tf.int64)

        def take(*columns: tf.Tensor) -> tuple[tf.Tensor, ...]:
            rows = tf.shape(columns[0], tf.int64)[0]
            x, y = self.spec.decode(*(tf.gather(column, indices % rows) for column in columns))
            # Otherwise bad data looks like divergence.
            x = tf.debugging.assert_all_finite(x, "features must be finite")
            return x, y, indices < rows, rows, _fingerprint(columns)

        data = self.spec.make()
        if self.shuffle_buffer:
            data = data.shuffle(self.shuffle_buffer, seed=self.seed + epoch)
        data = data.batch(self.batch_size).skip(start)
        data = data.map(take, num_parallel_calls=2).prefetch(2)
        options = tf.data.Options()
        options.deterministic = True
        # The autotuning thread may keep a deleted iterator alive for a minute.
        options.autotune.enabled = False
        iterator = iter(data.with_options(options))
        while True:
            try:
                x, y, mask, rows, fingerprint = (column.numpy() for column in next(iterator))
            except StopIteration:
                return
            except _PERMANENT as error:
                raise DataError(f"{self.spec.name}: {self.spec.explain(error)}") from error
            self.check(y)
            yield Batch(
                x,
                y.astype(np.int64),
                mask,
                int(rows),
                lambda value=int(fingerprint): value,  # type: ignore[misc]
            )


def matching_files(pattern: str) -> list[str]:
    """Return the files that match, in alphabetical order; `**` matches any directories.

    Raises:
        DataError: No file matches.
    """
    files = sorted(glob.glob(pattern, recursive=True))
    if not files:
        raise DataError(f"tfrecord:{pattern}: no file matches. Pass the path of existing files.")
    return files


def from_tfrecords(
    pattern: str,
    *,
    feature_key: str,
    label_key: str,
    shape: tuple[int, ...],
    feature_type: str,
    scale: float,
    label_shape: tuple[int, ...],
    dtype: str,
) -> DatasetSpec:
    """Return the `tf.train.Example`s in the files that match a pattern.

    Args:
        pattern: Pattern of file names, which are read in alphabetical order.
        feature_key: Key of the features.
        label_key: Key of the target, int64 of shape `label_shape`.
        shape: Shape of the features of a row.
        feature_type: How features are stored: as a list of `"float32"` or `"int64"`, or as raw
            bytes, `"uint8"`.
        scale: Factor for the features.
        label_shape: `()` for ids, `(C,)` for 0/1 targets.
        dtype: Dtype of the returned features.

    Raises:
        DataError: No file matches, or a file is cut, compressed or of another kind.
    """
    files = matching_files(pattern)
    for file in files:
        record_files.check(file)
    is_raw = feature_type == "uint8"
    features = {
        feature_key: tf.io.FixedLenFeature(
            () if is_raw else shape, tf.string if is_raw else tf.as_dtype(feature_type)
        ),
        label_key: tf.io.FixedLenFeature(label_shape, tf.int64),
    }

    def decode(serialized: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        row = tf.io.parse_example(serialized, features)
        x = row[feature_key]
        if is_raw:
            # Fix the row count, so a double-size record is not two rows.
            x = tf.reshape(tf.io.decode_raw(x, tf.uint8), [tf.shape(serialized)[0], *shape])
        return tf.cast(x, dtype) * tf.cast(scale, dtype), row[label_key]

    def explain(error: tf.errors.OpError) -> str:
        if isinstance(error, tf.errors.DataLossError):
            return (
                f"{_find_corrupt_file(files)}. The file is corrupt, compressed or not a TFRecord "
                "file. Write it again, or remove it."
            )
        if isinstance(error, tf.errors.InvalidArgumentError):
            return (
                f"a record does not match config.feature_key={feature_key} ({feature_type}, shape "
                f"{shape}) and config.label_key={label_key} (int64, shape {label_shape}): "
                f"{_message(error)}"
            )
        return _message(error)

    return DatasetSpec(
        f"tfrecord:{pattern}", lambda: tf.data.TFRecordDataset(files), decode, shape, explain
    )


def from_function(
    function: Callable[[str], tf.data.Dataset], name: str, split: str, dtype: str
) -> DatasetSpec:
    """Return the rows of `function(split)`.

    Raises:
        DataError: The function does not return a finite `tf.data.Dataset` of pairs of features and
            target.
    """
    name = f"{name}({split!r})"
    data = function(split)
    found = f"a dataset of {data.element_spec}" if isinstance(data, tf.data.Dataset) else repr(data)
    if not isinstance(data, tf.data.Dataset) or not _are_pairs(data.element_spec):
        raise DataError(
            f"{name} returned {found}. Return a tf.data.Dataset of pairs, the features and the "
            "target of one row: two tensors of numbers."
        )
    shape = data.element_spec[0].shape
    if not shape.is_fully_defined():
        raise DataError(
            f"{name} returns features of unknown shape {shape}. Remove batch() to return rows, or "
            "set their shape with tf.ensure_shape."
        )
    if data.cardinality() == tf.data.INFINITE_CARDINALITY:
        raise DataError(f"{name} returns an infinite dataset. Remove repeat().")

    def decode(x: tf.Tensor, y: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return tf.cast(x, dtype), y

    return DatasetSpec(name, lambda: function(split), decode, tuple(shape), _message)


def _are_pairs(spec: Any) -> bool:
    return (
        isinstance(spec, tuple)
        and len(spec) == 2
        and all(isinstance(one, tf.TensorSpec) for one in spec)
        and all(one.dtype.is_floating or one.dtype.is_integer or one.dtype.is_bool for one in spec)
    )


def _fingerprint(columns: Sequence[tf.Tensor]) -> tf.Tensor:
    """Return a hash, scalar int64, that depends on the rows and on their order."""
    hashes = []
    for column in columns:
        if column.dtype != tf.string:
            column = tf.io.serialize_tensor(column)
        hashes.append(tf.reshape(tf.strings.to_hash_bucket_fast(column, 2**62), [-1]))
    joined = tf.io.serialize_tensor(tf.concat(hashes, axis=0))
    return tf.strings.to_hash_bucket_fast(joined, 2**62)


def _find_corrupt_file(files: Sequence[str]) -> str:
    """Return the first file that cannot be read, and why."""
    for file in files:
        try:
            for _ in tf.data.TFRecordDataset([file]):
                pass
        except tf.errors.DataLossError as error:
            return f"{file}: {_message(error)}"
    return "a file could not be read, but now all can"


def _message(error: tf.errors.OpError) -> str:
    """Return the message of an error without the names of ops."""
    text = re.sub(r"\{\{.*?\}\}\s*", "", error.message)
    return re.sub(r"\s*(\[\[.*?\]\]|\[Op:.*)", "", text).strip()
