"""A sweep is the same after it was saved and loaded."""

import numpy as np
import pytest

from dist_f1 import Counts, Sweep


@pytest.mark.parametrize("classes", [1, 3])
@pytest.mark.parametrize("weighted", [False, True])
def test_a_loaded_sweep_is_the_saved_one(tmp_path, classes, weighted):
    random = np.random.default_rng(0)
    y_true, y_score = random.integers(0, 2, (50, classes)), random.random((50, classes))
    if classes == 1:
        y_true, y_score = y_true[:, 0], y_score[:, 0]
    weight = random.random(50) if weighted else None
    sweep = Sweep.from_scores(y_true, y_score, 20, weight).numpy()
    sweep.save(tmp_path / "sweep.npz")
    loaded = Sweep.load(tmp_path / "sweep.npz")
    np.testing.assert_array_equal(loaded.thresholds, sweep.thresholds)
    assert type(loaded.counts.samples) is type(sweep.counts.samples)
    for found, expected in zip(loaded.counts.leaves(), sweep.counts.leaves(), strict=True):
        np.testing.assert_array_equal(found, expected)
        assert found.dtype == expected.dtype
    np.testing.assert_array_equal(loaded.average_precision(), sweep.average_precision())


@pytest.mark.parametrize("content", ["bytes", "counts", "shapes"])
def test_other_files_are_named(tmp_path, content):
    path = tmp_path / "sweep.npz"
    if content == "bytes":
        path.write_bytes(b"no zip file")
    elif content == "counts":
        Counts.from_labels([0], [0], 2).save(path)
    else:
        sweep = Sweep.from_scores([0, 1], [0.1, 0.9], 5).numpy()
        wrong = sweep.counts._replace(predicted=sweep.counts.predicted[:3])
        Sweep(sweep.thresholds, wrong).save(path)
    with pytest.raises(ValueError, match=r"sweep\.npz holds no sweep"):
        Sweep.load(path)
