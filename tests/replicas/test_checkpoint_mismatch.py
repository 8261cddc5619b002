"""A checkpoint of other counts raises at the restore, and the own counts stay."""

import numpy as np
import pytest
import tensorflow as tf
from checkpoints import restore, save
from comparisons import same

import dist_f1

SAVED = {
    "argmax": lambda: dist_f1.F1Score("macro"),
    "threshold": lambda: dist_f1.F1Score("macro", 0.5),
    "groups": lambda: dist_f1.F1Score("macro", num_groups=2),
    "matrix": lambda: dist_f1.ConfusionMatrix(),
    "sweep": lambda: dist_f1.ThresholdSweep(20),
    "other sweep": lambda: dist_f1.ThresholdSweep(np.linspace(0.2, 0.3, 20)),
}


@pytest.mark.parametrize("saved", SAVED)
def test_counts_of_another_kind_raise_even_if_the_classes_are_unknown(saved, tmp_path):
    metric = SAVED[saved]()
    by = {"by": [0, 1, 1]} if saved == "groups" else {}
    metric.update_state(np.eye(3), np.eye(3), **by)
    path = save(metric, tmp_path)
    for name, make_other in SAVED.items():
        other = make_other()
        if name == saved:
            restore(other, path)
            same(other.accumulator.read(), metric.accumulator.read())
        else:
            with pytest.raises(ValueError, match="but this metric counts num_classes=3"):
                restore(other, path)


def test_counts_of_another_number_of_classes_raise_and_the_own_counts_stay(tmp_path):
    metric = dist_f1.F1Score("macro")
    metric.update_state([0, 1], np.eye(2))
    path = save(metric, tmp_path)
    counted = dist_f1.F1Score("macro")
    counted.update_state([0, 1, 2], np.eye(3))
    for other in (counted, dist_f1.F1Score("macro", num_classes=3)):
        with pytest.raises(ValueError, match=r"num_classes=2.*same num_classes"):
            restore(other, path)
        other.update_state([0, 1, 2], np.eye(3))
    assert counted.counts().total == 6
    # A metric without a fixed number of classes raises at the first update.
    untouched = dist_f1.F1Score("macro")
    restore(untouched, path)
    with pytest.raises(ValueError, match=r"num_classes=2.*num_classes=3"):
        untouched.update_state([0, 1, 2], np.eye(3))
    assert untouched.counts().total == 2


def test_weighted_counts_raise_in_a_metric_with_integer_counts(tmp_path):
    weighted = dist_f1.F1Score("macro")
    weighted.update_state([0, 1], np.eye(2), [0.5, 1.5])
    path = save(weighted, tmp_path)
    counted = dist_f1.F1Score("macro")
    counted.update_state([0, 1], np.eye(2))
    with pytest.raises(ValueError, match="weighted=True"):
        restore(counted, path)
    assert counted.counts().total == 2
    # Integers are exact in float64 here.
    (tmp_path / "plain").mkdir()
    restore(weighted, save(counted, tmp_path / "plain"))
    assert weighted.counts().total == 2.0
    fresh = dist_f1.F1Score("macro")
    restore(fresh, path)
    fresh.update_state([0, 1], np.eye(2))
    assert fresh.counts().total == 4.0


def test_a_checkpoint_of_another_object_raises(tmp_path):
    class Other(tf.train.experimental.PythonState):
        def serialize(self):
            return b"something else"

        def deserialize(self, value):
            raise AssertionError

    path = tf.train.Checkpoint(f1=Other()).save(str(tmp_path / "other"))
    with pytest.raises(ValueError, match="checkpoint of the counts is not"):
        restore(dist_f1.F1Score(), path)


def test_weighted_counts_raise_in_a_metric_with_weighted_false(tmp_path):
    weighted = dist_f1.F1Score("macro")
    weighted.update_state([0, 1], np.eye(2), [0.5, 1.5])
    fresh = dist_f1.F1Score("macro", weighted=False)
    with pytest.raises(ValueError, match="weighted=True"):
        restore(fresh, save(weighted, tmp_path))
