"""`Counts`: fields, merging, files and errors."""

import numpy as np
import pytest
import sklearn.metrics
import tensorflow as tf
from comparisons import same
from hypothesis import given
from hypothesis import strategies as st
from tasks import tasks

from dist_f1 import Counts


@given(tasks())
def test_fields_equal_the_confusion_matrix_of_each_class(task):
    counts = task.counts().numpy()
    y_true, y_pred = task.y_true, task.y_pred
    if task.num_classes == 1:
        y_true, y_pred = y_true[:, np.newaxis], y_pred[:, np.newaxis]
    if y_true.ndim == 2:
        each = [
            sklearn.metrics.confusion_matrix(
                y_true[:, c], y_pred[:, c], labels=[0, 1], sample_weight=task.weight
            )
            for c in range(task.num_classes)
        ]
    else:
        each = sklearn.metrics.multilabel_confusion_matrix(
            y_true, y_pred, labels=range(task.num_classes), sample_weight=task.weight
        )
    ours = [
        counts.true_negative, counts.false_positive, counts.false_negative, counts.true_positive
    ]  # fmt: skip
    np.testing.assert_allclose(np.stack(ours, axis=-1), np.reshape(each, [-1, 4]), atol=1e-12)
    assert counts.true_positive.dtype == (np.int64 if task.weight is None else np.float64)
    assert counts.invalid == 0


@given(tasks(weighted=[False]), st.data())
def test_merging_any_split_in_any_order_gives_the_same_integers(task, data):
    cut = data.draw(st.integers(0, len(task.y_true)))
    whole = task.counts()
    first, second = (
        Counts.from_labels(task.y_true[rows], task.y_pred[rows], task.num_classes)
        for rows in (slice(cut), slice(cut, None))
    )
    same(first + second, whole)
    same(second + first, whole)
    same(sum([first, second]), whole)


def test_counts_are_arguments_and_results_of_a_tf_function():
    counts = Counts.from_labels(np.eye(3, dtype=int), np.eye(3, dtype=int)[::-1], num_classes=3)
    same(tf.function(lambda c: c + c)(counts), counts + counts)
    assert len(tf.nest.flatten(counts)) == 11


def test_weighted_and_unweighted_counts_merge_as_weighted_counts():
    plain = Counts.from_labels([0, 1], [0, 0], num_classes=2)
    weighted = Counts.from_labels([0, 1], [0, 0], num_classes=2, sample_weight=[0.5, 0.25])
    assert (plain + weighted).predicted.numpy().tolist() == [2.75, 0.0]
    assert (plain.numpy() + weighted.numpy()).predicted.tolist() == [2.75, 0.0]


def test_counts_of_different_shape_do_not_merge():
    with pytest.raises(ValueError, match=r"true_positive has shape.*same num_classes"):
        Counts.from_labels([0], [0], 2) + Counts.from_labels([0], [0], 3)
    with pytest.raises(ValueError, match="samples has shape"):
        Counts.from_labels([0], [0], 2) + Counts.from_labels([[0, 1]], [[0, 1]], 2)


def test_binary_counts_convert_to_two_classes():
    y_true, y_pred = [0, 1, 1, 0, 1], [0, 1, 0, 1, 1]
    same(
        Counts.from_labels(y_true, y_pred, num_classes=1).to_two_class(),
        Counts.from_labels(y_true, y_pred, num_classes=2),
    )


@given(tasks())
def test_save_and_load_return_the_same_counts(tmp_path_factory, task):
    path = tmp_path_factory.mktemp("counts") / "counts.npz"
    counts = task.counts(confusion=True).numpy()
    counts.save(path)
    same(Counts.load(path), counts)
    assert [p.name for p in path.parent.iterdir()] == ["counts.npz"]


def test_loading_a_file_without_counts_raises(tmp_path):
    np.savez(tmp_path / "other.npz", weights=[1, 2])
    with pytest.raises(ValueError, match=r"other.npz holds no counts but \['weights'\]"):
        Counts.load(tmp_path / "other.npz")


def test_labels_that_are_not_a_class_only_increment_invalid():
    counts = Counts.from_labels([0, 1, -1, 7, 2], [0, 9, 1, 1, 2], num_classes=3).numpy()
    assert counts.invalid == 3
    assert counts.total == 2
    assert counts.true_positive.tolist() == [1, 0, 1]
    assert counts.predicted.tolist() == counts.actual.tolist() == [1, 0, 1]


@pytest.mark.parametrize(
    ("y_true", "y_pred", "num_classes", "invalid"),
    [
        ([0.0, 1.0, 2.0], [0.0, 1.5, 2.0], 3, 1),
        ([[0, 1], [1, 0]], [[0, 1], [0.7, 0]], 2, 1),
        ([0, 1, 2], [0, 1, 1], 1, 1),
        ([0, 1, 1], [0, 1, 2], 1, 1),
    ],
)
def test_predictions_that_are_not_a_label_are_invalid(y_true, y_pred, num_classes, invalid):
    counts = Counts.from_labels(y_true, y_pred, num_classes)
    assert counts.invalid == invalid
    assert counts.total == len(y_true) - invalid


@pytest.mark.parametrize("num_classes", [0, -1, 2.0, None])
def test_an_invalid_number_of_classes_raises(num_classes):
    with pytest.raises(ValueError, match=r"num_classes must be a positive integer"):
        Counts.from_labels([0], [0], num_classes)


def test_weights_in_a_python_list_keep_their_precision():
    weight = [0.1, 0.2, 0.7, 0.3]
    counts = Counts.from_labels([0, 1, 1, 0], [0, 1, 0, 0], 2, weight).numpy()
    assert counts.actual.tolist() == [0.1 + 0.3, 0.2 + 0.7]
    assert Counts.from_labels([0, 1], [0, 1], 2, 0.1).numpy().actual.tolist() == [0.1, 0.1]


def test_converting_symbolic_counts_to_numpy_raises():
    counts = Counts.from_labels([0], [0], 2)
    with pytest.raises(ValueError, match=r"symbolic: inside a tf.function"):
        tf.function(lambda c: c.numpy())(counts)


@pytest.mark.parametrize("shape", [(4, 2), (4, 4), (2, 2, 3), ()])
def test_labels_of_other_shapes_raise(shape):
    with pytest.raises(ValueError, match=r"Pass labels \[N\], or 0/1 indicators \[N, 3\]"):
        Counts.from_labels(np.zeros(shape), np.zeros(shape), num_classes=3)


def test_labels_of_different_lengths_raise():
    with pytest.raises(ValueError, match="y_true has shape"):
        Counts.from_labels([0, 1, 2], [0, 1], num_classes=3)


@pytest.mark.parametrize(
    "fields",
    [
        {"predicted": np.zeros(2, np.int64)},
        {"actual": np.zeros(3, "U1")},
        {"total": np.float32(1.0)},
        {"true_positive": np.array([-1, 0, 0])},
        {"samples": np.zeros(2, np.int64)},
        {"samples.f1": np.zeros(2, np.int64)},
        {"samples.other": np.zeros(3, np.int64)},
        {"confusion": np.zeros([3, 2], np.int64)},
    ],
)
def test_loading_fields_that_do_not_fit_raises(fields, tmp_path):
    counts = Counts.from_labels([0, 1, 2], [0, 1, 1], 3).numpy()
    optional = ("samples", "confusion")
    valid = {name: value for name, value in counts._asdict().items() if name not in optional}
    np.savez(tmp_path / "counts.npz", **{**valid, **fields})
    with pytest.raises(ValueError, match="holds no counts"):
        Counts.load(tmp_path / "counts.npz")


def test_loading_an_npy_file_raises(tmp_path):
    np.save(tmp_path / "array.npy", np.zeros(3))
    with pytest.raises(ValueError, match=r"not an \.npz file"):
        Counts.load(tmp_path / "array.npy")
