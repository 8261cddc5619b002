"""Damaged TFRecord files, and records that do not match the config, raise errors that name them."""

import gzip
import itertools
import os
import pathlib
import tempfile

import fuzzing
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from job_configs import config_for_dataset
from job_data import (
    SHAPE,
    damage,
    example,
    features,
    ids_of,
    load,
    order_of,
    read_all,
    shards,
    split_ids,
    write_records,
)

from dist_f1.jobs import data
from dist_f1.jobs.data import DataError, Shard


@settings(max_examples=fuzzing.examples(5, full=200))
@given(
    name=st.sampled_from(["train-0.tfrecord", "train-1.tfrecord"]),
    where=st.floats(0.0, 1.0, exclude_max=True),
    bits=st.integers(1, 255),
)
def test_a_changed_byte_is_detected_and_the_file_named(name, where, bits):
    other = "train-1.tfrecord" if name == "train-0.tfrecord" else "train-0.tfrecord"
    with tempfile.TemporaryDirectory() as directory:
        loaded = load("floats", split_ids(12), directory, shuffle_buffer=0)
        damage(pathlib.Path(directory, name), where, bits)
        read = []
        with pytest.raises(DataError, match=r"is corrupt, .* Write it again") as raised:
            read += map(ids_of, loaded.train.read(1, 0, Shard()))
        assert name in str(raised.value)
        assert other not in str(raised.value)
        assert "\n" not in str(raised.value)
        assert list(itertools.chain.from_iterable(read)) == list(range(len(read) * 4))
        assert order_of(loaded.validation, 1) == split_ids(12)["validation"]


# A record has 65 bytes here. TensorFlow ignores fewer than 12 remaining bytes.
@pytest.mark.parametrize("cut", [1, 4, 20, 53, 66, 118])
def test_a_truncated_file_is_named(tmp_path, cut):
    loaded = load("floats", split_ids(12), tmp_path)
    path = tmp_path / "train-1.tfrecord"
    path.write_bytes(path.read_bytes()[:-cut])
    with pytest.raises(DataError, match=r"train-1\.tfrecord: .*truncated.* is corrupt"):
        list(loaded.train.read(1, 0, Shard()))


def test_a_file_of_another_kind_is_named(tmp_path):
    loaded = load("floats", split_ids(12), tmp_path)
    path = tmp_path / "train-1.tfrecord"
    path.write_bytes(gzip.compress(path.read_bytes()))
    with pytest.raises(DataError, match=r"train-1\.tfrecord: .*compressed or not a TFRecord file"):
        list(loaded.train.read(1, 0, Shard()))
    path.unlink()
    with pytest.raises(DataError, match=r"train-1\.tfrecord; No such file or directory$"):
        list(loaded.train.read(1, 0, Shard()))
    path.mkdir()
    with pytest.raises(DataError, match=r"train-1\.tfrecord; Is a directory$"):
        list(loaded.train.read(1, 0, Shard()))


@pytest.mark.parametrize(
    ("kind", "changes", "message"),
    [
        (
            "floats",
            {"feature_key": "z"},
            r"config\.feature_key=z .*Feature: z .*could not be found",
        ),
        ("floats", {"label_key": "z"}, r"config\.label_key=z .*Feature: z .*could not be found"),
        ("floats", {"feature_shape": (7,)}, r"config\.feature_key=x \(float32, shape \(7,\)\)"),
        ("floats", {"feature_shape": (3,)}, r"config\.feature_key=x \(float32, shape \(3,\)\)"),
        ("floats", {"feature_type": "int64"}, r"config\.feature_key=x \(int64"),
        ("floats", {"feature_type": "uint8"}, r"config\.feature_key=x \(uint8"),
        ("integers", {}, r"config\.feature_key=x \(float32"),
        ("bytes", {}, r"config\.feature_key=x \(float32"),
        # Half of a row, and two rows.
        ("bytes", {"feature_type": "uint8", "feature_shape": (3,)}, r"feature_key=x \(uint8"),
        ("bytes", {"feature_type": "uint8", "feature_shape": (12,)}, r"feature_key=x \(uint8"),
        ("multilabel", {}, r"config\.label_key=y \(int64, shape \(\)\)"),
        ("floats", {"task": "multilabel"}, r"config\.label_key=y \(int64, shape \(3,\)\)"),
        ("multilabel", {"task": "multilabel", "num_classes": 4}, r"config\.label_key=y .*\(4,\)"),
        ("floats", {"num_classes": 2}, r"must be from 0 to 1 in this multiclass task"),
        ("floats", {"task": "binary"}, r"must be from 0 to 1 in this binary task.* got 2"),
    ],
)
def test_records_that_do_not_match_the_config_raise(tmp_path, kind, changes, message):
    load(kind, split_ids(12), tmp_path)
    arguments = {
        "validation_dataset": f"tfrecord:{tmp_path}/validation-*.tfrecord",
        "feature_shape": SHAPE,
        **changes,
    }
    config = config_for_dataset(f"tfrecord:{tmp_path}/train-*.tfrecord", **arguments)
    with pytest.raises(DataError, match=message) as raised:
        read_all(data.load(config))
    assert f"tfrecord:{tmp_path}/train-*.tfrecord: " in str(raised.value)
    assert "\n" not in str(raised.value)
    assert "{{" not in str(raised.value)


@pytest.mark.parametrize(
    ("record", "message"),
    [
        (b"no example", r"a record does not match .*Could not parse example"),
        (example(np.full(SHAPE, np.nan, np.float32), 1), r"features must be finite"),
        (example(np.full(SHAPE, np.inf, np.float32), 1), r"features must be finite"),
        (example(np.zeros(SHAPE, np.float32), 3), r"from 0 to 2 in this .* of 3 .* got 3\."),
        (example(np.zeros(SHAPE, np.float32), -1), r"from 0 to 2 in this .* got -1\."),
    ],
    ids=["no example", "nan", "infinite", "label too large", "negative label"],
)
def test_one_invalid_record_raises_in_its_shard(tmp_path, record, message):
    loaded = load("floats", split_ids(12), tmp_path, shuffle_buffer=0)
    valid = [example(one.astype(np.float32), 1) for one in features(range(3))]
    write_records(tmp_path / "train-1.tfrecord", [*valid, record])
    first, second = (loaded.train.read(1, 0, shard) for shard in shards(2, 1))
    # The first file has four rows; each worker has two of the next four.
    assert ids_of(next(first)) + ids_of(next(second)) == [0, 1, 2, 3]
    assert next(first).mask.all()
    with pytest.raises(DataError, match=message):
        next(second)


def test_multilabel_targets_other_than_0_and_1_raise(tmp_path):
    loaded = load("multilabel", split_ids(12), tmp_path)
    record = example(np.zeros(SHAPE, np.float32), [0, 2, 1])
    write_records(tmp_path / "train-1.tfrecord", [record])
    with pytest.raises(DataError, match=r"from 0 to 1 in this multilabel task, got 2\."):
        read_all(loaded)


def test_files_must_exist_and_differ_between_splits(tmp_path):
    load("floats", split_ids(12), tmp_path)
    train, missing = f"tfrecord:{tmp_path}/train-*.tfrecord", f"tfrecord:{tmp_path}/test-*"
    for one, other in ((train, missing), (missing, train)):
        with pytest.raises(DataError, match=r"test-\*: no file matches\. Pass the path"):
            data.load(config_for_dataset(one, validation_dataset=other, feature_shape=SHAPE))
    both = f"tfrecord:{tmp_path}/*.tfrecord"
    with pytest.raises(DataError, match=r"train-0\.tfrecord matches both config\.dataset and"):
        data.load(config_for_dataset(both, validation_dataset=train, feature_shape=SHAPE))
    config = config_for_dataset(
        f"tfrecord:{tmp_path}/**/train-*",
        validation_dataset=f"tfrecord:{tmp_path}/val*",
        feature_shape=SHAPE,
    )
    assert sorted(order_of(data.load(config).train, 1)) == list(range(12))


def record(content, length=None):
    """Return a record, with valid checksums, which may state another length."""
    length = (len(content) if length is None else length).to_bytes(8, "little")
    return length + checksum(length) + content + checksum(content)


def checksum(content):
    crc = 2**32 - 1
    for byte in content:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    crc ^= 2**32 - 1
    return (((crc >> 15 | crc << 17) + 0xA282EAD8) % 2**32).to_bytes(4, "little")


VALID = record(example(np.zeros(SHAPE, np.float32), 1))


def test_records_of_this_module_are_those_of_tensorflow(tmp_path):
    path = tmp_path / "one.tfrecord"
    write_records(path, [example(np.zeros(SHAPE, np.float32), 1)])
    assert path.read_bytes() == VALID


HOSTILE = [
    # TensorFlow would allocate these lengths, and the process would crash.
    *(record(b"x", length) for length in (10**18, 2**63, 2**64 - 1, 2**64 - 16, 3 * 10**9, 2)),
    VALID + record(b"x", 10**18),
    b"\xff" * 100,
    b"no records",
    bytes(5),
    VALID + bytes(11),
    gzip.compress(VALID * 3),
    *(VALID[:cut] for cut in range(1, len(VALID), 5)),
]


@pytest.mark.parametrize("case", range(len(HOSTILE)))
def test_lengths_that_cannot_be_raise_before_tensorflow_reads_the_file(tmp_path, case):
    load("floats", split_ids(12), tmp_path)
    (tmp_path / "train-2.tfrecord").write_bytes(HOSTILE[case])
    with pytest.raises(DataError, match=r"train-2\.tfrecord: the record .* is corrupt, compressed"):
        data.load(config_for_files(tmp_path))


@pytest.mark.parametrize("kind", ["directory", "pipe"])
def test_what_is_no_file_is_named(tmp_path, kind):
    load("floats", split_ids(12), tmp_path)
    path = tmp_path / "train-2.tfrecord"
    path.mkdir() if kind == "directory" else os.mkfifo(path)
    with pytest.raises(DataError, match=r"train-2\.tfrecord is not a file\. Remove it"):
        data.load(config_for_files(tmp_path))


def test_an_empty_file_has_no_records(tmp_path):
    load("floats", split_ids(12), tmp_path)
    (tmp_path / "train-2.tfrecord").write_bytes(b"")
    assert sorted(order_of(data.load(config_for_files(tmp_path)).train, 1)) == list(range(12))


def config_for_files(path):
    return config_for_dataset(
        f"tfrecord:{path}/train-*.tfrecord",
        validation_dataset=f"tfrecord:{path}/validation-*.tfrecord",
        feature_shape=SHAPE,
    )
