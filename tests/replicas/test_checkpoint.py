"""Counts saved under any strategy are restored exactly under any other, and counting continues."""

import numpy as np
import pytest
import tensorflow as tf
from checkpoints import make, restore, rows, save, update
from comparisons import same
from helpers import mirrored, strategy

import dist_f1
from dist_f1 import Counts

# One replica to several, several to one, several to others, and shared variables to own ones.
FAST = [("none", "mirrored_3"), ("mirrored_2", "none"), ("central_3", "mirrored_2")]
PAIRS = [
    *FAST,
    *(
        pytest.param(*pair, marks=pytest.mark.slow)
        for pair in [
            ("mirrored_3", "mirrored_8"),
            ("mirrored_8", "mirrored_1"),
            ("mirrored_3", "central_3"),
            ("one_device", "mirrored_2"),
            ("mirrored_2", "one_device"),
            ("mirrored_1", "none"),
            ("none", "none"),
        ]
    ),
]
HUGE = 2**53 + 1


def add_huge(metric, y_true, y_pred):
    """Add counts beyond the exact range of float64."""
    start = Counts.from_labels(y_true, y_pred, 3)
    metric.accumulator.add(tf.nest.map_structure(lambda x: x * HUGE, start))


@pytest.mark.parametrize(("saved_under", "restored_under"), PAIRS)
def test_counts_are_restored_exactly_under_another_strategy(saved_under, restored_under, tmp_path):
    source, target = strategy(saved_under), strategy(restored_under)
    metric = make(source, num_classes=3)
    first, second = rows(23), rows(31, seed=1)
    update(source, metric, *first)
    add_huge(metric, *first)
    path = save(metric, tmp_path)
    saved = metric.counts().numpy()
    assert saved.total == 23 * HUGE + 23
    update(source, metric, *second)
    finished = metric.counts().numpy()

    used, fresh = make(target), make(target)
    update(target, used, *rows(7, seed=2))
    for restored in (used, fresh):
        restore(restored, path)
        same(restored.counts(), saved)
        # An evaluation that is resumed with other replicas ends with the same integers.
        update(target, restored, *second)
        same(restored.counts(), finished)


@pytest.mark.parametrize("name", ["none", "mirrored_3"])
def test_a_checkpoint_manager_restores_counts_together_with_other_objects(name, tmp_path):
    chosen = strategy(name)
    metric, other = make(chosen), make(chosen, weighted=True)
    with chosen.scope():
        step = tf.Variable(0, dtype=tf.int64)
    checkpoint = tf.train.Checkpoint(f1=metric.accumulator, other=other.accumulator, step=step)
    manager = tf.train.CheckpointManager(checkpoint, str(tmp_path), max_to_keep=2)
    history = []
    for index in range(3):
        update(chosen, metric, *rows(10, seed=index))
        update(chosen, other, *rows(5, seed=index), np.linspace(0.1, 1.0, 5))
        step.assign_add(1)
        manager.save()
        history.append((metric.counts(), other.counts()))
    checkpoint.restore(manager.checkpoints[0]).assert_consumed()
    same(metric.counts(), history[1][0])
    for ours, expected in zip(*map(tf.nest.flatten, (other.counts(), history[1][1])), strict=True):
        assert ours.numpy() == pytest.approx(expected.numpy(), rel=1e-15)
    checkpoint.restore(manager.latest_checkpoint)
    same(metric.counts(), history[2][0])


@pytest.mark.parametrize(
    "options",
    [{"threshold": 0.5}, {"weighted": True}, {"top_k": 2}, {"threshold": [0.1, 0.2, 0.7]}],
)
def test_every_layout_is_restored(options, tmp_path):
    metric, fresh = make(mirrored(2), **options), make(mirrored(3), **options)
    scores = np.random.default_rng(0).random((9, 3))
    targets = (np.random.default_rng(1).random((9, 3)) < 0.5).astype("float32")
    if "weighted" in options:
        targets = np.eye(3)[targets.argmax(-1)]
    metric.update_state(targets, scores)
    restore(fresh, save(metric, tmp_path))
    assert fresh.accumulator.is_weighted == ("weighted" in options)
    same(fresh.counts(), metric.counts())
    assert fresh.report() == metric.report()
    update(mirrored(3), fresh, targets, scores)
    same(fresh.counts(), metric.counts() + metric.counts())


def test_counts_restored_before_the_first_update_can_be_read_reset_and_saved(tmp_path):
    chosen = mirrored(2)
    metric = make(chosen)
    update(chosen, metric, *rows(9))
    path, saved = save(metric, tmp_path), metric.counts()

    # Created and restored outside of the strategy of the later updates.
    fresh = dist_f1.F1Score("macro")
    restore(fresh, path)
    same(fresh.counts(), saved)
    assert float(fresh.result()) == float(metric.result())
    (tmp_path / "again").mkdir()
    restore(metric, save(fresh, tmp_path / "again"))
    same(metric.counts(), saved)
    update(chosen, fresh, *rows(5, seed=1))
    assert fresh.counts().total == saved.total + 5

    fresh = make(chosen)
    restore(fresh, path)
    step = tf.function(lambda: chosen.run(lambda: (fresh.counts().total, fresh.result())))
    for total in chosen.experimental_local_results(step()[0]):
        assert total == saved.total

    fresh = make(chosen)
    restore(fresh, path)
    fresh.reset_state()
    assert fresh.counts().total == 0
    update(chosen, fresh, *rows(5, seed=1))
    assert fresh.counts().total == 5


def test_a_metric_without_counts_is_saved_and_restored_as_empty(tmp_path):
    path = save(dist_f1.F1Score(), tmp_path)
    metric = make(mirrored(2))
    update(mirrored(2), metric, *rows(9))
    restore(metric, path)
    assert metric.counts().total == 0
    untouched = dist_f1.F1Score()
    restore(untouched, path)
    untouched.update_state([0], np.eye(5)[:1])
    assert untouched.counts().num_classes == 5


def test_a_saved_model_may_contain_an_accumulator(tmp_path):
    module = tf.Module()
    module.metric = make(mirrored(2), num_classes=3).accumulator
    with mirrored(2).scope():
        metric = dist_f1.F1Score("macro", num_classes=3)
    update(mirrored(2), metric, *rows(9))
    module.metric = metric.accumulator
    tf.saved_model.save(module, str(tmp_path / "model"))
    assert metric.counts().total == 9
