"""Rows that come from a `tf.data.Dataset`: TFRecord files, or a function of the user's own."""

from __future__ import annotations

import dataclasses
import glob
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from dist_f1.jobs.data.source import Batch, DataError, Share


@dataclasses.dataclass(frozen=True)
class Stream:
    """Batches of a data set that is read from its beginning.

    Every worker reads all rows, and decodes those of its share. To begin at a later batch, the
    ones before it are read and passed over; so the data set must give the same rows in the same
    order each time.

    Args:
        make: the rows, not batched, undecoded: a new data set each time.
        decode: from a batch of rows to features `[R, ...]` and targets `[R]` or `[R, C]`.
        batch_size: over all replicas.
        shuffle: how many rows are mixed in each epoch; 0 leaves their order.
        seed: of the mixing.
        check: raises a `DataError` for targets that are none.
        explain: raises a `DataError` for an error in reading.
    """

    make: Callable[[], tf.data.Dataset]
    decode: Callable[..., tuple[tf.Tensor, tf.Tensor]]
    batch_size: int
    shuffle: int
    seed: int
    check: Callable[[np.ndarray], None]
    explain: Callable[[Exception], None]

    @property
    def rows(self) -> int | None:
        """How many there are, if the data set can tell."""
        number = int(self.make().cardinality())
        return number if number >= 0 else None

    @property
    def batches(self) -> int | None:
        """How many there are, if the data set can tell."""
        rows = self.rows
        return None if rows is None else -(-rows // self.batch_size)

    def read(self, epoch: int, start: int, share: Share) -> Iterator[Batch]:
        """Reads an epoch from batch `start` on."""
        places = tf.constant(share.places(self.batch_size), tf.int64)

        def take(*columns: Any) -> tuple[tf.Tensor, ...]:
            rows = tf.shape(tf.nest.flatten(columns)[0], tf.int64)[0]
            mine = tf.nest.map_structure(lambda column: tf.gather(column, places % rows), columns)
            return *self.decode(*mine), places < rows, rows, _fingerprint(columns)

        data = self.make()
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
            except tf.errors.OpError as error:
                self.explain(error)
                raise
            self.check(y)
            yield Batch(x, y, mask, int(rows), lambda told=int(fingerprint): told)  # type: ignore[misc]


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
) -> dict[str, Any]:
    """What a `Stream` needs to read `tf.train.Example`s from the files that match a pattern.

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
    files = sorted(glob.glob(pattern))
    if not files:
        raise DataError(f"no file matches tfrecord:{pattern}.")
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
            size = int(np.prod(shape))
            x = tf.reshape(tf.io.decode_raw(x, tf.uint8, fixed_length=None), [-1, size])
            x = tf.reshape(x, [-1, *shape])
        return tf.cast(x, dtype) * tf.cast(scale, dtype), row[label]

    def explain(error: Exception) -> None:
        if isinstance(error, tf.errors.DataLossError):
            raise DataError(
                f"tfrecord:{pattern}: {_corrupt_file(files)} is corrupt. Write it anew, or leave "
                "it out."
            ) from error
        if isinstance(error, tf.errors.InvalidArgumentError):
            raise DataError(
                f"tfrecord:{pattern}: a record is not what config.feature={feature} "
                f"({feature_type}, of shape {shape}) and config.label={label} say: {error.message}"
            ) from error

    return {
        "make": lambda: tf.data.TFRecordDataset(files),
        "decode": decode,
        "explain": explain,
    }


def of_function(
    function: Callable[[str], Any], name: str, split: str, dtype: str
) -> dict[str, Any]:
    """What a `Stream` needs to read the rows that `function(split)` returns.

    Raises:
        DataError: that is not a `tf.data.Dataset` of pairs, features and target.
    """
    data = function(split)
    spec = getattr(data, "element_spec", None)
    if not isinstance(data, tf.data.Dataset) or not isinstance(spec, tuple) or len(spec) != 2:
        what = f"a data set of {spec}" if spec is not None else repr(type(data).__name__)
        raise DataError(
            f"{name}({split!r}) must return a tf.data.Dataset of pairs, the features and the "
            f"target of one row each; it returned {what}."
        )

    def decode(x: tf.Tensor, y: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return tf.cast(x, dtype), tf.cast(y, tf.int64)

    def explain(error: Exception) -> None:
        if isinstance(error, tf.errors.DataLossError):
            raise DataError(f"{name}({split!r}): {error.message}") from error

    return {"make": lambda: function(split), "decode": decode, "explain": explain}


def _fingerprint(columns: Any) -> tf.Tensor:
    """A number that any change of the rows, or of their order, changes."""
    hashes = []
    for column in tf.nest.flatten(columns):
        if column.dtype != tf.string:
            column = tf.io.serialize_tensor(column)
        hashes.append(tf.reshape(tf.strings.to_hash_bucket_fast(column, 2**62), [-1]))
    joined = tf.io.serialize_tensor(tf.concat(hashes, axis=0))
    return tf.strings.to_hash_bucket_fast(joined, 2**62)


def _corrupt_file(files: list[str]) -> str:
    for file in files:
        try:
            for _ in tf.data.TFRecordDataset([file]):
                pass
        except tf.errors.DataLossError as error:
            return f"{file} ({error.message.partition(' [Op')[0]})"
    return "one of its files"
