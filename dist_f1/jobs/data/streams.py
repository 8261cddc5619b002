"""Rows that come from a `tf.data.Dataset`: TFRecord files, or a function of the user's own."""

from __future__ import annotations

import dataclasses
import functools
import glob
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from dist_f1.jobs.data.source import Batch, DataError, Share

# What one meets again when one reads again. Other errors, of a file server that is away say, may
# be gone after a restart.
_LASTING = (
    tf.errors.DataLossError,
    tf.errors.FailedPreconditionError,
    tf.errors.InvalidArgumentError,
    tf.errors.NotFoundError,
    tf.errors.PermissionDeniedError,
    tf.errors.UnimplementedError,
    tf.errors.UnknownError,
)


@dataclasses.dataclass(frozen=True)
class Rows:
    """A data set that is read from its beginning, and how.

    It must give the same rows in the same order each time.

    Args:
        name: for messages.
        make: the rows, not batched, undecoded: a new data set each time.
        decode: from a batch of rows to features `[R, ...]` and targets `[R]` or `[R, C]`.
        shape: of the features of a row.
        explain: what an error in reading means.
    """

    name: str
    make: Callable[[], tf.data.Dataset]
    decode: Callable[..., tuple[tf.Tensor, tf.Tensor]]
    shape: tuple[int, ...]
    explain: Callable[[tf.errors.OpError], str]


@dataclasses.dataclass(frozen=True)
class Stream:
    """Batches of rows that are read from their beginning.

    Every worker reads all rows, and decodes those of its share. To begin at a later batch, the
    ones before it are read and passed over.

    Args:
        of: the rows.
        batch_size: over all replicas.
        shuffle: how many rows are mixed in each epoch; 0 leaves their order.
        seed: of the mixing.
        check: raises a `DataError` for targets that are none.
    """

    of: Rows
    batch_size: int
    shuffle: int
    seed: int
    check: Callable[[np.ndarray], None]

    @functools.cached_property
    def rows(self) -> int | None:
        """How many there are, if the data set can tell."""
        number = int(self.of.make().cardinality())
        return number if number >= 0 else None

    @property
    def batches(self) -> int | None:
        """How many there are, if the data set can tell."""
        return None if self.rows is None else -(-self.rows // self.batch_size)

    def read(self, epoch: int, start: int, share: Share) -> Iterator[Batch]:
        """Reads an epoch from batch `start` on."""
        places = tf.constant(share.places(self.batch_size), tf.int64)

        def take(*columns: Any) -> tuple[tf.Tensor, ...]:
            rows = tf.shape(columns[0], tf.int64)[0]
            x, y = self.of.decode(*(tf.gather(column, places % rows) for column in columns))
            # Else the model would be blamed.
            x = tf.debugging.assert_all_finite(x, "features must be finite")
            return x, y, places < rows, rows, _fingerprint(columns)

        data = self.of.make()
        if self.shuffle:
            data = data.shuffle(self.shuffle, seed=self.seed + epoch)
        data = data.batch(self.batch_size).skip(start)
        data = data.map(take, num_parallel_calls=2).prefetch(2)
        options = tf.data.Options()
        options.deterministic = True
        # The thread that tunes may take a minute to notice that an iterator has gone.
        options.autotune.enabled = False
        reader = iter(data.with_options(options))
        while True:
            try:
                x, y, mask, rows, fingerprint = (column.numpy() for column in next(reader))
            except StopIteration:
                return
            except _LASTING as error:
                raise DataError(f"{self.of.name}: {self.of.explain(error)}") from error
            self.check(y)
            yield Batch(
                x,
                y.astype(np.int64),
                mask,
                int(rows),
                lambda told=int(fingerprint): told,  # type: ignore[misc]
            )


def files_of(pattern: str) -> list[str]:
    """The files that match, in alphabetical order; `**` stands for any directories.

    Raises:
        DataError: none does.
    """
    files = sorted(glob.glob(pattern, recursive=True))
    if not files:
        raise DataError(f"tfrecord:{pattern}: no file matches. Give the path of files that exist.")
    return files


def of_tfrecords(
    pattern: str,
    *,
    feature: str,
    label: str,
    shape: tuple[int, ...],
    feature_type: str,
    scale: float,
    label_shape: tuple[int, ...],
    dtype: str,
) -> Rows:
    """The `tf.train.Example`s in the files that match a pattern.

    Args:
        pattern: of file names; they are read in alphabetical order.
        feature: the name of the features, `shape` numbers of a `feature_type`: lists of
            `"float32"` or `"int64"`, or raw bytes, `"uint8"`.
        label: the name of the target, int64 of `label_shape`.
        shape: of the features of a row.
        feature_type: how they are stored.
        scale: what they are multiplied by.
        label_shape: `()` for ids, `(C,)` for 0/1 targets.
        dtype: of the features as they are returned.

    Raises:
        DataError: no file matches.
    """
    files = files_of(pattern)
    raw = feature_type == "uint8"
    spec = {
        feature: tf.io.FixedLenFeature(
            () if raw else shape, tf.string if raw else tf.as_dtype(feature_type)
        ),
        label: tf.io.FixedLenFeature(label_shape, tf.int64),
    }

    def decode(serialized: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        row = tf.io.parse_example(serialized, spec)
        x = row[feature]
        if raw:
            # With the number of rows, so that rows of twice the size are no two rows.
            x = tf.reshape(tf.io.decode_raw(x, tf.uint8), [tf.shape(serialized)[0], *shape])
        return tf.cast(x, dtype) * tf.cast(scale, dtype), row[label]

    def explain(error: tf.errors.OpError) -> str:
        if isinstance(error, tf.errors.DataLossError):
            return (
                f"{_corrupt_file(files)}. It is corrupt, compressed, or no TFRecord file; write it "
                "anew, or leave it out."
            )
        if isinstance(error, tf.errors.InvalidArgumentError):
            return (
                f"a record is not what config.feature={feature} ({feature_type}, of shape "
                f"{shape}) and config.label={label} (int64, of shape {label_shape}) say: "
                f"{_said(error)}"
            )
        return _said(error)

    return Rows(
        f"tfrecord:{pattern}", lambda: tf.data.TFRecordDataset(files), decode, shape, explain
    )


def of_function(function: Callable[[str], Any], name: str, split: str, dtype: str) -> Rows:
    """The rows that `function(split)` returns.

    Raises:
        DataError: that is not a `tf.data.Dataset` of pairs, features and target, that ends.
    """
    name = f"{name}({split!r})"
    data = function(split)
    what = f"a data set of {data.element_spec}" if isinstance(data, tf.data.Dataset) else repr(data)
    if not isinstance(data, tf.data.Dataset) or not _are_pairs(data.element_spec):
        raise DataError(
            f"{name} must return a tf.data.Dataset of pairs, the features and the target of one "
            f"row each, two tensors of numbers; it returned {what}."
        )
    shape = data.element_spec[0].shape
    if not shape.is_fully_defined():
        raise DataError(
            f"{name} returns features of shape {shape}, and each size must be known. Leave out "
            "batch(), since rows are wanted; or give them their shape with tf.ensure_shape."
        )
    if data.cardinality() == tf.data.INFINITE_CARDINALITY:
        raise DataError(f"{name} returns rows without end. Leave out repeat().")

    def decode(x: tf.Tensor, y: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return tf.cast(x, dtype), y

    return Rows(name, lambda: function(split), decode, tuple(shape), _said)


def _are_pairs(spec: Any) -> bool:
    return (
        isinstance(spec, tuple)
        and len(spec) == 2
        and all(isinstance(one, tf.TensorSpec) for one in spec)
        and all(one.dtype.is_floating or one.dtype.is_integer or one.dtype.is_bool for one in spec)
    )


def _fingerprint(columns: Sequence[tf.Tensor]) -> tf.Tensor:
    """A number that any change of the rows, or of their order, changes."""
    hashes = []
    for column in columns:
        if column.dtype != tf.string:
            column = tf.io.serialize_tensor(column)
        hashes.append(tf.reshape(tf.strings.to_hash_bucket_fast(column, 2**62), [-1]))
    joined = tf.io.serialize_tensor(tf.concat(hashes, axis=0))
    return tf.strings.to_hash_bucket_fast(joined, 2**62)


def _corrupt_file(files: Sequence[str]) -> str:
    """The first that cannot be read, and why."""
    for file in files:
        try:
            for _ in tf.data.TFRecordDataset([file]):
                pass
        except tf.errors.DataLossError as error:
            return f"{file}: {_said(error)}"
    return "one of its files could not be read, and now all can"


def _said(error: tf.errors.OpError) -> str:
    """Its message without the names of operations."""
    text = re.sub(r"\{\{.*?\}\}\s*", "", error.message)
    return re.sub(r"\s*(\[\[.*?\]\]|\[Op:.*)", "", text).strip()
