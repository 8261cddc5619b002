"""Every row is read once, by one of the workers, wherever reading begins; bad data are refused."""

import contextlib
import dataclasses
import gzip
import itertools
import pathlib
import sys
import tempfile
import types

import ml_collections
import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from dist_f1.jobs import data
from dist_f1.jobs import settings as job_settings
from dist_f1.jobs.data import Arrays, DataError, Share

SHAPE = (2, 3)
CLASSES = 3


def features(ids):
    """The features of rows that are told apart by their ids, below 200: small whole numbers."""
    return (np.asarray(ids)[:, None] + np.arange(6)).reshape(-1, *SHAPE)


def targets(ids, task):
    ids = np.asarray(ids)
    return (ids[:, None] >> np.arange(CLASSES)) & 1 if task == "multilabel" else ids % CLASSES


def config_of(dataset, **changes):
    config = job_settings.complete(
        ml_collections.ConfigDict(
            {
                "dataset": dataset,
                "num_classes": CLASSES,
                "model": "mlp",
                "validation_fraction": 0.2,
                "threshold": 0.0,
                "average": "macro",
                "strategy": "auto",
                "replicas": 1,
                "epochs": 2,
                "batch_size": 4,
                "learning_rate": 0.01,
                "dtype": "float32",
                "seed": 0,
                "save_predictions": False,
            }
        )
    )
    with config.unlocked():
        config.update(changes)
    if config.task != "multiclass" and "threshold" not in changes:
        config.threshold = 0.5
    if config.task == "binary":
        config.update(average="binary", num_classes=0)
    job_settings.validate(config)
    return config


def example(x, y):
    """A `tf.train.Example` of bytes, floats or integers, and of one or more integers."""
    if isinstance(x, bytes):
        feature = tf.train.Feature(bytes_list=tf.train.BytesList(value=[x]))
    elif np.asarray(x).dtype.kind == "f":
        feature = tf.train.Feature(float_list=tf.train.FloatList(value=np.ravel(x)))
    else:
        feature = tf.train.Feature(int64_list=tf.train.Int64List(value=np.ravel(x)))
    label = tf.train.Feature(int64_list=tf.train.Int64List(value=np.ravel(y)))
    features = tf.train.Features(feature={"x": feature, "y": label})
    return tf.train.Example(features=features).SerializeToString()


def write_records(path, records):
    with tf.io.TFRecordWriter(str(path)) as writer:
        for record in records:
            writer.write(record)


def own_function(function):
    """`module:function` for a function that was made in a test."""
    sys.modules["functions_of_a_test"] = types.ModuleType("functions_of_a_test")
    sys.modules["functions_of_a_test"].rows = function
    return "functions_of_a_test:rows"


KINDS = ("npz", "floats", "integers", "bytes", "multilabel", "function", "generator")


def load(kind, ids, directory, **changes):
    """Data of some kind; `ids` are those of the rows of `train` and of `validation`."""
    task = "multilabel" if kind == "multilabel" else "multiclass"
    rows = {split: (features(some), targets(some, task)) for split, some in ids.items()}
    if kind == "npz":
        arrays = {
            f"{name}_{split}": a
            for split, xy in rows.items()
            for name, a in zip("xy", xy, strict=True)
        }
        np.savez(f"{directory}/rows.npz", **arrays)
        return data.load(config_of(f"npz:{directory}/rows.npz", **changes))
    if kind in ("function", "generator"):
        return data.load(config_of(own_function(maker(kind, rows)), **changes))
    for split, (x, y) in rows.items():
        stored = {"bytes": np.uint8, "integers": np.int64}.get(kind, np.float32)
        records = [
            example(one.astype(stored).tobytes() if kind == "bytes" else one.astype(stored), label)
            for one, label in zip(x, y, strict=True)
        ]
        # Two files, of different lengths.
        cut = len(records) // 3
        write_records(f"{directory}/{split}-0.tfrecord", records[:cut])
        write_records(f"{directory}/{split}-1.tfrecord", records[cut:])
    return data.load(
        config_of(
            f"tfrecord:{directory}/train-*.tfrecord",
            validation_dataset=f"tfrecord:{directory}/validation-*.tfrecord",
            feature_shape=SHAPE,
            feature_type={"bytes": "uint8", "integers": "int64"}.get(kind, "float32"),
            task=task,
            **changes,
        )
    )


def maker(kind, rows):
    def make(split):
        x, y = rows[split]
        if kind == "function":
            return tf.data.Dataset.from_tensor_slices((x, y))
        return tf.data.Dataset.from_generator(
            lambda: zip(x, y, strict=True),
            output_signature=(tf.TensorSpec(SHAPE, tf.int64), tf.TensorSpec((), tf.int64)),
        )

    return make


def ids_of(batch):
    """The ids of the rows that count; the features and targets must be those of these rows."""
    ids = batch.x[batch.mask][:, 0, 0].astype(int)
    np.testing.assert_array_equal(batch.x[batch.mask], features(ids))
    task = "multilabel" if batch.y.ndim == 2 else "multiclass"
    np.testing.assert_array_equal(batch.y[batch.mask], targets(ids, task))
    return ids.tolist()


def shares(workers, local):
    return [Share(worker * local, local, workers * local) for worker in range(workers)]


def batches_of(source, epoch, start=0, workers=1, local=1):
    """By batch, the ids that each worker has, in the order of the workers."""
    each = [list(source.read(epoch, start, share)) for share in shares(workers, local)]
    for batches in zip(*each, strict=True):
        assert len({batch.rows for batch in batches}) == 1
        assert len({batch.fingerprint() for batch in batches}) == 1
        yield list(itertools.chain.from_iterable(map(ids_of, batches)))


def order_of(source, epoch, **how):
    return list(itertools.chain.from_iterable(batches_of(source, epoch, **how)))


def check_shares(loaded, ids, batch_size, workers, local, epoch):
    """Each row is in one share of one batch, once."""
    for split, source in (("train", loaded.train), ("validation", loaded.validation)):
        together = list(batches_of(source, epoch, workers=workers, local=local))
        assert sorted(itertools.chain.from_iterable(together)) == ids[split]
        # What a batch is does not depend on who reads it,
        assert together == list(batches_of(source, epoch))
        # and all are full but the last.
        cuts = range(0, len(ids[split]), batch_size)
        assert [len(batch) for batch in together] == [
            len(ids[split][i:][:batch_size]) for i in cuts
        ]
        assert source.batches in (None, len(together))
        assert source.rows in (None, len(ids[split]))
        if split == "validation":
            assert list(itertools.chain.from_iterable(together)) == ids[split]


def check_shapes(loaded, batch_size, workers, local):
    """No batch is of another shape, and rows that only fill up are rows of the batch."""
    replicas = workers * local
    each = -(-batch_size // replicas)
    for source in (loaded.train, loaded.validation):
        of_all = list(batches_of(source, 1))
        for share in shares(workers, local):
            for batch, everyone in zip(source.read(1, 0, share), of_all, strict=True):
                assert batch.x.shape == (local * each, *SHAPE)
                assert batch.x.dtype == np.float32
                assert batch.y.dtype == np.int64
                assert batch.y.shape[:1] == batch.mask.shape == (local * each,)
                assert batch.rows == len(everyone)
                assert set(batch.x[:, 0, 0].astype(int)) <= set(everyone)


def check_starts(loaded, epoch, start, workers, local):
    for source in (loaded.train, loaded.validation):
        for share in shares(workers, local):
            tail = list(source.read(epoch, 0, share))[start:]
            begun = list(source.read(epoch, start, share))
            assert len(begun) == len(tail)
            for one, other in zip(begun, tail, strict=True):
                for name in ("x", "y", "mask", "rows"):
                    np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
                assert one.fingerprint() == other.fingerprint()


def split_ids(number):
    """A third fewer rows to validate; at least one."""
    fewer = max(1, 2 * number // 3)
    return {"train": list(range(number)), "validation": list(range(100, 100 + fewer))}


rows = st.integers(1, 30)
batch_sizes = st.integers(1, 17)
numbers = st.integers(1, 4)
epochs = st.integers(1, 4)
buffers = st.sampled_from([0, 1, 7, 1000])


@given(number=rows, batch_size=batch_sizes, workers=numbers, local=numbers, epoch=epochs)
def test_each_row_of_arrays_is_in_one_share_once(number, batch_size, workers, local, epoch):
    ids = split_ids(number)
    with tempfile.TemporaryDirectory() as directory:
        loaded = load("npz", ids, directory, batch_size=batch_size)
    check_shares(loaded, ids, batch_size, workers, local, epoch)
    check_shapes(loaded, batch_size, workers, local)


@pytest.mark.parametrize("kind", KINDS[1:])
@settings(max_examples=6)
@given(
    number=rows,
    batch_size=batch_sizes,
    workers=numbers,
    local=numbers,
    epoch=epochs,
    buffer=buffers,
)
def test_each_row_of_a_stream_is_in_one_share_once(
    kind, number, batch_size, workers, local, epoch, buffer
):
    ids = split_ids(number)
    with tempfile.TemporaryDirectory() as directory:
        loaded = load(kind, ids, directory, batch_size=batch_size, shuffle_buffer=buffer)
        check_shares(loaded, ids, batch_size, workers, local, epoch)
        check_shapes(loaded, batch_size, workers, local)
        if buffer == 0:
            assert order_of(loaded.train, epoch) == ids["train"]


@given(number=rows, batch_size=batch_sizes, start=st.integers(0, 31), epoch=epochs, local=numbers)
def test_reading_arrays_can_begin_at_any_batch(number, batch_size, start, epoch, local):
    with tempfile.TemporaryDirectory() as directory:
        loaded = load("npz", split_ids(number), directory, batch_size=batch_size)
    check_starts(loaded, epoch, start, 2, local)


@pytest.mark.parametrize("kind", KINDS[1:])
@settings(max_examples=5)
@given(number=rows, start=st.integers(0, 8), epoch=epochs, buffer=buffers)
def test_reading_a_stream_can_begin_at_any_batch(kind, number, start, epoch, buffer):
    with tempfile.TemporaryDirectory() as directory:
        loaded = load(kind, split_ids(number), directory, shuffle_buffer=buffer)
        check_starts(loaded, epoch, start, 2, 1)


@pytest.mark.parametrize("kind", KINDS)
def test_each_epoch_has_an_order_of_its_own_and_keeps_it(kind, tmp_path):
    loaded = load(kind, split_ids(30), tmp_path)
    orders = [order_of(loaded.train, epoch) for epoch in range(1, 6)]
    assert len(set(map(tuple, orders))) == 5
    assert [order_of(loaded.train, epoch) for epoch in range(1, 6)] == orders
    again = load(kind, split_ids(30), tmp_path)
    assert order_of(again.train, 2) == orders[1]
    assert order_of(load(kind, split_ids(30), tmp_path, seed=7).train, 2) not in orders
    held = [order_of(loaded.validation, epoch) for epoch in (1, 2)]
    assert held == [split_ids(30)["validation"]] * 2


def prints_of(source):
    return [batch.fingerprint() for batch in source.read(1, 0, Share())]


@given(st.data())
def test_a_fingerprint_of_arrays_tells_any_change(drawn):
    x, y = features(range(9)).astype(np.float64), targets(range(9), "multiclass")
    before = prints_of(Arrays(x, y, 4))
    assert prints_of(Arrays(x.copy(), y.copy(), 4)) == before
    row = drawn.draw(st.integers(0, 8))
    changed_x, changed_y = x.copy(), y.copy()
    how = drawn.draw(st.sampled_from(["feature", "target", "order"]))
    if how == "feature":
        column = drawn.draw(st.integers(0, 5))
        changed_x[row].flat[column] = np.nextafter(changed_x[row].flat[column], np.inf)
    elif how == "target":
        changed_y[row] += 1
    else:
        first = row // 4 * 4
        order = np.arange(9)
        order[first : first + 4] = np.roll(order[first : first + 4], 1)
        changed_x, changed_y = x[order], y[order]
    after = prints_of(Arrays(changed_x, changed_y, 4))
    same = [one == other for one, other in zip(before, after, strict=True)]
    # The last batch is of one row, whose order cannot change.
    changes = how != "order" or row != 8
    assert same == [not (changes and batch == row // 4) for batch in range(3)]


@pytest.mark.parametrize("kind", KINDS[1:])
def test_a_fingerprint_of_a_stream_tells_any_change(kind, tmp_path):
    def prints(ids, x=features, y=targets):
        changed = {"train": [50], "validation": ids}
        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(globals(), "features", x)
            patch.setitem(globals(), "targets", y)
            return prints_of(load(kind, changed, tmp_path).validation)

    def unchanged(after):
        return [one == other for one, other in zip(before, after, strict=True)]

    def one_feature(ids, features=features):
        x = features(ids)
        x[0, 1, 2] += 1
        return x

    def one_target(ids, task, targets=targets):
        y = targets(ids, task).copy()
        y.flat[-1] = (y.flat[-1] + 1) % 2
        return y

    # Batches of four, four and two rows.
    ids = list(range(10))
    before = prints(ids)
    assert unchanged(prints(ids)) == [True, True, True]
    assert len(set(before)) == 3
    assert unchanged(prints([*ids[:5], 77, *ids[6:]])) == [True, False, True]
    assert unchanged(prints([*ids[:8], 9, 8])) == [True, True, False]
    assert unchanged(prints(ids, x=one_feature)) == [False, True, True]
    assert unchanged(prints(ids, y=one_target)) == [True, True, False]


def test_only_a_data_set_that_can_tell_them_has_a_number_of_rows(tmp_path):
    told = {
        kind: (source.rows, source.batches)
        for kind in KINDS
        for source in [load(kind, split_ids(10), tmp_path).train]
    }
    known, unknown = (10, 3), (None, None)
    assert told == {kind: known if kind in ("npz", "function") else unknown for kind in KINDS}


@pytest.mark.parametrize(
    ("kind", "dtype", "expected"),
    [("bytes", np.uint8, 0.5), ("integers", np.int64, 0.5), ("floats", np.float32, 0.5)],
)
@pytest.mark.parametrize("to", ["float32", "float64"])
def test_stored_features_are_scaled_in_the_type_of_the_job(tmp_path, kind, dtype, expected, to):
    loaded = load(kind, split_ids(5), tmp_path, feature_scale=0.5, dtype=to)
    (batch, *_) = loaded.validation.read(1, 0, Share(replicas=2))
    assert batch.x.dtype == to
    np.testing.assert_array_equal(batch.x, features([100, 101]).astype(dtype) * expected)


flips = st.integers(1, 255)


def damage(path, where, bits):
    """Flips bits of the byte at a fraction of a file."""
    content = bytearray(path.read_bytes())
    content[int(where * len(content))] ^= bits
    path.write_bytes(content)


@settings(max_examples=25)
@given(st.data())
def test_a_changed_byte_of_a_tfrecord_is_noticed_and_its_file_named(drawn):
    with tempfile.TemporaryDirectory() as directory:
        loaded = load("floats", split_ids(12), directory, shuffle_buffer=0)
        name = drawn.draw(st.sampled_from(["train-0.tfrecord", "train-1.tfrecord"]))
        other = "train-1.tfrecord" if name == "train-0.tfrecord" else "train-0.tfrecord"
        where, bits = drawn.draw(st.floats(0.0, 1.0, exclude_max=True)), drawn.draw(flips)
        damage(pathlib.Path(directory, name), where, bits)
        read = []
        with pytest.raises(DataError, match=r"is corrupt, .* write it anew") as raised:
            read += map(ids_of, loaded.train.read(1, 0, Share()))
        assert name in str(raised.value)
        assert other not in str(raised.value)
        assert "\n" not in str(raised.value)
        # What was read before are the first rows.
        assert list(itertools.chain.from_iterable(read)) == list(range(len(read) * 4))
        # Those of the other split are as they were.
        assert order_of(loaded.validation, 1) == split_ids(12)["validation"]


# A record has 65 bytes here. TensorFlow does not miss one of which less than 12 bytes are left.
@pytest.mark.parametrize("cut", [1, 4, 20, 53, 66, 118])
def test_a_truncated_tfrecord_is_noticed_and_named(tmp_path, cut):
    loaded = load("floats", split_ids(12), tmp_path)
    path = tmp_path / "train-1.tfrecord"
    path.write_bytes(path.read_bytes()[:-cut])
    with pytest.raises(DataError, match=r"train-1\.tfrecord: .*truncated.* is corrupt"):
        list(loaded.train.read(1, 0, Share()))


def test_a_file_that_is_no_tfrecord_is_named(tmp_path):
    loaded = load("floats", split_ids(12), tmp_path)
    path = tmp_path / "train-1.tfrecord"
    path.write_bytes(gzip.compress(path.read_bytes()))
    with pytest.raises(DataError, match=r"train-1\.tfrecord: .*compressed, or no TFRecord file"):
        list(loaded.train.read(1, 0, Share()))
    path.unlink()
    with pytest.raises(DataError, match=r"train-1\.tfrecord; No such file or directory$"):
        list(loaded.train.read(1, 0, Share()))
    path.mkdir()
    with pytest.raises(DataError, match=r"train-1\.tfrecord; Is a directory$"):
        list(loaded.train.read(1, 0, Share()))


def read_all(loaded):
    for source in (loaded.train, loaded.validation):
        list(source.read(1, 0, Share(replicas=3)))


@pytest.mark.parametrize(
    ("kind", "changes", "message"),
    [
        ("floats", {"feature": "z"}, r"config\.feature=z .*Feature: z .*could not be found"),
        ("floats", {"label": "z"}, r"config\.label=z .*Feature: z .*could not be found"),
        ("floats", {"feature_shape": (7,)}, r"config\.feature=x \(float32, of shape \(7,\)\)"),
        ("floats", {"feature_shape": (3,)}, r"config\.feature=x \(float32, of shape \(3,\)\)"),
        ("floats", {"feature_type": "int64"}, r"config\.feature=x \(int64"),
        ("floats", {"feature_type": "uint8"}, r"config\.feature=x \(uint8"),
        ("integers", {}, r"config\.feature=x \(float32"),
        ("bytes", {}, r"config\.feature=x \(float32"),
        # Half of a row, and twice a row.
        ("bytes", {"feature_type": "uint8", "feature_shape": (3,)}, r"config\.feature=x \(uint8"),
        ("bytes", {"feature_type": "uint8", "feature_shape": (12,)}, r"config\.feature=x \(uint8"),
        ("multilabel", {}, r"config\.label=y \(int64, of shape \(\)\)"),
        ("floats", {"task": "multilabel"}, r"config\.label=y \(int64, of shape \(3,\)\)"),
        ("multilabel", {"task": "multilabel", "num_classes": 4}, r"config\.label=y .*\(4,\)"),
        ("floats", {"num_classes": 2}, r"must be from 0 to 1 in this multiclass task"),
        ("floats", {"task": "binary"}, r"must be from 0 to 1 in this binary task.* is 2"),
    ],
)
def test_records_that_are_not_what_the_config_says_are_refused(tmp_path, kind, changes, message):
    load(kind, split_ids(12), tmp_path)
    arguments = {
        "validation_dataset": f"tfrecord:{tmp_path}/validation-*.tfrecord",
        "feature_shape": SHAPE,
        **changes,
    }
    config = config_of(f"tfrecord:{tmp_path}/train-*.tfrecord", **arguments)
    with pytest.raises(DataError, match=message) as raised:
        read_all(data.load(config))
    assert f"tfrecord:{tmp_path}/train-*.tfrecord: " in str(raised.value)
    assert "\n" not in str(raised.value)
    assert "{{" not in str(raised.value)


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (b"no example", r"a record is not what .*Could not parse example"),
        (example(np.full(SHAPE, np.nan, np.float32), 1), r"features must be finite"),
        (example(np.full(SHAPE, np.inf, np.float32), 1), r"features must be finite"),
        (example(np.zeros(SHAPE, np.float32), 3), r"from 0 to 2 in this .* of 3 .* one .* is 3\."),
        (example(np.zeros(SHAPE, np.float32), -1), r"from 0 to 2 in this .* one of them is -1\."),
    ],
    ids=["no example", "nan", "infinite", "label too great", "negative label"],
)
def test_one_bad_record_is_refused_in_whatever_share_it_is(tmp_path, record, message):
    loaded = load("floats", split_ids(12), tmp_path, shuffle_buffer=0)
    good = [example(one.astype(np.float32), 1) for one in features(range(3))]
    write_records(tmp_path / "train-1.tfrecord", [*good, record])
    first, second = (loaded.train.read(1, 0, share) for share in shares(2, 1))
    # Four rows are in the first file; each worker has two of the next four.
    assert ids_of(next(first)) + ids_of(next(second)) == [0, 1, 2, 3]
    assert next(first).mask.all()
    with pytest.raises(DataError, match=message):
        next(second)


def test_multilabel_targets_are_0_or_1(tmp_path):
    loaded = load("multilabel", split_ids(12), tmp_path)
    record = example(np.zeros(SHAPE, np.float32), [0, 2, 1])
    write_records(tmp_path / "train-1.tfrecord", [record])
    with pytest.raises(DataError, match=r"from 0 to 1 in this multilabel task; one of them is 2\."):
        read_all(loaded)


def test_files_must_be_there_and_be_others_for_validation(tmp_path):
    load("floats", split_ids(12), tmp_path)
    train, nowhere = f"tfrecord:{tmp_path}/train-*.tfrecord", f"tfrecord:{tmp_path}/test-*"
    for one, other in ((train, nowhere), (nowhere, train)):
        with pytest.raises(DataError, match=r"test-\*: no file matches\. Give the path"):
            data.load(config_of(one, validation_dataset=other, feature_shape=SHAPE))
    both = f"tfrecord:{tmp_path}/*.tfrecord"
    with pytest.raises(DataError, match=r"train-0\.tfrecord matches config\.dataset and config\."):
        data.load(config_of(both, validation_dataset=train, feature_shape=SHAPE))
    config = config_of(
        f"tfrecord:{tmp_path}/**/train-*",
        validation_dataset=f"tfrecord:{tmp_path}/val*",
        feature_shape=SHAPE,
    )
    assert sorted(order_of(data.load(config).train, 1)) == list(range(12))


def slices(x, y):
    return tf.data.Dataset.from_tensor_slices((x, y))


X, Y = features(range(12)).astype(np.float32), targets(range(12), "multiclass")


def generated(rows, x=((2, 3), tf.float32), y=((), tf.int64)):
    return tf.data.Dataset.from_generator(
        lambda: iter(rows), output_signature=(tf.TensorSpec(*x), tf.TensorSpec(*y))
    )


def failing():
    yield X[0], Y[0]
    raise KeyError("no such picture")


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        (lambda: None, r"must return a tf\.data\.Dataset of pairs.*; it returned None"),
        (lambda: (X, Y), r"must return a tf\.data\.Dataset of pairs.*; it returned \(array"),
        (lambda: [(X[0], Y[0])], r"must return a tf\.data\.Dataset of pairs"),
        (lambda: tf.data.Dataset.from_tensor_slices(X), r"it returned a data set of TensorSpec"),
        (lambda: tf.data.Dataset.from_tensor_slices((X, Y, Y)), r"it returned a data set of \("),
        (lambda: slices({"a": X}, Y), r"it returned a data set of \(\{'a'"),
        (lambda: slices(tf.RaggedTensor.from_row_lengths(X[:, 0, 0], [1] * 12), Y), r"Ragged"),
        (lambda: slices(X.astype(str), Y), r"two tensors of numbers; .*string"),
        (lambda: slices(X, Y.astype(str)), r"two tensors of numbers; .*string"),
        (lambda: slices(X, Y).batch(2), r"shape \(None, 2, 3\), .* Leave out batch\(\)"),
        (lambda: generated([], x=((2, None), tf.float32)), r"tf\.ensure_shape"),
        (lambda: slices(X, Y).repeat(), r"rows without end\. Leave out repeat\(\)"),
        (lambda: slices(X, Y + 0.5), r"must be whole numbers; one of them is \d\.5\."),
        (lambda: slices(X, np.where(Y, Y, np.nan)), r"must be whole numbers; one of them is nan\."),
        (lambda: slices(X, Y + 1), r"must be from 0 to 2 in this multiclass .* one of them is 3\."),
        (
            lambda: slices(X, Y - 1),
            r"must be from 0 to 2 in this multiclass .* one of them is -1\.",
        ),
        (lambda: slices(X, Y[:, None]), r"have the shape \[N\].*; these have \[\d, 1\]\. Change"),
        (lambda: slices(X * np.nan, Y), r"features must be finite"),
        (lambda: generated(failing()), r"KeyError: 'no such picture'"),
        (lambda: generated([(X[0, 0], 1)]), r"element of shape \(3,\) where .* \(2, 3\)"),
        (
            lambda: generated([(X[0], 1), (X[0], [1, 2])], y=(None, tf.int64)),
            r"Cannot (batch|add) tensor",
        ),
    ],
)
def test_functions_that_return_no_rows_are_refused(returned, message):
    name = own_function(lambda split: returned())
    with pytest.raises(DataError, match=message) as raised:
        read_all(data.load(config_of(name)))
    assert str(raised.value).startswith(f"{name}('train')")


@pytest.mark.parametrize("y", [Y.astype(np.uint8), Y.astype(np.float32), Y % 2 == 1])
@pytest.mark.parametrize("x", [X, X.astype(np.float64), X.astype(np.uint8), X > 5])
def test_functions_may_return_numbers_of_any_type(x, y):
    loaded = data.load(config_of(own_function(lambda split: slices(x, y)), dtype="float64"))
    (batch, *_) = loaded.validation.read(1, 0, Share())
    assert (batch.x.dtype, batch.y.dtype) == (np.float64, np.int64)
    np.testing.assert_array_equal(batch.x, x[:4])
    np.testing.assert_array_equal(batch.y, y[:4])


def test_both_splits_have_features_of_one_shape():
    name = own_function(lambda split: slices(X if split == "train" else X[:, :1], Y))
    with pytest.raises(
        DataError, match=r"\('train'\) returns features of shape \(2, 3\) and .*1, 3"
    ):
        data.load(config_of(name))


class Away:
    """A data set on a file server that is away."""

    def __getattr__(self, name):
        return lambda *_, **__: self

    def __iter__(self):
        return self

    def __next__(self):
        raise tf.errors.UnavailableError(None, None, "the file server is away")


def test_errors_that_a_restart_may_cure_stay_what_they_are():
    loaded = data.load(config_of(own_function(lambda split: slices(X, Y))))
    away = dataclasses.replace(loaded.train.of, make=Away)
    with pytest.raises(tf.errors.UnavailableError, match="the file server is away"):
        list(dataclasses.replace(loaded.train, of=away).read(1, 0, Share()))


@pytest.mark.parametrize(
    ("files", "name", "message"),
    [
        ({}, "nowhere:rows", r"config\.dataset=nowhere:rows: No module named 'nowhere'\. .* be in"),
        ({}, "no.where:rows", r"No module named 'no'\. The module must be in this directory, "),
        ({"mine_1": "import nowhere"}, "mine_1:rows", r"mine_1 imports nowhere, which is not inst"),
        ({"mine_2": "x = 1"}, "mine_2:rows", r"mine_2\.py has no function rows"),
        ({"mine_3": "rows = 1"}, "mine_3:rows", r"mine_3\.py has no function rows"),
        ({"mine_4": "def rows("}, "mine_4:rows", r"mine_4 cannot be imported: .*line 1"),
        ({"mine_5": "from os import x"}, "mine_5:rows", r"mine_5 cannot be imported: .*name 'x'"),
        ({"mine/a": ""}, "mine:rows", r"the module mine has no function rows"),
        ({}, "sys:rows", r"the module sys has no function rows"),
    ],
)
def test_a_module_or_function_that_is_not_there_is_named(
    tmp_path, monkeypatch, files, name, message
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    for module, text in files.items():
        (tmp_path / module).parent.mkdir(exist_ok=True)
        (tmp_path / f"{module}.py").write_text(text)
    with pytest.raises(ValueError, match=message):
        data.load(config_of(name))


def test_functions_are_found_in_packages_where_one_stands(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "deep" / "er" / "mine.py").write_text(
        "import tensorflow as tf\n"
        "def rows(split):\n"
        "    number = {'train': 5, 'validation': 3}[split]\n"
        "    return tf.data.Dataset.range(number).map(lambda i: (tf.fill([4], i), i % 3))\n"
    )
    loaded = data.load(config_of("deep.er.mine:rows"))
    assert (loaded.train.rows, loaded.validation.rows, loaded.input_shape) == (5, 3, (4,))


def npz(tmp_path, **arrays):
    np.savez(tmp_path / "rows.npz", **arrays)
    return f"npz:{tmp_path}/rows.npz"


SPLIT = {"x_train": X[:8], "y_train": Y[:8], "x_validation": X[8:], "y_validation": Y[8:]}


def test_npz_files_that_are_split_are_taken_as_they_are(tmp_path):
    loaded = data.load(config_of(npz(tmp_path, **SPLIT), num_classes=0))
    assert sorted(order_of(loaded.train, 1)) == list(range(8))
    assert order_of(loaded.validation, 1) == [8, 9, 10, 11]
    assert (loaded.task, loaded.input_shape) == ("multiclass", SHAPE)
    assert loaded.class_names == ("0", "1", "2")


def test_npz_files_that_are_not_are_split_at_random_but_reproducibly(tmp_path):
    x, y = features(range(90)), targets(range(90), "multiclass")
    name = npz(tmp_path, x=x, y=y)
    one, again, other = (
        data.load(config_of(name, validation_fraction=0.3, seed=seed)) for seed in (0, 0, 1)
    )
    held = order_of(one.validation, 1)
    assert len(held) == 27
    assert sorted(held + order_of(one.train, 1)) == list(range(90))
    assert np.bincount(targets(held, "multiclass")).tolist() == [9, 9, 9]
    assert order_of(again.validation, 1) == held
    assert order_of(other.validation, 1) != held


def test_npz_files_may_be_binary_or_multilabel(tmp_path):
    config = config_of(npz(tmp_path, x=X, y=Y > 0), task="binary")
    assert data.load(config).class_names == ("0", "1")
    y = targets(range(12), "multilabel")
    config = config_of(npz(tmp_path, x=X, y=y), task="multilabel", num_classes=0)
    loaded = data.load(config)
    assert loaded.class_names == ("0", "1", "2")
    assert sorted(order_of(loaded.train, 1) + order_of(loaded.validation, 1)) == list(range(12))


@pytest.mark.parametrize("dtype", ["U", "S"])
def test_names_of_classes_are_those_of_the_config_or_of_the_file(tmp_path, dtype):
    names = np.array(["cat", "dog", "fox"], dtype)
    name = npz(tmp_path, **SPLIT, class_names=names)
    assert data.load(config_of(name)).class_names == ("cat", "dog", "fox")
    changes = {"class_names": ("a", "b", "c"), "num_classes": 0}
    assert data.load(config_of(name, **changes)).class_names == ("a", "b", "c")


def test_a_class_without_training_rows_is_one_if_the_config_says_so(tmp_path):
    name = npz(tmp_path, **{**SPLIT, "y_train": Y[:8] * 2})
    with pytest.raises(DataError, match=r"the class ids .* are 0, 2, 4; they must be 0, 1, 2 and"):
        data.load(config_of(name, num_classes=0))
    assert len(data.load(config_of(name, num_classes=5)).class_names) == 5


@pytest.mark.parametrize(
    ("arrays", "changes", "message"),
    [
        ({}, {}, r"holds nothing; it must hold x_train, y_train, x_validation, y_validation, or x"),
        ({"x": X}, {}, r"holds x; it must hold"),
        ({"x_train": X, "y_train": Y}, {}, r"holds x_train, y_train; it must hold"),
        ({"x": X, "y": Y[:-1]}, {}, r"x has the shape \(12, 2, 3\) and y \(11,\); .* same number"),
        ({**SPLIT, "y_train": Y}, {}, r"x_train has the shape \(8, 2, 3\) and y_train \(12,\)"),
        ({**SPLIT, "y_validation": Y}, {}, r"x_validation has the shape \(4, 2, 3\) and y_val"),
        ({**SPLIT, "x_validation": X[:0], "y_validation": Y[:0]}, {}, r"rows, and one at least"),
        ({"x": X[:0], "y": Y[:0]}, {}, r"rows, and one at least"),
        ({"x": X, "y": np.array(3)}, {}, r"x has the shape \(12, 2, 3\) and y \(\)"),
        ({**SPLIT, "x_validation": X[8:, :1]}, {}, r"\(2, 3\), and one of x_validation \(1, 3\)"),
        (
            {"x": X.astype(object), "y": Y},
            {},
            r"cannot be read: Object arrays .* no Python objects",
        ),
        ({"x": X.astype(str), "y": Y}, {}, r"x is of type <U\d+; features must be numbers"),
        ({"x": X.astype(complex), "y": Y}, {}, r"x is of type complex128; features must be"),
        ({"x": X + np.inf, "y": Y}, {}, r"features must be finite, and some are NaN or infinite"),
        ({"x": X, "y": Y.astype(str)}, {}, r", y: targets are of type <U\d+; they must be numbers"),
        ({"x": X, "y": Y / 2}, {}, r", y: targets must be whole numbers; one of them is 0\.5"),
        ({"x": X, "y": Y * np.nan}, {}, r", y: targets must be whole numbers; one of them is nan"),
        ({"x": X, "y": Y + np.inf}, {}, r", y: targets must be whole numbers"),
        ({"x": X, "y": np.eye(3)[Y]}, {}, r"have the shape \[N\], of class ids; these have"),
        ({"x": X, "y": Y}, {"task": "multilabel"}, r"have the shape \[N, C\], of 0 and 1; these"),
        ({"x": X, "y": Y}, {"task": "binary"}, r"must be from 0 to 1 in this binary task"),
        ({"x": X, "y": np.eye(3)[Y] * 2}, {"task": "multilabel"}, r"from 0 to 1 in this multilab"),
        (
            {"x": X, "y": np.eye(4)[Y]},
            {"task": "multilabel"},
            r"are for 4 classes, and there are 3",
        ),
        ({"x": X, "y": Y}, {"num_classes": 2}, r"must be from 0 to 1 .*; one of them is 2"),
        ({"x": X, "y": Y - 1}, {"num_classes": 0}, r"ids .* are -1, 0, 1; they must be 0, 1, 2"),
        ({"x": X, "y": Y * 0}, {"num_classes": 0}, r"has 1 class, and a multiclass task two at l"),
        ({"x": X, "y": Y}, {"validation_fraction": 0.01}, r"0\.01 leaves too few rows"),
        ({"x": X, "y": Y, "class_names": np.array(["a", "b"])}, {}, r"2 class names for 3 classes"),
        ({"x": X, "y": Y, "class_names": np.array(["a", "b", "a"])}, {}, r"a name of its own"),
        ({"x": X, "y": Y, "class_names": np.arange(3)}, {}, r"class_names is an array of int64"),
        ({"x": X, "y": Y, "class_names": np.array("a")}, {}, r"class_names is an array of <U1 of"),
    ],
)
def test_npz_files_that_hold_no_rows_are_refused(tmp_path, arrays, changes, message):
    name = npz(tmp_path, **arrays)
    with pytest.raises(DataError, match=message) as raised:
        data.load(config_of(name, **changes))
    assert name in str(raised.value) or "validation_fraction" in changes


def write_npy(path, array):
    with path.open("wb") as file:
        np.save(file, array)


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda path: None, r"No such file"),
        (lambda path: path.mkdir(), r"Is a directory"),
        (lambda path: path.write_text("rows"), r"cannot be read: .* numpy\.savez"),
        (lambda path: path.write_bytes(b""), r"cannot be read: .* numpy\.savez"),
        (lambda path: write_npy(path, X), r"is one array \(\.npy\); write an \.npz"),
    ],
)
def test_a_file_that_is_no_npz_is_refused(tmp_path, write, message):
    write(tmp_path / "rows.npz")
    with pytest.raises(DataError, match=message):
        data.load(config_of(f"npz:{tmp_path}/rows.npz"))


@given(where=st.floats(0.0, 1.0, exclude_max=True), bits=flips)
def test_a_damaged_npz_is_refused_or_holds_the_same_rows(where, bits):
    with tempfile.TemporaryDirectory() as directory:
        name = npz(pathlib.Path(directory), **SPLIT)
        damage(pathlib.Path(directory, "rows.npz"), where, bits)
        # Not every byte matters.
        with contextlib.suppress(DataError):
            loaded = data.load(config_of(name))
            assert sorted(order_of(loaded.train, 1)) == list(range(8))
            assert order_of(loaded.validation, 1) == [8, 9, 10, 11]


@given(where=st.floats(0.0, 1.0, exclude_max=True))
def test_a_truncated_npz_is_refused(where):
    with tempfile.TemporaryDirectory() as directory:
        name = npz(pathlib.Path(directory), **SPLIT)
        path = pathlib.Path(directory, "rows.npz")
        path.write_bytes(path.read_bytes()[: int(where * path.stat().st_size)])
        with pytest.raises(DataError, match=r"rows\.npz cannot be read"):
            data.load(config_of(name))


def test_what_tells_no_classes_is_asked_for_them():
    name = own_function(lambda split: slices(X, Y))
    with pytest.raises(DataError, match=r"config\.num_classes must be given: .* does not tell it"):
        data.load(config_of(name, num_classes=0))
    names = ("a", "b", "c")
    assert data.load(config_of(name, num_classes=0, class_names=names)).class_names == names
    with pytest.raises(DataError, match=r"has 1 class, and a multiclass task two at least"):
        data.load(config_of(name, num_classes=1))


@pytest.mark.parametrize("dataset", ["digits", "breast_cancer", "digit_pairs"])
def test_bundled_data_have_their_task_and_names(dataset):
    tasks = {"digits": "multiclass", "breast_cancer": "binary", "digit_pairs": "multilabel"}
    changes = {"num_classes": 0, "task": tasks[dataset]}
    loaded = data.load(config_of(dataset, **changes))
    assert loaded.task == tasks[dataset]
    assert len(loaded.class_names) == (2 if dataset == "breast_cancer" else 10)
    with pytest.raises(dataclasses.FrozenInstanceError):
        loaded.task = "binary"
