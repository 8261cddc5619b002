"""A checkpoint of other counts raises at the restore, and the own counts stay."""

import copy
import re

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


DECISIONS = {
    "threshold=0.5": lambda **options: dist_f1.F1Score("macro", 0.5, **options),
    "threshold=0.3": lambda **options: dist_f1.F1Score("macro", 0.3, **options),
    "threshold=[0.5, 0.5, 0.3]": lambda **options: dist_f1.F1Score(
        "macro", [0.5, 0.5, 0.3], **options
    ),
    "threshold=0.5, from_logits=True": lambda **options: dist_f1.F1Score(
        "macro", 0.5, from_logits=True, **options
    ),
    "top_k=1": lambda **options: dist_f1.F1Score("macro", top_k=1, **options),
    "top_k=2": lambda **options: dist_f1.F1Score("macro", top_k=2, **options),
    "top_k=2, threshold=0.5": lambda **options: dist_f1.F1Score("macro", 0.5, top_k=2, **options),
}


@pytest.mark.parametrize("num_classes", [None, 3])
@pytest.mark.parametrize("saved", DECISIONS)
def test_counts_of_another_decision_raise_and_the_own_counts_stay(saved, num_classes, tmp_path):
    metric = DECISIONS[saved]()
    metric.update_state(np.eye(3), np.eye(3))
    path = save(metric, tmp_path)
    for name, make_other in DECISIONS.items():
        other = make_other(num_classes=num_classes)
        if name == saved:
            restore(other, path)
            same(other.accumulator.read(), metric.accumulator.read())
            continue
        for _ in range(2):
            expected = f"of the decision {saved}, but this metric decides by {name}. Restore it"
            with pytest.raises(ValueError, match=re.escape(expected)):
                restore(other, path)
            other.update_state(np.eye(3)[:2], np.eye(3)[:2])
        assert other.counts().total == 4


def test_sweeps_of_logits_and_of_probabilities_do_not_mix(tmp_path):
    metric = dist_f1.ThresholdSweep(20, from_logits=True)
    metric.update_state(np.eye(3), np.eye(3))
    with pytest.raises(ValueError, match=r"thresholds of logits, but .* of probabilities\."):
        restore(dist_f1.ThresholdSweep(20), save(metric, tmp_path))


@pytest.mark.parametrize(
    ("saved", "restored"),
    [
        ({"threshold": 0.5, "average": "macro"}, {"threshold": [0.5] * 3, "average": "micro"}),
        ({"average": "macro", "labels": [0, 2]}, {"zero_division": 1.0, "from_logits": True}),
        ({"top_k": 2}, {"top_k": 2, "from_logits": True, "sync": "epoch"}),
        ({"threshold": 0.5}, {"threshold": 0.5, "class_names": ["a", "b", "c"], "name": "f"}),
    ],
)
def test_arguments_that_do_not_change_the_counts_may_differ(saved, restored, tmp_path):
    metric, other = dist_f1.F1Score(**saved), dist_f1.FBetaScore(beta=2.0, **restored)
    metric.update_state(np.eye(3), np.eye(3))
    restore(other, save(metric, tmp_path))
    same(other.accumulator.read(), metric.accumulator.read())


def test_the_decision_is_kept_by_copies_and_asynchronous_checkpoints(tmp_path):
    metric = copy.deepcopy(dist_f1.F1Score("macro", 0.5, num_classes=3))
    metric.update_state(np.eye(3), np.eye(3))
    checkpoint = tf.train.Checkpoint(f1=metric.accumulator)
    options = tf.train.CheckpointOptions(enable_async=True)
    path = checkpoint.save(str(tmp_path / "f1"), options=options)
    checkpoint.sync()
    restore(dist_f1.F1Score("macro", 0.5), path)
    with pytest.raises(ValueError, match=r"threshold=0\.5, but this metric decides by threshold=0"):
        restore(dist_f1.F1Score("macro", 0.25), path)


def test_a_message_about_many_thresholds_shows_where_they_differ(tmp_path):
    thresholds = np.linspace(0.1, 0.9, 500)
    metric = dist_f1.F1Score("macro", thresholds)
    metric.update_state(np.eye(500)[:2], np.eye(500)[:2])
    path = save(metric, tmp_path)
    thresholds[400] = 0.123
    with pytest.raises(ValueError, match=r"decides by \.\.\..*, 0\.123, ") as caught:
        restore(dist_f1.F1Score("macro", thresholds), path)
    assert len(str(caught.value)) < 500


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
