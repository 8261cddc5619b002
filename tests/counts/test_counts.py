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
def test_fields_are_those_of_the_confusion_matrix_of_each_class(task):
    counts = Counts.from_labels(task.y_true, task.y_pred, task.num_classes, task.weight).numpy()
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


@given(tasks(["multiclass"]))
def test_the_confusion_matrix_is_that_of_sklearn(task):
    counts = Counts.from_labels(
        task.y_true, task.y_pred, task.num_classes, task.weight, confusion=True
    ).numpy()
    expected = sklearn.metrics.confusion_matrix(
        task.y_true, task.y_pred, labels=range(task.num_classes), sample_weight=task.weight
    )
    np.testing.assert_allclose(counts.confusion, expected, atol=1e-12)


@given(tasks(weighted=[False]), st.data())
def test_merging_any_split_in_any_order_gives_the_same_integers(task, data):
    cut = data.draw(st.integers(0, len(task.y_true)))
    whole = Counts.from_labels(task.y_true, task.y_pred, task.num_classes)
    first, second = (
        Counts.from_labels(task.y_true[part], task.y_pred[part], task.num_classes)
        for part in (slice(cut), slice(cut, None))
    )
    same(first + second, whole)
    same(second + first, whole)
    same(sum([first, second]), whole)


def test_a_nest_of_tensors_goes_through_a_function_and_comes_back():
    counts = Counts.from_labels(np.eye(3, dtype=int), np.eye(3, dtype=int)[::-1], num_classes=3)
    same(tf.function(lambda c: c + c)(counts), counts + counts)
    assert len(tf.nest.flatten(counts)) == 10


def test_weighted_and_unweighted_counts_merge_as_weighted():
    plain = Counts.from_labels([0, 1], [0, 0], num_classes=2)
    heavy = Counts.from_labels([0, 1], [0, 0], num_classes=2, sample_weight=[0.5, 0.25])
    assert (plain + heavy).predicted.numpy().tolist() == [2.75, 0.0]
    assert (plain.numpy() + heavy.numpy()).predicted.tolist() == [2.75, 0.0]


def test_counts_of_different_shape_do_not_merge():
    with pytest.raises(ValueError, match=r"true_positive has shape.*same num_classes"):
        Counts.from_labels([0], [0], 2) + Counts.from_labels([0], [0], 3)
    with pytest.raises(ValueError, match="samples has shape"):
        Counts.from_labels([0], [0], 2) + Counts.from_labels([[0, 1]], [[0, 1]], 2)


def test_both_sides_of_one_class_are_the_counts_of_two():
    y_true, y_pred = [0, 1, 1, 0, 1], [0, 1, 0, 1, 1]
    same(
        Counts.from_labels(y_true, y_pred, num_classes=1).to_two_class(),
        Counts.from_labels(y_true, y_pred, num_classes=2),
    )


@given(tasks())
def test_save_and_load_return_the_same_counts(tmp_path_factory, task):
    path = tmp_path_factory.mktemp("counts") / "counts.npz"
    counts = Counts.from_labels(
        task.y_true, task.y_pred, task.num_classes, task.weight, confusion=True
    ).numpy()
    counts.save(path)
    same(Counts.load(path), counts)
    assert [p.name for p in path.parent.iterdir()] == ["counts.npz"]


def test_a_file_of_something_else_is_refused(tmp_path):
    np.savez(tmp_path / "other.npz", weights=[1, 2])
    with pytest.raises(ValueError, match=r"other.npz holds no counts but \['weights'\]"):
        Counts.load(tmp_path / "other.npz")


def test_labels_that_are_no_class_are_invalid_and_nothing_else():
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
def test_predictions_that_are_no_label_are_invalid(y_true, y_pred, num_classes, invalid):
    counts = Counts.from_labels(y_true, y_pred, num_classes)
    assert counts.invalid == invalid
    assert counts.total == len(y_true) - invalid


@pytest.mark.parametrize("num_classes", [0, -1, 2.0, None])
def test_from_labels_refuses_a_number_of_classes_that_is_none(num_classes):
    with pytest.raises(ValueError, match=r"num_classes must be a positive integer"):
        Counts.from_labels([0], [0], num_classes)


def test_weights_in_a_python_list_keep_their_precision():
    weight = [0.1, 0.2, 0.7, 0.3]
    counts = Counts.from_labels([0, 1, 1, 0], [0, 1, 0, 0], 2, weight).numpy()
    assert counts.actual.tolist() == [0.1 + 0.3, 0.2 + 0.7]
    assert Counts.from_labels([0, 1], [0, 1], 2, 0.1).numpy().actual.tolist() == [0.1, 0.1]


def test_symbolic_counts_say_that_they_have_no_value():
    counts = Counts.from_labels([0], [0], 2)
    with pytest.raises(ValueError, match=r"symbolic: inside a tf.function"):
        tf.function(lambda c: c.numpy())(counts)


@pytest.mark.parametrize("shape", [(4, 2), (4, 4), (2, 2, 3), ()])
def test_from_labels_refuses_other_shapes(shape):
    with pytest.raises(ValueError, match=r"Pass labels \[N\], or 0/1 indicators \[N, 3\]"):
        Counts.from_labels(np.zeros(shape), np.zeros(shape), num_classes=3)


def test_from_labels_refuses_lengths_that_differ():
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
def test_files_whose_fields_do_not_fit_are_refused(fields, tmp_path):
    counts = Counts.from_labels([0, 1, 2], [0, 1, 1], 3).numpy()
    whole = {name: value for name, value in counts._asdict().items() if name not in _OPTIONAL}
    np.savez(tmp_path / "counts.npz", **{**whole, **fields})
    with pytest.raises(ValueError, match="holds no counts"):
        Counts.load(tmp_path / "counts.npz")


_OPTIONAL = ("samples", "confusion")


def test_an_array_is_not_a_file_of_counts(tmp_path):
    np.save(tmp_path / "array.npy", np.zeros(3))
    with pytest.raises(ValueError, match=r"not an \.npz file"):
        Counts.load(tmp_path / "array.npy")
