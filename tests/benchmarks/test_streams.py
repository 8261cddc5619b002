"""Streams of batches of different sizes are counted, timed and checked."""

import pytest

from benchmarks.updates import streams
from benchmarks.updates.batches import make_batch
from benchmarks.updates.subjects import OURS

SIZES = 7


@pytest.mark.parametrize("task", ["argmax", "one-hot", "indicators"])
def test_both_variants_count_every_batch(task, monkeypatch):
    metrics, make = [], streams._metric
    monkeypatch.setattr(
        streams, "_metric", lambda batch: metrics.append(make(batch)) or metrics[-1]
    )
    batch = make_batch(task, (2**14 + SIZES, 8), open_size=True)
    records = {x.variant: x for x in streams.measure(batch, SIZES, "CPU")}
    assert set(records) == {OURS, streams.PLAIN}
    rows = sum(2**14 + SIZES - i for i in range(SIZES))
    for metric in metrics:
        assert int(metric.counts().total) == rows
    for record in records.values():
        assert record.case["stream"] == "7 sizes"
        assert record.values["seconds"] > 0
        assert record.wrong == 0


def test_a_wrong_score_is_noticed(monkeypatch):
    monkeypatch.setattr(streams, "_expected", lambda *_: 2.0)
    batch = make_batch("argmax", (64, 8), open_size=True)
    assert [x.wrong for x in streams.measure(batch, 2, "CPU")] == [1, 1]
