"""Changed data are detected on resume, and differences between workers in each step."""

import dataclasses

import numpy as np
import pytest
from helpers import mirrored
from job_data import X, Y

from dist_f1.jobs import coordination
from dist_f1.jobs.data import ArraySource, Data, DataError, Shard
from dist_f1.jobs.progress import Position
from dist_f1.jobs.reading import Reader


def reader_of(x=X, y=Y):
    source = ArraySource(x, y, 4)
    return Reader(Data(source, source, "multiclass", x.shape[1:], ("a", "b", "c")), Shard())


@pytest.mark.parametrize("step", [1, 3])
def test_reading_resumes_after_the_last_batch_unless_it_has_changed(step):
    position = Position()
    for batch in list(reader_of().read(position))[:step]:
        position.step += 1
        reader_of().record(position, batch)
    reader_of().check(position)
    rest = [batch.x for batch in reader_of().read(position)]
    np.testing.assert_array_equal(np.concatenate([*rest, X[:0]]), X[4 * step :])
    changed = X.copy()
    changed[4 * step - 1] += 1
    with pytest.raises(DataError, match="The data have changed since the checkpoint at step"):
        list(reader_of(changed).read(position))
    with pytest.raises(DataError, match="have changed"):
        reader_of(X[:-1], Y[:-1]).check(position)


def test_a_changed_last_batch_is_detected_between_two_phases():
    position = Position(last=("ignored",), sizes=(12, 12))
    batch = list(reader_of().read(Position()))[-1]
    finished = dataclasses.replace(position, step=3)
    reader_of().record(finished, batch)
    start = dataclasses.replace(finished, step=0, phase="validation")
    reader_of().check(start)
    with pytest.raises(DataError, match="have changed"):
        reader_of(X, Y[::-1].copy()).check(start)


def test_the_summed_status_has_the_stop_flag_and_detects_different_rows(monkeypatch):
    one, other = (next(reader_of(x).read(Position())) for x in (X, X + 1))
    monkeypatch.setattr(coordination.contexts, "num_workers", lambda strategy: 2)
    shard = Shard(0, 1, 2)

    def decode(*statuses):
        total = sum(coordination.encode_status(mirrored(1), *s).numpy() for s in statuses)
        return coordination.decode_status(total, one, shard)

    assert decode((one, False), (one, False)) == (False, True)
    assert decode((one, True), (one, False)) == (True, True)
    assert decode((one, False), (other, False)) == (False, False)


def test_phases_alternate_until_the_last_evaluation():
    position, phases = Position(rows=5, loss=1.0), []
    while position.phase != "done":
        phases.append((position.epoch, position.phase))
        position.start_next_phase(2)
    assert phases == [(1, "train"), (1, "validation"), (2, "train"), (2, "validation")]
    assert str(position) == "the end"
    position.step, position.total_steps = 3, 20
    position.restart_phase("validation")
    assert (position.phase, position.step, position.total_steps) == ("validation", 0, 17)
