import numpy as np
import pytest
from matplotlib import image

from dist_f1 import Counts, plots


def test_the_shades_are_the_shares_of_the_true_class(tmp_path):
    y_true, y_pred = np.array([0] * 10 + [1] * 10), np.array([0] * 10 + [0] * 10)
    counts = Counts.from_labels(y_true, y_pred, 2, confusion=True)
    plots.confusion_matrix(counts, ["a", "b"], tmp_path / "matrix.png")
    picture = image.imread(tmp_path / "matrix.png")[..., :3]
    blue = np.all(np.abs(picture - np.array([8, 48, 107]) / 255) < 0.01, axis=-1)
    white = np.all(np.abs(picture - np.array([247, 251, 255]) / 255) < 0.01, axis=-1)
    # Both true classes were predicted as the first: the left column is dark, the right one light.
    assert np.median(np.nonzero(blue)[1]) < np.median(np.nonzero(white)[1])
    assert blue.sum() == pytest.approx(white.sum(), rel=0.1)


@pytest.mark.parametrize(("classes", "multilabel"), [(1, False), (3, False), (7, True)])
def test_every_kind_of_counts_is_drawn(tmp_path, classes, multilabel):
    random = np.random.default_rng(0)
    shape = (50, classes) if multilabel else 50
    labels = [random.integers(0, 2 if multilabel else max(2, classes), shape) for _ in "ab"]
    counts = Counts.from_labels(*labels, classes, confusion=True)
    names = [f"class {c}" for c in range(max(2, classes))]
    plots.confusion_matrix(counts, names, tmp_path / "matrix.png")
    assert image.imread(tmp_path / "matrix.png").std() > 0.05


def test_counts_without_a_matrix_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"keep no confusion matrix.*confusion=True"):
        plots.confusion_matrix(Counts.from_labels([0], [0], 3), "abc", tmp_path / "matrix.png")
