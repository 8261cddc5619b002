"""Counted figures: ours send nothing in an update, and the counts once in a read."""

import functools
import importlib

import ml_collections
import pytest
import tensorflow as tf
from benchmark_context import quiet_context

from benchmarks.records import Record
from benchmarks.suites import collectives

keras = importlib.import_module(tf.keras.Model.__module__.partition(".")[0])


HEAVY = ("ConfusionMatrix", "ThresholdSweep", "keras F1Score, Precision, Recall")
FAST = [name for name in collectives.SUBJECTS if name not in HEAVY]


def count(names, replicas, classes):
    config = ml_collections.ConfigDict({"replicas": replicas, "classes": classes})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(collectives, "SUBJECTS", {x: collectives.SUBJECTS[x] for x in names})
        found = list(collectives.run(config, quiet_context()))
    return {(x.variant, x.case["replicas"], x.case["classes"]): x for x in found}


@functools.cache
def fast_records():
    return count(FAST, (2, 16), (10,))


@functools.cache
def all_records():
    return count(collectives.SUBJECTS, (1, 3, 16), (1000,))


@pytest.fixture(params=["fast", pytest.param("all", marks=pytest.mark.slow)])
def records(request):
    return {"fast": fast_records, "all": all_records}[request.param]()


def test_every_subject_is_counted_with_every_available_number_of_replicas(records):
    is_fast = records is fast_records()
    assert {key[0] for key in records} == set(FAST if is_fast else collectives.SUBJECTS)
    cases = {(2, 10)} if is_fast else {(1, 1000), (3, 1000)}
    assert {key[1:] for key in records} == cases
    assert len({record.key for record in records.values()}) == len(records)
    for record in records.values():
        assert Record.from_json(record.to_json()) == record
        assert (record.suite, record.timed, record.wrong) == ("collectives", None, None)


def test_ours_send_nothing_in_an_update_and_the_counts_in_a_read(records):
    for (name, replicas, classes), record in records.items():
        size = {
            'F1Score(sync="epoch")': 3 * classes + 10,
            'F1Score(sync="step")': 3 * classes + 10,
            'Scores, 8 scores (sync="step")': 3 * classes + 10,
            "ConfusionMatrix": classes**2 + 3 * classes + 10,
            "ThresholdSweep": 2 * 201 * classes + classes + 10,
        }.get(name)
        if size is None or replicas == 1:
            continue
        counted, sent = record.counted, (1, 8 * size)
        assert (counted["update_collectives"], counted["update_bytes"]) == (0, 0)
        step = (0, 0) if "epoch" in name else sent
        assert (counted["step_collectives"], counted["step_bytes"]) == step
        assert (counted["read_collectives"], counted["read_bytes"]) == sent


def test_other_ways_send_more_often(records):
    for (name, replicas, classes), record in records.items():
        if replicas == 1:
            continue
        counted = record.counted
        if name == "keras F1Score":
            assert (counted["update_collectives"], counted["update_bytes"]) == (0, 0)
            assert (counted["read_collectives"], counted["read_bytes"]) == (6, 6 * 4 * classes)
        elif name == "keras F1Score, Precision, Recall":
            assert counted["read_collectives"] == 6 + 3 + 3
        elif name == "strategy.reduce of tp, fp, fn":
            assert counted["update_collectives"] == 0
            for when in ("step", "read"):
                assert counted[f"{when}_collectives"] == 3
                assert counted[f"{when}_bytes"] == 3 * 4 * classes


@pytest.mark.skipif(not keras.__version__.startswith("3."), reason="other ops in other Keras")
def test_keras_has_the_documented_number_of_operations(records):
    for (name, _, _), record in records.items():
        if name == "keras F1Score":
            counted = record.counted
            assert (counted["update_operations"], counted["step_operations"]) == (27, 46)


def test_eight_scores_update_with_the_operations_of_one(records):
    operations = {}
    for (name, _, classes), record in records.items():
        if name in ('F1Score(sync="step")', 'Scores, 8 scores (sync="step")'):
            # The number of replicas does not change the operations of a replica.
            operations.setdefault(classes, set()).add(record.counted["update_operations"])
    assert all(len(found) == 1 and 0 not in found for found in operations.values())
    _, *case = max(records, key=lambda key: key[1:])
    one, eight = (records[(name, *case)].counted for name in list(collectives.SUBJECTS)[1:3])
    assert one["step_operations"] < eight["step_operations"]


@pytest.mark.slow
def test_subjects_that_would_not_fit_into_memory_are_left_out(monkeypatch):
    monkeypatch.setattr(collectives, "_MAX_CLASSES", {"ConfusionMatrix": 5})
    names = ["ConfusionMatrix", 'F1Score(sync="step")']
    found = [(name, classes) for name, _, classes in count(names, (2,), (5, 6))]
    assert found == [(names[0], 5), (names[1], 5), (names[1], 6)]
