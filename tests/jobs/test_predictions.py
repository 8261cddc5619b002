"""Stored predictions come out in the order of the data, and only once."""

import numpy as np
import pytest

from dist_f1.jobs.predictions import Predictions, decide


def test_rows_are_ordered_by_step_and_worker(tmp_path):
    first, second = (Predictions(tmp_path / "rows", worker) for worker in (0, 1))
    for worker, predictions in ((1, second), (0, first)):
        for step in (0, 1, 2):
            predictions.add(step, np.array([10 * step + worker]), np.array([[0.5]]))
            if step:
                predictions.flush()
    assert first.has_rows(6)
    assert not first.has_rows(5)
    labels, logits = second.collect()
    assert labels.tolist() == [0, 1, 10, 11, 20, 21]
    assert logits.shape == (6, 1)
    # After a restart at step 2, that step is computed again.
    first.remove_from(2)
    assert first.collect()[0].tolist() == [0, 1, 10, 11]
    first.remove()
    assert second.collect() is None
    assert second.has_rows(0)


@pytest.mark.parametrize(
    ("task", "threshold", "expected"),
    [
        ("multiclass", 0.0, [1, 0]),
        ("multilabel", 0.5, [[0, 1], [1, 1]]),
        ("multilabel", 0.8, [[0, 1], [0, 0]]),
        ("binary", 0.5, [0, 1]),
    ],
)
def test_decisions_follow_the_task_and_threshold(task, threshold, expected):
    logits = np.array([[-1.0, 2.0], [1.0, 0.5]])
    assert decide(logits, task, threshold).tolist() == expected
