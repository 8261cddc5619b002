"""Keras's own loops are timed by the step, and their scores are checked."""

import dataclasses

import pytest

from benchmarks.per_step import keras_loops
from benchmarks.per_step.keras_loops import BASELINE, KERAS, OURS, SWEEP
from benchmarks.updates.batches import make_batch

TASKS = {
    "argmax": {BASELINE, OURS},
    "one-hot": {BASELINE, OURS, KERAS},
    "indicators": {BASELINE, OURS, KERAS, SWEEP},
}


def measured(task, loop):
    batch = make_batch(task, (64, 5), open_size=True)
    return {x.variant: x for x in keras_loops.measure(batch, loop, {"steps": 3})}


@pytest.mark.slow
@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("loop", keras_loops.LOOPS)
def test_every_metric_of_every_task_is_correct(task, loop):
    records = measured(task, loop)
    assert records.keys() == TASKS[task]
    for name, record in records.items():
        assert record.case["loop"] == loop
        assert record.case["size"] == "open"
        assert record.wrong == (0 if name in (OURS, KERAS) else None)
        assert len(record.timed) == 3
        assert ("added_floors" in record.values) == (name != BASELINE)


@pytest.mark.slow
def test_a_wrong_score_is_noticed(monkeypatch):
    batch = make_batch("one-hot", (64, 5), open_size=True)
    # The targets that scikit-learn gets are not those of the loop.
    other = make_batch("one-hot", (64, 5), open_size=True, seed=1)
    wrong = dataclasses.replace(batch, scores=other.scores)
    assert keras_loops._mismatches(batch, OURS, keras_loops._call(batch, "evaluate", None)) is None
    call = keras_loops._call(batch, "evaluate", keras_loops._metrics(batch)[OURS])
    assert keras_loops._mismatches(batch, OURS, call) == 0
    assert keras_loops._mismatches(wrong, OURS, call) == 1
