"""Counted figures: ours send nothing in an update and the counts once in a read."""

import importlib
import pathlib

import ml_collections
import pytest
import tensorflow as tf

from benchmarks.progress import Progress
from benchmarks.records import Row
from benchmarks.suites import Context, collectives

keras = importlib.import_module(tf.keras.Model.__module__.partition(".")[0])
DEVICES = [f"CPU:{i}" for i in range(4)]


@pytest.fixture(scope="module")
def rows():
    config = ml_collections.ConfigDict({"replicas": (1, 2, 4, 16), "classes": (10, 1000)})
    context = Context(DEVICES, "test", 0, Progress(quiet=True), pathlib.Path())
    found = list(collectives.run(config, context))
    return {(row.variant, row.case["replicas"], row.case["classes"]): row for row in found}


def test_every_subject_is_counted_wherever_there_are_devices(rows):
    assert {key[0] for key in rows} == set(collectives.SUBJECTS)
    assert {key[1:] for key in rows} == {(r, c) for r in (1, 2, 4) for c in (10, 1000)}
    assert len({row.key for row in rows.values()}) == len(rows)
    for row in rows.values():
        assert Row.from_json(row.to_json()) == row
        assert (row.suite, row.timed, row.wrong) == ("collectives", None, None)


@pytest.mark.parametrize("classes", [10, 1000])
@pytest.mark.parametrize("replicas", [2, 4])
def test_ours_send_nothing_in_an_update_and_the_counts_in_a_read(rows, replicas, classes):
    vectors = {
        'F1Score(sync="step")': 3 * classes + 2,
        'Scores, 8 scores (sync="step")': 3 * classes + 2,
        "ConfusionMatrix": classes**2 + 3 * classes + 2,
        "ThresholdSweep": 2 * 201 * classes + classes + 2,
    }
    for name, size in vectors.items():
        counted = rows[name, replicas, classes].counted
        assert (counted["update_collectives"], counted["update_bytes"]) == (0, 0)
        assert (counted["step_collectives"], counted["step_bytes"]) == (1, 8 * size)
        assert (counted["read_collectives"], counted["read_bytes"]) == (1, 8 * size)
    at_the_end = rows['F1Score(sync="epoch")', replicas, classes].counted
    assert (at_the_end["step_collectives"], at_the_end["step_bytes"]) == (0, 0)
    assert (at_the_end["read_collectives"], at_the_end["read_bytes"]) == (1, 8 * (3 * classes + 2))


@pytest.mark.parametrize("classes", [10, 1000])
@pytest.mark.parametrize("replicas", [2, 4])
def test_others_send_more_often(rows, replicas, classes):
    of_keras = rows["keras F1Score", replicas, classes].counted
    assert (of_keras["update_collectives"], of_keras["update_bytes"]) == (0, 0)
    assert (of_keras["read_collectives"], of_keras["read_bytes"]) == (6, 6 * 4 * classes)
    three = rows["keras F1Score, Precision, Recall", replicas, classes].counted
    assert three["read_collectives"] == 6 + 3 + 3
    by_hand = rows["strategy.reduce of tp, fp, fn", replicas, classes].counted
    assert by_hand["update_collectives"] == 0
    for place in ("step", "read"):
        assert by_hand[f"{place}_collectives"] == 3
        assert by_hand[f"{place}_bytes"] == 3 * 4 * classes


@pytest.mark.skipif(not keras.__version__.startswith("3."), reason="other ops in other Keras")
def test_operations_of_keras_are_the_known_ones(rows):
    for replicas in (1, 2, 4):
        counted = rows["keras F1Score", replicas, 1000].counted
        assert (counted["update_operations"], counted["step_operations"]) == (27, 46)


def test_eight_scores_update_with_the_operations_of_one(rows):
    one, eight = (rows[name, 2, 1000].counted for name in list(collectives.SUBJECTS)[1:3])
    assert one["update_operations"] == eight["update_operations"] > 0
    assert one["step_operations"] < eight["step_operations"]
    # However many replicas there are, each has the same to do.
    alone = rows['F1Score(sync="step")', 1, 1000].counted
    assert alone["update_operations"] == one["update_operations"]


def test_what_would_not_fit_is_left_out(monkeypatch):
    monkeypatch.setattr(collectives, "_MOST_CLASSES", {"ConfusionMatrix": 5})
    names = ["ConfusionMatrix", 'F1Score(sync="step")']
    monkeypatch.setattr(collectives, "SUBJECTS", {x: collectives.SUBJECTS[x] for x in names})
    config = ml_collections.ConfigDict({"replicas": (2,), "classes": (5, 6)})
    context = Context(DEVICES, "test", 0, Progress(quiet=True), pathlib.Path())
    found = [(row.variant, row.case["classes"]) for row in collectives.run(config, context)]
    assert found == [(names[0], 5), (names[1], 5), (names[1], 6)]
