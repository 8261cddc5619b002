"""Datasets from functions of the user: any numeric dtype works, anything else raises."""

import dataclasses
import sys

import numpy as np
import pytest
import tensorflow as tf
from job_configs import config_for_dataset
from job_data import SHAPE, X, Y, function_name, generated, read_all, slices

from dist_f1.jobs import data
from dist_f1.jobs.data import DataError, Shard


def failing():
    yield X[0], Y[0]
    raise KeyError("no such image")


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        (lambda: None, r"returned None\. Return a tf\.data\.Dataset of pairs"),
        (lambda: (X, Y), r"returned \(array"),
        (lambda: [(X[0], Y[0])], r"Return a tf\.data\.Dataset of pairs"),
        (lambda: tf.data.Dataset.from_tensor_slices(X), r"returned a dataset of TensorSpec"),
        (lambda: tf.data.Dataset.from_tensor_slices((X, Y, Y)), r"returned a dataset of \("),
        (lambda: slices({"a": X}, Y), r"returned a dataset of \(\{'a'"),
        (lambda: slices(tf.RaggedTensor.from_row_lengths(X[:, 0, 0], [1] * 12), Y), r"Ragged"),
        (lambda: slices(X.astype(str), Y), r"string.*two tensors of numbers"),
        (lambda: slices(X, Y.astype(str)), r"string.*two tensors of numbers"),
        (lambda: slices(X, Y).batch(2), r"shape \(None, 2, 3\)\. Remove batch\(\)"),
        (lambda: generated([], x=((2, None), tf.float32)), r"tf\.ensure_shape"),
        (lambda: slices(X, Y).repeat(), r"infinite dataset\. Remove repeat\(\)"),
        (lambda: slices(X, Y + 0.5), r"must be integers, got \d\.5\."),
        (lambda: slices(X, np.where(Y, Y, np.nan)), r"must be integers, got nan\."),
        (lambda: slices(X, Y + 1), r"must be from 0 to 2 in this multiclass .* got 3\."),
        (lambda: slices(X, Y - 1), r"must be from 0 to 2 in this multiclass .* got -1\."),
        (lambda: slices(X, Y[:, None]), r"have shape \[\d, 1\], but .* needs class ids \[N\]"),
        (lambda: slices(X * np.nan, Y), r"features must be finite"),
        (lambda: generated(failing()), r"KeyError: 'no such image'"),
        (lambda: generated([(X[0, 0], 1)]), r"element of shape \(3,\) where .* \(2, 3\)"),
        (
            lambda: generated([(X[0], 1), (X[0], [1, 2])], y=(None, tf.int64)),
            r"Cannot (batch|add) tensor",
        ),
    ],
)
def test_a_function_that_returns_no_rows_raises(returned, message):
    name = function_name(lambda split: returned())
    with pytest.raises(DataError, match=message) as raised:
        read_all(data.load(config_for_dataset(name)))
    assert str(raised.value).startswith(f"{name}('train')")


@pytest.mark.parametrize("y", [Y.astype(np.uint8), Y.astype(np.float32), Y % 2 == 1])
@pytest.mark.parametrize("x", [X.astype(np.float64), X.astype(np.uint8), X > 5])
def test_a_function_may_return_numbers_of_any_dtype(x, y):
    name = function_name(lambda split: slices(x, y))
    loaded = data.load(config_for_dataset(name, dtype="float64"))
    (batch, *_) = loaded.validation.read(1, 0, Shard())
    assert (batch.x.dtype, batch.y.dtype) == (np.float64, np.int64)
    np.testing.assert_array_equal(batch.x, x[:4])
    np.testing.assert_array_equal(batch.y, y[:4])


def test_both_splits_must_have_one_shape():
    name = function_name(lambda split: slices(X if split == "train" else X[:, :1], Y))
    message = r"\('train'\) returns features of shape \(2, 3\), but .*1, 3"
    with pytest.raises(DataError, match=message):
        data.load(config_for_dataset(name))


class Unavailable:
    """A dataset on a file server that does not respond."""

    def __getattr__(self, name):
        return lambda *_, **__: self

    def __iter__(self):
        return self

    def __next__(self):
        raise tf.errors.UnavailableError(None, None, "the file server does not respond")


def test_errors_that_a_restart_may_resolve_are_not_user_errors():
    loaded = data.load(config_for_dataset(function_name(lambda split: slices(X, Y))))
    spec = dataclasses.replace(loaded.train.spec, make=Unavailable)
    with pytest.raises(tf.errors.UnavailableError, match="the file server does not respond"):
        list(dataclasses.replace(loaded.train, spec=spec).read(1, 0, Shard()))


@pytest.mark.parametrize(
    ("files", "name", "message"),
    [
        ({}, "nowhere:rows", r"config\.dataset=nowhere:rows: No module named 'nowhere'\. Put the"),
        ({}, "no.where:rows", r"No module named 'no'\. Put the module into the current directory"),
        ({"mine_1": "import nowhere"}, "mine_1:rows", r"mine_1 imports nowhere, which is not inst"),
        ({"mine_2": "x = 1"}, "mine_2:rows", r"mine_2\.py has no function rows"),
        ({"mine_3": "rows = 1"}, "mine_3:rows", r"mine_3\.py has no function rows"),
        ({"mine_4": "def rows("}, "mine_4:rows", r"mine_4 cannot be imported: .*line 1"),
        ({"mine_5": "from os import x"}, "mine_5:rows", r"mine_5 cannot be imported: .*name 'x'"),
        ({"mine/a": ""}, "mine:rows", r"the module mine has no function rows"),
        ({}, "sys:rows", r"the module sys has no function rows"),
    ],
)
def test_a_missing_module_or_function_is_named(tmp_path, monkeypatch, files, name, message):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    for module, text in files.items():
        (tmp_path / module).parent.mkdir(exist_ok=True)
        (tmp_path / f"{module}.py").write_text(text)
    with pytest.raises(ValueError, match=message):
        data.load(config_for_dataset(name))


def test_functions_are_found_in_packages_below_the_current_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "deep" / "er").mkdir(parents=True)
    (tmp_path / "deep" / "er" / "mine.py").write_text(
        "import tensorflow as tf\n"
        "def rows(split):\n"
        "    count = {'train': 5, 'validation': 3}[split]\n"
        "    return tf.data.Dataset.range(count).map(lambda i: (tf.fill([4], i), i % 3))\n"
    )
    loaded = data.load(config_for_dataset("deep.er.mine:rows"))
    assert (loaded.train.rows, loaded.validation.rows, loaded.input_shape) == (5, 3, (4,))


def test_the_number_of_classes_must_be_known():
    name = function_name(lambda split: slices(X, Y))
    with pytest.raises(DataError, match=r"unknown number of classes\. Set config\.num_classes"):
        data.load(config_for_dataset(name, num_classes=0))
    names = ("a", "b", "c")
    config = config_for_dataset(name, num_classes=0, class_names=names)
    assert data.load(config).class_names == names
    with pytest.raises(DataError, match=r"has 1 class, but a multiclass task needs at least two"):
        data.load(config_for_dataset(name, num_classes=1))


def test_the_shape_of_a_row_is_that_of_its_features():
    loaded = data.load(config_for_dataset(function_name(lambda split: slices(X, Y))))
    assert loaded.input_shape == SHAPE
