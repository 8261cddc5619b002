"""Saved under any strategy, restored under any other: the same integers, and counting goes on."""

import numpy as np
import pytest
import tensorflow as tf
from comparisons import same
from helpers import mirrored, per_replica, split, strategy

import dist_f1
from dist_f1 import Counts

KINDS = ("none", "mirrored_1", "mirrored_2", "mirrored_3", "mirrored_8")
MORE = ("one_device", "central_3")
HUGE = 2**53 + 1


def make(chosen, **options):
    with chosen.scope():
        return dist_f1.F1Score("macro", **options)


def update(chosen, metric, y_true, y_pred, weight=None):
    """Spreads the rows over the replicas, unevenly."""
    replicas = chosen.num_replicas_in_sync
    cuts = sorted(len(y_true) * i * i // replicas**2 for i in range(1, replicas))
    scores = np.eye(3)[y_pred] if y_pred.ndim == 1 else y_pred
    columns = [c for c in (y_true, scores, weight) if c is not None]

    def replica(*values):
        metric.update_state(*values)

    chosen.run(replica, tuple(per_replica(chosen, list(s)) for s in _by_column(columns, cuts)))


def _by_column(columns, cuts):
    return [list(shards) for shards in split(columns, cuts)]


def rows(number, seed=0):
    random = np.random.default_rng(seed)
    return random.integers(0, 3, number), random.integers(0, 3, number)


def save(metric, path):
    return tf.train.Checkpoint(f1=metric.accumulator).save(str(path / "f1"))


def restore(metric, path):
    tf.train.Checkpoint(f1=metric.accumulator).restore(path).assert_consumed()


def huge(metric, y_true, y_pred):
    """Counts beyond what float64 can hold, of which the replicas hold unequal shares."""
    start = Counts.from_labels(y_true, y_pred, 3)
    metric.accumulator.add(tf.nest.map_structure(lambda x: x * 0 + HUGE, start))


@pytest.mark.parametrize("saved_under", KINDS + MORE)
@pytest.mark.parametrize("restored_under", KINDS + MORE)
def test_any_number_of_replicas_to_any_other(saved_under, restored_under, tmp_path):
    source, target = strategy(saved_under), strategy(restored_under)
    metric = make(source, num_classes=3)
    first, second = rows(23), rows(31, seed=1)
    update(source, metric, *first)
    huge(metric, *first)
    path = save(metric, tmp_path)
    saved = metric.counts().numpy()
    assert saved.total == HUGE + 23
    update(source, metric, *second)
    finished = metric.counts().numpy()

    used, fresh = make(target), make(target)
    update(target, used, *rows(7, seed=2))
    for restored in (used, fresh):
        restore(restored, path)
        same(restored.counts(), saved)
        # An evaluation that goes on with another number of replicas ends on the same integers.
        update(target, restored, *second)
        same(restored.counts(), finished)


@pytest.mark.parametrize("name", ["none", "mirrored_3"])
def test_by_way_of_a_checkpoint_manager_beside_other_objects(name, tmp_path):
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


SAVED = {
    "argmax": lambda: dist_f1.F1Score("macro"),
    "threshold": lambda: dist_f1.F1Score("macro", 0.5),
    "groups": lambda: dist_f1.F1Score("macro", num_groups=2),
    "matrix": lambda: dist_f1.ConfusionMatrix(),
    "sweep": lambda: dist_f1.ThresholdSweep(20),
    "other sweep": lambda: dist_f1.ThresholdSweep(np.linspace(0.2, 0.3, 20)),
}


@pytest.mark.parametrize("saved", SAVED)
def test_counts_of_another_kind_are_refused_also_where_the_classes_are_not_known(saved, tmp_path):
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


@pytest.mark.parametrize(
    "options",
    [{"threshold": 0.5}, {"weighted": True}, {"top_k": 2}, {"threshold": [0.1, 0.2, 0.7]}],
)
def test_every_layout(options, tmp_path):
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


def test_confusion_matrices_too(tmp_path):
    class WithConfusion(dist_f1.F1Score):
        _confusion = True

    metric, fresh = WithConfusion(), WithConfusion()
    metric.update_state([0, 1, 2, 2], np.eye(3)[[0, 2, 2, 1]])
    restore(fresh, save(metric, tmp_path))
    same(fresh.counts(), metric.counts())
    plain = dist_f1.F1Score()
    plain.update_state([0], np.eye(3)[:1])
    path = save(metric, tmp_path)
    with pytest.raises(
        ValueError, match=r"a confusion matrix, but this metric counts num_classes=3\."
    ):
        restore(plain, path)


def test_what_is_restored_before_the_first_update_can_be_read_reset_and_saved(tmp_path):
    chosen = mirrored(2)
    metric = make(chosen)
    update(chosen, metric, *rows(9))
    path, saved = save(metric, tmp_path), metric.counts()

    # Made and restored outside of the strategy under which it is used later.
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


def test_a_metric_that_has_counted_nothing_is_saved_as_such(tmp_path):
    path = save(dist_f1.F1Score(), tmp_path)
    metric = make(mirrored(2))
    update(mirrored(2), metric, *rows(9))
    restore(metric, path)
    assert metric.counts().total == 0
    untouched = dist_f1.F1Score()
    restore(untouched, path)
    untouched.update_state([0], np.eye(5)[:1])
    assert untouched.counts().num_classes == 5


def test_a_checkpoint_of_another_class_count_fails_and_loses_nothing(tmp_path):
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
    # A metric that takes any number of classes learns at the first update that it does not fit.
    open_ = dist_f1.F1Score("macro")
    restore(open_, path)
    with pytest.raises(ValueError, match=r"num_classes=2.*num_classes=3"):
        open_.update_state([0, 1, 2], np.eye(3))
    assert open_.counts().total == 2


def test_weighted_counts_do_not_go_into_a_metric_of_integers(tmp_path):
    weighted = dist_f1.F1Score("macro")
    weighted.update_state([0, 1], np.eye(2), [0.5, 1.5])
    path = save(weighted, tmp_path)
    counted = dist_f1.F1Score("macro")
    counted.update_state([0, 1], np.eye(2))
    with pytest.raises(ValueError, match="weighted=True"):
        restore(counted, path)
    assert counted.counts().total == 2
    # The other way loses nothing.
    (tmp_path / "plain").mkdir()
    restore(weighted, save(counted, tmp_path / "plain"))
    assert weighted.counts().total == 2.0
    fresh = dist_f1.F1Score("macro")
    restore(fresh, path)
    fresh.update_state([0, 1], np.eye(2))
    assert fresh.counts().total == 4.0


def test_a_file_that_holds_something_else_is_named(tmp_path):
    class Other(tf.train.experimental.PythonState):
        def serialize(self):
            return b"something else"

        def deserialize(self, value):
            raise AssertionError

    path = tf.train.Checkpoint(f1=Other()).save(str(tmp_path / "other"))
    with pytest.raises(ValueError, match="checkpoint of the counts is not"):
        restore(dist_f1.F1Score(), path)


def test_weighted_counts_do_not_go_into_a_metric_that_was_made_for_integers(tmp_path):
    weighted = dist_f1.F1Score("macro")
    weighted.update_state([0, 1], np.eye(2), [0.5, 1.5])
    fresh = dist_f1.F1Score("macro", weighted=False)
    with pytest.raises(ValueError, match="weighted=True"):
        restore(fresh, save(weighted, tmp_path))


@pytest.mark.parametrize("name", ["none", "mirrored_3"])
def test_asynchronous_checkpoints_hold_what_was_counted_when_they_were_asked_for(name, tmp_path):
    chosen = strategy(name)
    metric = make(chosen, num_classes=3)
    checkpoint = tf.train.Checkpoint(f1=metric.accumulator)
    options = tf.train.CheckpointOptions(enable_async=True)
    paths, totals = [], []
    for index in range(4):
        update(chosen, metric, *rows(10, seed=index))
        totals.append(int(metric.counts().total))
        paths.append(checkpoint.save(str(tmp_path / "f1"), options))
        update(chosen, metric, *rows(3, seed=index))
    if hasattr(checkpoint, "sync"):
        checkpoint.sync()
    else:
        # Reading waits for what is still being written.
        checkpoint.read(paths[-1], options)
    for path, total in zip(paths, totals, strict=True):
        fresh = dist_f1.F1Score("macro", num_classes=3)
        restore(fresh, path)
        assert int(fresh.counts().total) == total


def test_an_asynchronous_checkpoint_of_an_unknown_layout_is_refused(tmp_path):
    checkpoint = tf.train.Checkpoint(f1=dist_f1.F1Score().accumulator)
    with pytest.raises(ValueError, match="Pass num_classes="):
        checkpoint.save(str(tmp_path / "f1"), tf.train.CheckpointOptions(enable_async=True))


def test_a_saved_model_that_holds_a_metric(tmp_path):
    module = tf.Module()
    module.metric = make(mirrored(2), num_classes=3).accumulator
    with mirrored(2).scope():
        metric = dist_f1.F1Score("macro", num_classes=3)
    update(mirrored(2), metric, *rows(9))
    module.metric = metric.accumulator
    tf.saved_model.save(module, str(tmp_path / "model"))
    assert metric.counts().total == 9
