"""Counts that are saved come back, and it is seen where they do not."""

import pathlib

import ml_collections
import pytest
import tensorflow as tf

import dist_f1
from benchmarks.per_step.strategies import mirrored
from benchmarks.progress import Progress
from benchmarks.records import Row
from benchmarks.suites import Context, checkpoint

DEVICES = [f"CPU:{i}" for i in range(4)]
VARIANTS = {checkpoint.KERAS, checkpoint.INTEGERS, checkpoint.OURS, checkpoint.FILE}


@pytest.fixture(scope="module")
def rows(tmp_path_factory):
    config = ml_collections.ConfigDict(
        {"replicas": (1, 2, 3, 16), "classes": (10, 1000), "steps": 3, "budget_seconds": 0.0}
    )
    out = tmp_path_factory.mktemp("out")
    context = Context(DEVICES, "test", 0, Progress(quiet=True), out)
    found = list(checkpoint.run(config, context))
    assert not list(out.iterdir())
    return found


def test_a_row_for_each_way_to_save_and_to_restore(rows):
    keys = {(r.variant, r.case["replicas"], r.case["classes"], r.case["what"]) for r in rows}
    assert keys == {
        (variant, replicas, classes, what)
        for variant in VARIANTS
        for replicas in (1, 2, 3)
        for classes in (10, 1000)
        for what in ("save", "restore")
    }
    assert len(rows) == len(keys)
    for row in rows:
        assert len(row.timed) == 3
        assert row.baseline == (None if row.variant == checkpoint.KERAS else checkpoint.KERAS)
        assert Row.from_json(row.to_json()) == row


def test_ours_come_back_exactly_and_integers_of_tensorflow_do_not(rows):
    for row in rows:
        if row.case["what"] == "save":
            assert row.wrong is None
            continue
        if row.variant in (checkpoint.OURS, checkpoint.FILE):
            assert row.wrong == 0
            continue
        assert row.wrong is None
        several = row.case["replicas"] > 1
        lossy = several and row.variant == checkpoint.INTEGERS
        assert (row.values["peer_wrong"] > 0) == lossy


def test_files_are_as_large_as_what_is_in_them(rows):
    sizes = {
        (row.variant, row.case["classes"], row.case["replicas"]): row.counted["bytes_on_disk"]
        for row in rows
        if row.case["what"] == "save"
    }
    for (variant, classes, replicas), size in sizes.items():
        # Keras's F1 also keeps its weights; the sum is saved, and not what each replica has.
        values = 4 * 4 * classes if variant == checkpoint.KERAS else 8 * 3 * classes
        assert values < size < values + 4096
        assert size == sizes[variant, classes, 1], replicas


def test_counts_that_do_not_come_back_are_seen(tmp_path, monkeypatch):
    def forget(self, value):
        self.reset()

    monkeypatch.setattr(dist_f1.replicas.accumulator.Accumulator, "deserialize", forget)
    timing = {"steps": 2, "warmup": 1}
    found = list(checkpoint.measure(mirrored(DEVICES, 2), 10, pathlib.Path(tmp_path), timing))
    wrong = {row.variant: row.wrong for row in found if row.case["what"] == "restore"}
    # All counts, and their total; no row was invalid.
    assert wrong[checkpoint.OURS] == 3 * 10 + 1
    assert wrong[checkpoint.FILE] == 0


def test_variables_of_either_keras_are_found():
    variable = tf.Variable([1.0, 2.0])
    assert checkpoint._as_tensorflow(variable) is variable
    metric = tf.keras.metrics.F1Score()
    metric.update_state(tf.zeros([1, 3]), tf.zeros([1, 3]))
    for variable in metric.variables:
        assert isinstance(checkpoint._as_tensorflow(variable), tf.Variable)
