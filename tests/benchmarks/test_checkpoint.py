"""Counts are restored exactly, and lost ones are noticed."""

import ml_collections
import pytest
import tensorflow as tf
from benchmark_context import DEVICES, quiet_context

import dist_f1
from benchmarks.context import mirrored, tensorflow_variable
from benchmarks.records import Record
from benchmarks.suites import checkpoint

VARIANTS = {checkpoint.KERAS, checkpoint.INTEGERS, checkpoint.OURS, checkpoint.FILE}


SIZES = [((3,), (10,)), pytest.param(((1, 3), (10, 1000)), marks=pytest.mark.slow)]


@pytest.fixture(scope="module", params=SIZES, ids=str)
def sizes(request):
    return request.param


@pytest.fixture(scope="module")
def records(sizes, tmp_path_factory):
    replicas, classes = sizes
    config = {"replicas": (*replicas, 16), "classes": classes, "steps": 3, "budget_seconds": 0.0}
    out = tmp_path_factory.mktemp("out")
    found = list(checkpoint.run(ml_collections.ConfigDict(config), quiet_context(out)))
    assert not list(out.iterdir())
    return found


def test_there_is_a_record_for_each_way_to_save_and_to_restore(records, sizes):
    keys = {(r.variant, r.case["replicas"], r.case["classes"], r.case["what"]) for r in records}
    assert keys == {
        (variant, replicas, classes, what)
        for variant in VARIANTS
        for replicas in sizes[0]
        for classes in sizes[1]
        for what in ("save", "restore")
    }
    assert len(records) == len(keys)
    for record in records:
        assert len(record.timed) == 3
        assert record.baseline == (None if record.variant == checkpoint.KERAS else checkpoint.KERAS)
        assert Record.from_json(record.to_json()) == record


def test_ours_are_restored_exactly_and_tensorflow_integers_are_not(records):
    for record in records:
        if record.case["what"] == "save":
            assert record.wrong is None
            continue
        if record.variant in (checkpoint.OURS, checkpoint.FILE):
            assert record.wrong == 0
            continue
        assert record.wrong is None
        several = record.case["replicas"] > 1
        lossy = several and record.variant == checkpoint.INTEGERS
        assert (record.values["peer_wrong"] > 0) == lossy


def test_files_are_as_large_as_the_counts(records):
    on_disk = {
        (x.variant, x.case["classes"], x.case["replicas"]): x.counted["bytes_on_disk"]
        for x in records
        if x.case["what"] == "save"
    }
    for (variant, classes, replicas), size in on_disk.items():
        # Keras's F1 also keeps its weights. The sum over replicas is saved.
        values = 4 * 4 * classes if variant == checkpoint.KERAS else 8 * 3 * classes
        assert values < size < values + 4096
        assert size == on_disk.get((variant, classes, 1), size), replicas


def test_counts_that_are_not_restored_are_noticed(tmp_path, monkeypatch):
    def forget(self, value):
        self.reset()

    monkeypatch.setattr(dist_f1.replicas.accumulator.Accumulator, "deserialize", forget)
    timing = {"steps": 2, "warmup": 1}
    found = list(checkpoint.measure(mirrored(DEVICES, 2), 10, tmp_path, timing))
    wrong = {record.variant: record.wrong for record in found if record.case["what"] == "restore"}
    # All counts, and their total; no record was invalid.
    assert wrong[checkpoint.OURS] == 3 * 10 + 1
    assert wrong[checkpoint.FILE] == 0


def test_the_variables_of_both_generations_of_keras_are_supported():
    variable = tf.Variable([1.0, 2.0])
    assert tensorflow_variable(variable) is variable
    metric = tf.keras.metrics.F1Score()
    metric.update_state(tf.zeros([1, 3]), tf.zeros([1, 3]))
    for variable in metric.variables:
        assert isinstance(tensorflow_variable(variable), tf.Variable)
