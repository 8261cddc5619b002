"""Every row is read once, by one worker, from any batch on, in a reproducible order."""

import itertools
import tempfile

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from job_data import (
    KINDS,
    SHAPE,
    STREAMS,
    batches_of,
    features,
    fingerprints_of,
    load,
    order_of,
    shards,
    split_ids,
    targets,
)

from dist_f1.jobs.data import ArraySource, Shard

counts = st.integers(1, 30)
batch_sizes = st.integers(1, 17)
numbers = st.integers(1, 4)
epochs = st.integers(1, 4)
buffers = st.sampled_from([0, 1, 7, 1000])


def check_shards(loaded, ids, batch_size, workers, local, epoch):
    """Check that each row is in one shard of one batch, once."""
    for split, source in (("train", loaded.train), ("validation", loaded.validation)):
        batches = list(batches_of(source, epoch, workers=workers, local=local))
        assert sorted(itertools.chain.from_iterable(batches)) == ids[split]
        # A batch does not depend on the workers.
        assert batches == list(batches_of(source, epoch))
        cuts = range(0, len(ids[split]), batch_size)
        assert [len(batch) for batch in batches] == [len(ids[split][i:][:batch_size]) for i in cuts]
        assert source.batches in (None, len(batches))
        assert source.rows in (None, len(ids[split]))
        if split == "validation":
            assert list(itertools.chain.from_iterable(batches)) == ids[split]


def check_shapes(loaded, batch_size, workers, local):
    """Check that all batches have one shape, and that padding repeats rows of the batch."""
    each = -(-batch_size // (workers * local))
    for source in (loaded.train, loaded.validation):
        expected = list(batches_of(source, 1))
        for shard in shards(workers, local):
            for batch, ids in zip(source.read(1, 0, shard), expected, strict=True):
                assert batch.x.shape == (local * each, *SHAPE)
                assert batch.x.dtype == np.float32
                assert batch.y.dtype == np.int64
                assert batch.y.shape[:1] == batch.mask.shape == (local * each,)
                assert batch.rows == len(ids)
                assert set(batch.x[:, 0, 0].astype(int)) <= set(ids)


def check_starts(loaded, epoch, start, workers, local):
    """Check that reading from batch `start` on equals the rest of reading from the beginning."""
    for source in (loaded.train, loaded.validation):
        for shard in shards(workers, local):
            expected = list(source.read(epoch, 0, shard))[start:]
            batches = list(source.read(epoch, start, shard))
            assert len(batches) == len(expected)
            for one, other in zip(batches, expected, strict=True):
                for name in ("x", "y", "mask", "rows"):
                    np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
                assert one.fingerprint() == other.fingerprint()


@given(count=counts, batch_size=batch_sizes, workers=numbers, local=numbers, epoch=epochs)
def test_each_row_of_arrays_is_in_one_shard_once(count, batch_size, workers, local, epoch):
    ids = split_ids(count)
    with tempfile.TemporaryDirectory() as directory:
        loaded = load("npz", ids, directory, batch_size=batch_size)
    check_shards(loaded, ids, batch_size, workers, local, epoch)
    check_shapes(loaded, batch_size, workers, local)


def test_each_row_of_records_is_in_one_shard_once(tmp_path):
    ids = split_ids(10)
    loaded = load("floats", ids, tmp_path, batch_size=4, shuffle_buffer=7)
    check_shards(loaded, ids, 4, 2, 2, 2)
    check_shapes(loaded, 4, 2, 2)
    check_starts(loaded, 2, 1, 2, 1)


@pytest.mark.slow
@pytest.mark.parametrize("kind", STREAMS)
@settings(max_examples=3)
@given(
    count=counts,
    batch_size=batch_sizes,
    workers=numbers,
    local=numbers,
    epoch=epochs,
    buffer=buffers,
)
def test_each_row_of_a_stream_is_in_one_shard_once(
    kind, count, batch_size, workers, local, epoch, buffer
):
    ids = split_ids(count)
    with tempfile.TemporaryDirectory() as directory:
        loaded = load(kind, ids, directory, batch_size=batch_size, shuffle_buffer=buffer)
        check_shards(loaded, ids, batch_size, workers, local, epoch)
        check_shapes(loaded, batch_size, workers, local)
        if buffer == 0:
            assert order_of(loaded.train, epoch) == ids["train"]


@given(count=counts, batch_size=batch_sizes, start=st.integers(0, 31), epoch=epochs, local=numbers)
def test_arrays_can_be_read_from_any_batch_on(count, batch_size, start, epoch, local):
    with tempfile.TemporaryDirectory() as directory:
        loaded = load("npz", split_ids(count), directory, batch_size=batch_size)
    check_starts(loaded, epoch, start, 2, local)


@pytest.mark.slow
@pytest.mark.parametrize("kind", STREAMS)
@settings(max_examples=3)
@given(count=counts, start=st.integers(0, 8), epoch=epochs, buffer=buffers)
def test_a_stream_can_be_read_from_any_batch_on(kind, count, start, epoch, buffer):
    with tempfile.TemporaryDirectory() as directory:
        loaded = load(kind, split_ids(count), directory, shuffle_buffer=buffer)
        check_starts(loaded, epoch, start, 2, 1)


@pytest.mark.parametrize("kind", KINDS)
def test_each_epoch_has_its_own_reproducible_order(kind, tmp_path):
    loaded = load(kind, split_ids(30), tmp_path)
    orders = [order_of(loaded.train, epoch) for epoch in range(1, 4)]
    assert len(set(map(tuple, orders))) == 3
    assert [order_of(loaded.train, epoch) for epoch in range(1, 4)] == orders
    again = load(kind, split_ids(30), tmp_path)
    assert order_of(again.train, 2) == orders[1]
    assert order_of(load(kind, split_ids(30), tmp_path, seed=7).train, 2) not in orders
    validation = [order_of(loaded.validation, epoch) for epoch in (1, 2)]
    assert validation == [split_ids(30)["validation"]] * 2


@given(st.data())
def test_a_fingerprint_of_arrays_detects_any_change(drawn):
    x, y = features(range(9)).astype(np.float64), targets(range(9))
    before = fingerprints_of(ArraySource(x, y, 4))
    assert fingerprints_of(ArraySource(x.copy(), y.copy(), 4)) == before
    row = drawn.draw(st.integers(0, 8))
    changed_x, changed_y = x.copy(), y.copy()
    change = drawn.draw(st.sampled_from(["feature", "target", "order"]))
    if change == "feature":
        column = drawn.draw(st.integers(0, 5))
        changed_x[row].flat[column] = np.nextafter(changed_x[row].flat[column], np.inf)
    elif change == "target":
        changed_y[row] += 1
    else:
        first = row // 4 * 4
        order = np.arange(9)
        order[first : first + 4] = np.roll(order[first : first + 4], 1)
        changed_x, changed_y = x[order], y[order]
    after = fingerprints_of(ArraySource(changed_x, changed_y, 4))
    same = [one == other for one, other in zip(before, after, strict=True)]
    # The last batch has one row, whose order cannot change.
    is_changed = change != "order" or row != 8
    assert same == [not (is_changed and batch == row // 4) for batch in range(3)]


@pytest.mark.parametrize("kind", STREAMS)
def test_a_fingerprint_of_a_stream_detects_any_change(kind, tmp_path):
    def fingerprints(ids, **makers):
        changed = {"train": [50], "validation": ids}
        return fingerprints_of(load(kind, changed, tmp_path, **makers).validation)

    def is_same(after):
        return [one == other for one, other in zip(before, after, strict=True)]

    def one_feature(ids):
        x = features(ids)
        x[0, 1, 2] += 1
        return x

    def one_target(ids, task):
        y = targets(ids, task).copy()
        y.flat[-1] = (y.flat[-1] + 1) % 2
        return y

    # Batches of four, four and two rows.
    ids = list(range(10))
    before = fingerprints(ids)
    assert is_same(fingerprints(ids)) == [True, True, True]
    assert len(set(before)) == 3
    assert is_same(fingerprints([*ids[:5], 77, *ids[6:]])) == [True, False, True]
    assert is_same(fingerprints([*ids[:8], 9, 8])) == [True, True, False]
    assert is_same(fingerprints(ids, make_features=one_feature)) == [False, True, True]
    assert is_same(fingerprints(ids, make_targets=one_target)) == [True, True, False]


@pytest.mark.parametrize("kind", KINDS)
def test_the_number_of_rows_is_known_for_arrays_and_functions(kind, tmp_path):
    source = load(kind, split_ids(10), tmp_path).train
    known = (10, 3) if kind in ("npz", "function") else (None, None)
    assert (source.rows, source.batches) == known


@pytest.mark.parametrize("kind", ["bytes", "integers", "floats"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_stored_features_are_scaled_in_the_dtype_of_the_job(tmp_path, kind, dtype):
    loaded = load(kind, split_ids(5), tmp_path, feature_scale=0.5, dtype=dtype)
    (batch, *_) = loaded.validation.read(1, 0, Shard(replicas=2))
    assert batch.x.dtype == dtype
    np.testing.assert_array_equal(batch.x, features([100, 101]) * 0.5)
