"""Arrays in `.npz` files, and the bundled datasets."""

import contextlib
import dataclasses
import os
import pathlib
import tempfile

import fuzzing
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from job_configs import config_for_dataset
from job_data import SHAPE, SPLIT, X, Y, damage, features, order_of, targets, write_npz
from npz_files import archive, inflating_archive, plain_header
from peak_memory import limited_memory

from dist_f1.jobs import data
from dist_f1.jobs.data import DataError


def test_split_arrays_stay_split(tmp_path):
    loaded = data.load(config_for_dataset(write_npz(tmp_path, **SPLIT), num_classes=0))
    assert sorted(order_of(loaded.train, 1)) == list(range(8))
    assert order_of(loaded.validation, 1) == [8, 9, 10, 11]
    assert (loaded.task, loaded.input_shape) == ("multiclass", SHAPE)
    assert loaded.class_names == ("0", "1", "2")


def test_other_arrays_are_split_at_random_but_reproducibly(tmp_path):
    name = write_npz(tmp_path, x=features(range(90)), y=targets(range(90)))
    one, again, other = (
        data.load(config_for_dataset(name, validation_fraction=0.3, seed=seed))
        for seed in (0, 0, 1)
    )
    validation = order_of(one.validation, 1)
    assert len(validation) == 27
    assert sorted(validation + order_of(one.train, 1)) == list(range(90))
    assert np.bincount(targets(validation)).tolist() == [9, 9, 9]
    assert order_of(again.validation, 1) == validation
    assert order_of(other.validation, 1) != validation


def test_arrays_may_be_binary_or_multilabel(tmp_path):
    config = config_for_dataset(write_npz(tmp_path, x=X, y=Y > 0), task="binary")
    assert data.load(config).class_names == ("0", "1")
    y = targets(range(12), "multilabel")
    config = config_for_dataset(write_npz(tmp_path, x=X, y=y), task="multilabel", num_classes=0)
    loaded = data.load(config)
    assert loaded.class_names == ("0", "1", "2")
    assert sorted(order_of(loaded.train, 1) + order_of(loaded.validation, 1)) == list(range(12))


@pytest.mark.parametrize("dtype", ["U", "S"])
def test_class_names_come_from_the_config_or_the_file(tmp_path, dtype):
    names = np.array(["cat", "dog", "fox"], dtype)
    name = write_npz(tmp_path, **SPLIT, class_names=names)
    assert data.load(config_for_dataset(name)).class_names == ("cat", "dog", "fox")
    changes = {"class_names": ("a", "b", "c"), "num_classes": 0}
    assert data.load(config_for_dataset(name, **changes)).class_names == ("a", "b", "c")


def test_a_class_without_training_rows_needs_num_classes(tmp_path):
    name = write_npz(tmp_path, **{**SPLIT, "y_train": Y[:8] * 2})
    with pytest.raises(DataError, match=r"the class ids .* are 0, 2, 4, not 0, 1, 2, \.\.\.\. Re"):
        data.load(config_for_dataset(name, num_classes=0))
    assert len(data.load(config_for_dataset(name, num_classes=5)).class_names) == 5


@pytest.mark.parametrize(
    ("arrays", "changes", "message"),
    [
        ({}, {}, r"holds nothing\. It must hold x_train, y_train, x_validation, y_validation, or"),
        ({"x": X}, {}, r"holds x\. It must hold"),
        ({"x_train": X, "y_train": Y}, {}, r"holds x_train, y_train\. It must hold"),
        ({"x": X, "y": Y[:-1]}, {}, r"x has shape \(12, 2, 3\) and y \(11,\)\. .* same number"),
        ({**SPLIT, "y_train": Y}, {}, r"x_train has shape \(8, 2, 3\) and y_train \(12,\)"),
        ({**SPLIT, "y_validation": Y}, {}, r"x_validation has shape \(4, 2, 3\) and y_val"),
        ({**SPLIT, "x_validation": X[:0], "y_validation": Y[:0]}, {}, r"rows, at least one"),
        ({"x": X[:0], "y": Y[:0]}, {}, r"rows, at least one"),
        ({"x": X, "y": np.array(3)}, {}, r"x has shape \(12, 2, 3\) and y \(\)"),
        ({**SPLIT, "x_validation": X[8:, :1]}, {}, r"\(2, 3\), but rows of x_valid.* \(1, 3\)"),
        (
            {"x": X.astype(object), "y": Y},
            {},
            r"cannot be read: x\.npy holds object.* without Python objects",
        ),
        ({"x": X.astype(str), "y": Y}, {}, r"x has dtype <U\d+\. Features must be numbers"),
        ({"x": X.astype(complex), "y": Y}, {}, r"x has dtype complex128\. Features must be"),
        ({"x": X.astype(float) * 1e300, "y": Y}, {}, r"or too large for float32"),
        ({"x": X[:, :0], "y": Y}, {}, r"x has shape \(12, 0, 3\)\. Store at least one value"),
        ({"x": X.astype("M8[s]"), "y": Y}, {}, r"x\.npy holds datetime64"),
        ({"x": np.zeros(12, [("a", "f4")]), "y": Y}, {}, r"x\.npy holds \[\('a'"),
        ({"x": X, "y": Y.astype("u8") + 2**63}, {}, r"from 0 to 2 in this multiclass task"),
        ({"x": X, "y": Y + 1e30}, {}, r"from 0 to 2 in this multiclass task"),
        ({"x": X, "y": Y, "class_names": np.array([b"\xff", b"b", b"c"])}, {}, r"no ASCII"),
        ({"x": X, "y": Y, "class_names": np.array(["\ud800", "b", "c"])}, {}, r"no valid text"),
        ({"x": X + np.inf, "y": Y}, {}, r"some features are NaN or infinite"),
        ({"x": X, "y": Y.astype(str)}, {}, r", y: targets have dtype <U\d+\. They must be numbers"),
        ({"x": X, "y": Y / 2}, {}, r", y: targets must be integers, got 0\.5"),
        ({"x": X, "y": Y * np.nan}, {}, r", y: targets must be integers, got nan"),
        ({"x": X, "y": Y + np.inf}, {}, r", y: targets must be integers"),
        ({"x": X, "y": np.eye(3)[Y]}, {}, r"shape \[\d+, 3\], but .* needs class ids \[N\]"),
        ({"x": X, "y": Y}, {"task": "multilabel"}, r"but a multilabel task needs 0/1 .* \[N, C\]"),
        ({"x": X, "y": Y}, {"task": "binary"}, r"must be from 0 to 1 in this binary task"),
        ({"x": X, "y": np.eye(3)[Y] * 2}, {"task": "multilabel"}, r"from 0 to 1 in this multilab"),
        ({"x": X, "y": np.eye(4)[Y]}, {"task": "multilabel"}, r"have 4 classes, but 3 are expect"),
        ({"x": X, "y": Y}, {"num_classes": 2}, r"must be from 0 to 1 .*, got 2"),
        ({"x": X, "y": Y - 1}, {"num_classes": 0}, r"ids .* are -1, 0, 1, not 0, 1, 2"),
        ({"x": X, "y": Y * 0}, {"num_classes": 0}, r"has 1 class, but a multiclass task needs at"),
        ({"x": X, "y": Y}, {"validation_fraction": 0.01}, r"0\.01 leaves too few rows"),
        ({"x": X, "y": Y, "class_names": np.array(["a", "b"])}, {}, r"2 class names for 3 classes"),
        ({"x": X, "y": Y, "class_names": np.array(["a", "b", "a"])}, {}, r"names must be unique"),
        (
            {"x": X, "y": Y, "class_names": np.array(["a", "b", "macro avg"])},
            {},
            r"'macro avg' is a row of averages. Rename the class",
        ),
        (
            {"x": X, "y": Y, "class_names": np.array(["a", "all classes", "c"])},
            {},
            r"'all classes'",
        ),
        ({"x": X, "y": Y, "class_names": np.arange(3)}, {}, r"class_names has dtype int64"),
        ({"x": X, "y": Y, "class_names": np.array("a")}, {}, r"class_names has dtype <U1 and sh"),
    ],
)
def test_invalid_arrays_raise(tmp_path, arrays, changes, message):
    name = write_npz(tmp_path, **arrays)
    with pytest.raises(DataError, match=message) as raised:
        data.load(config_for_dataset(name, **changes))
    assert name in str(raised.value) or "validation_fraction" in changes


ZEROS = inflating_archive("x.npy", plain_header((50_000_000,)), 400_000_000, 400_000_128)


def test_other_arrays_are_not_read(tmp_path):
    name = write_npz(tmp_path, **SPLIT, dates=np.array(["2026-01-31"], "M8[D]"))
    assert len(data.load(config_for_dataset(name)).train.x) == 8


def test_rows_may_compress_well(tmp_path):
    zeros = np.zeros((20, 2_000_000), np.float32)
    zeros[:, ::50] = np.random.default_rng(0).random((20, 40_000))
    np.savez_compressed(tmp_path / "rows.npz", x=zeros, y=np.arange(20) % 3)
    loaded = data.load(config_for_dataset(f"npz:{tmp_path}/rows.npz"))
    assert loaded.input_shape == (2_000_000,)


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
        (os.mkfifo, r"is not a file\. Pass the path"),
        (lambda path: path.write_bytes(ZEROS), r"400000128 bytes, more than .* numpy\.savez"),
        (
            lambda path: path.write_bytes(archive([("x.npy", plain_header((10**12,)))])),
            r"x\.npy has .* but its header states .* numpy\.savez",
        ),
        (lambda path: write_npy(path, X), r"is a single array \(\.npy\)\. Write an \.npz"),
    ],
)
def test_a_file_that_is_not_an_npz_raises(tmp_path, write, message):
    write(tmp_path / "rows.npz")
    with limited_memory(0), pytest.raises(DataError, match=message):
        data.load(config_for_dataset(f"npz:{tmp_path}/rows.npz"))


@settings(max_examples=fuzzing.examples(settings.default.max_examples))
@given(where=st.floats(0.0, 1.0, exclude_max=True), bits=st.integers(1, 255))
def test_a_damaged_npz_raises_or_holds_the_same_rows(where, bits):
    with tempfile.TemporaryDirectory() as directory:
        name = write_npz(pathlib.Path(directory), **SPLIT)
        damage(pathlib.Path(directory, "rows.npz"), where, bits)
        # Some bytes do not matter.
        with contextlib.suppress(DataError):
            loaded = data.load(config_for_dataset(name))
            assert sorted(order_of(loaded.train, 1)) == list(range(8))
            assert order_of(loaded.validation, 1) == [8, 9, 10, 11]


@settings(max_examples=fuzzing.examples(settings.default.max_examples))
@given(where=st.floats(0.0, 1.0, exclude_max=True))
def test_a_truncated_npz_raises(where):
    with tempfile.TemporaryDirectory() as directory:
        name = write_npz(pathlib.Path(directory), **SPLIT)
        path = pathlib.Path(directory, "rows.npz")
        path.write_bytes(path.read_bytes()[: int(where * path.stat().st_size)])
        with pytest.raises(DataError, match=r"rows\.npz cannot be read"):
            data.load(config_for_dataset(name))


@pytest.mark.parametrize(
    ("name", "task", "classes"),
    [
        ("digits", "multiclass", 10),
        ("breast_cancer", "binary", 2),
        ("digit_pairs", "multilabel", 10),
    ],
)
def test_bundled_datasets_have_a_task_and_class_names(name, task, classes):
    loaded = data.load(config_for_dataset(name, num_classes=0, task=task))
    assert loaded.task == task
    assert len(loaded.class_names) == classes
    with pytest.raises(dataclasses.FrozenInstanceError):
        loaded.task = "binary"
