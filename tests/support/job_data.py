"""Rows with ids, stored in every form that a job reads."""

import itertools
import sys
import types

import numpy as np
import pytest
import tensorflow as tf
from job_configs import config_for_dataset

from dist_f1.jobs import data
from dist_f1.jobs.data import Shard

SHAPE = (2, 3)
CLASSES = 3
# The fast tests read one form in memory and one form of stream.
KINDS = (
    "npz",
    "floats",
    *(
        pytest.param(kind, marks=pytest.mark.slow)
        for kind in ("integers", "bytes", "multilabel", "function", "generator")
    ),
)
STREAMS = KINDS[1:]


def features(ids):
    """Return the features `[N, 2, 3]` of rows with ids below 200: small integers."""
    return (np.asarray(ids)[:, None] + np.arange(6)).reshape(-1, *SHAPE)


def targets(ids, task="multiclass"):
    ids = np.asarray(ids)
    return (ids[:, None] >> np.arange(CLASSES)) & 1 if task == "multilabel" else ids % CLASSES


X, Y = features(range(12)).astype(np.float32), targets(range(12))
SPLIT = {"x_train": X[:8], "y_train": Y[:8], "x_validation": X[8:], "y_validation": Y[8:]}


def split_ids(count):
    """Return `count` ids for training, and two thirds, at least one, for validation."""
    fewer = max(1, 2 * count // 3)
    return {"train": list(range(count)), "validation": list(range(100, 100 + fewer))}


def example(x, y):
    """Return a serialized `tf.train.Example` of bytes, floats or integers, and of integers."""
    if isinstance(x, bytes):
        feature = tf.train.Feature(bytes_list=tf.train.BytesList(value=[x]))
    elif np.asarray(x).dtype.kind == "f":
        feature = tf.train.Feature(float_list=tf.train.FloatList(value=np.ravel(x)))
    else:
        feature = tf.train.Feature(int64_list=tf.train.Int64List(value=np.ravel(x)))
    label = tf.train.Feature(int64_list=tf.train.Int64List(value=np.ravel(y)))
    message = tf.train.Example(features=tf.train.Features(feature={"x": feature, "y": label}))
    return message.SerializeToString()


def write_records(path, records):
    with tf.io.TFRecordWriter(str(path)) as writer:
        for record in records:
            writer.write(record)


def write_npz(directory, **arrays):
    """Write `rows.npz` and return its `config.dataset`."""
    np.savez(f"{directory}/rows.npz", **arrays)
    return f"npz:{directory}/rows.npz"


def damage(path, where, bits):
    """Flip bits of the byte at a fraction of a file."""
    content = bytearray(path.read_bytes())
    content[int(where * len(content))] ^= bits
    path.write_bytes(content)


def function_name(function):
    """Return `module:function` for a function that a test has made."""
    sys.modules["functions_of_a_test"] = types.ModuleType("functions_of_a_test")
    sys.modules["functions_of_a_test"].rows = function
    return "functions_of_a_test:rows"


def slices(x, y):
    return tf.data.Dataset.from_tensor_slices((x, y))


def generated(rows, x=(SHAPE, tf.float32), y=((), tf.int64)):
    return tf.data.Dataset.from_generator(
        lambda: iter(rows), output_signature=(tf.TensorSpec(*x), tf.TensorSpec(*y))
    )


def load(kind, ids, directory, make_features=features, make_targets=targets, **changes):
    """Store the rows with `ids[split]` in the form `kind`, and return the data of a job."""
    task = "multilabel" if kind == "multilabel" else "multiclass"
    rows = {s: (make_features(some), make_targets(some, task)) for s, some in ids.items()}
    if kind == "npz":
        arrays = {f"{n}_{s}": a for s, xy in rows.items() for n, a in zip("xy", xy, strict=True)}
        return data.load(config_for_dataset(write_npz(directory, **arrays), **changes))
    if kind == "function":
        name = function_name(lambda split: slices(*rows[split]))
        return data.load(config_for_dataset(name, **changes))
    if kind == "generator":
        integers = (SHAPE, tf.int64)
        name = function_name(lambda split: generated(zip(*rows[split], strict=True), integers))
        return data.load(config_for_dataset(name, **changes))
    dtype = {"bytes": np.uint8, "integers": np.int64}.get(kind, np.float32)
    for split, (x, y) in rows.items():
        x = x.astype(dtype)
        records = [
            example(one.tobytes() if kind == "bytes" else one, label)
            for one, label in zip(x, y, strict=True)
        ]
        # Two files of different lengths.
        cut = len(records) // 3
        write_records(f"{directory}/{split}-0.tfrecord", records[:cut])
        write_records(f"{directory}/{split}-1.tfrecord", records[cut:])
    return data.load(
        config_for_dataset(
            f"tfrecord:{directory}/train-*.tfrecord",
            validation_dataset=f"tfrecord:{directory}/validation-*.tfrecord",
            feature_shape=SHAPE,
            feature_type={"bytes": "uint8", "integers": "int64"}.get(kind, "float32"),
            task=task,
            **changes,
        )
    )


def ids_of(batch):
    """Return the ids of the unmasked rows; check that features and targets match them."""
    ids = batch.x[batch.mask][:, 0, 0].astype(int)
    np.testing.assert_array_equal(batch.x[batch.mask], features(ids))
    task = "multilabel" if batch.y.ndim == 2 else "multiclass"
    np.testing.assert_array_equal(batch.y[batch.mask], targets(ids, task))
    return ids.tolist()


def shards(workers, local):
    return [Shard(worker * local, local, workers * local) for worker in range(workers)]


def batches_of(source, epoch, start=0, workers=1, local=1):
    """Yield the ids of each batch over all workers; check that the workers read the same batch."""
    each = [list(source.read(epoch, start, shard)) for shard in shards(workers, local)]
    for batches in zip(*each, strict=True):
        assert len({batch.rows for batch in batches}) == 1
        assert len({batch.fingerprint() for batch in batches}) == 1
        yield list(itertools.chain.from_iterable(map(ids_of, batches)))


def order_of(source, epoch, **options):
    return list(itertools.chain.from_iterable(batches_of(source, epoch, **options)))


def fingerprints_of(source):
    return [batch.fingerprint() for batch in source.read(1, 0, Shard())]


def read_all(loaded):
    for source in (loaded.train, loaded.validation):
        list(source.read(1, 0, Shard(replicas=3)))


class WatchedSource:
    """A source that calls `at[epoch, step]` when that batch is read."""

    def __init__(self, source, at):
        self._source, self._at = source, at
        self.batches, self.rows = source.batches, source.rows

    def read(self, epoch, start, shard):
        for step, batch in enumerate(self._source.read(epoch, start, shard), start):
            self._at.pop((epoch, step), lambda: None)()
            yield batch
