"""The loop can be left after any step and taken up again, by any strategy, on the same integers."""

import contextlib
import dataclasses
import functools
import json

import numpy as np
import pytest
import tensorflow as tf
from comparisons import same
from helpers import mirrored
from test_settings import CONFIGS, config_of

from dist_f1.jobs import data, settings
from dist_f1.jobs.checkpoints import CheckpointError
from dist_f1.jobs.data import DataError
from dist_f1.jobs.loop import Loop, MiscountedError, Stopped
from dist_f1.jobs.run_dir import RunDir

# 398 rows to train on and 171 to validate: 7 and 3 steps, the last of which are not full.
LAST = ("validation", 2, 2)


@pytest.fixture
def config():
    path = CONFIGS[[path.stem for path in CONFIGS].index("breast_cancer")]
    config = settings.complete(config_of(path))
    config.update(epochs=2, checkpoint_every=4, save_predictions=True)
    return config


class Reading:
    """A source that calls `at[(epoch, step)]` when that batch is read."""

    def __init__(self, source, at):
        self._source, self._at = source, at
        self.batches, self.rows = source.batches, source.rows

    def read(self, epoch, start, share):
        for step, batch in enumerate(self._source.read(epoch, start, share), start):
            self._at.pop((epoch, step), lambda: None)()
            yield batch


def loop_of(config, run_dir, replicas, train_at=None, validation_at=None, asked=()):
    loaded = data.load(config)
    watched = dataclasses.replace(
        loaded,
        train=Reading(loaded.train, {} if train_at is None else train_at),
        validation=Reading(loaded.validation, {} if validation_at is None else validation_at),
    )
    return Loop(config, watched, mirrored(replicas), run_dir, lambda: bool(asked))


def finish(loop):
    """Runs to the end and returns all that is to be the same."""
    epochs = []
    loop.run(epochs.append)
    counts, sweep = loop.results()
    losses = {(epoch.epoch, epoch.split): epoch.loss for epoch in epochs}
    return counts, sweep.counts, loop.predictions(), losses


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    config = settings.complete(
        config_of(CONFIGS[[path.stem for path in CONFIGS].index("breast_cancer")])
    )
    config.update(epochs=2, checkpoint_every=1000, save_predictions=True)
    return finish(loop_of(config, RunDir(tmp_path_factory.mktemp("run")), 1))


def assert_same(result, expected):
    same(result[0], expected[0])
    same(result[1], expected[1])
    for name in ("y_true", "y_pred"):
        np.testing.assert_array_equal(result[2][name], expected[2][name])
    for place, loss in result[3].items():
        assert loss == pytest.approx(expected[3][place], rel=1e-9)


@pytest.mark.parametrize(
    ("stops", "replicas"),
    [
        # In training, at the first and last step, and in evaluation, with a restart in each.
        ([("train", 1, 0), ("train", 1, 6), ("validation", 1, 1)], [1, 2, 3, 1]),
        ([("validation", 1, 0), ("train", 2, 3), ("validation", 2, 1)], [3, 1, 1, 2]),
        ([("validation", 2, 0), LAST], [2, 3, 3]),
    ],
)
def test_a_job_that_was_stopped_ends_as_one_that_was_not(
    config, tmp_path, uninterrupted, stops, replicas
):
    run_dir, losses = RunDir(tmp_path), {}
    for stop, number in zip([*stops, None], replicas, strict=True):
        at, asked = {"train": {}, "validation": {}}, []
        loop = loop_of(config, run_dir, number, at["train"], at["validation"], asked)
        assert loop.restore(pytest.fail) == (stop != stops[0])
        if stop is None:
            break
        phase, epoch, step = stop
        at[phase][epoch, step] = functools.partial(asked.append, "stop")
        epochs = []
        # Asked in the very last step, it may come to its end before it looks.
        with contextlib.suppress(Stopped) if stop == LAST else pytest.raises(Stopped):
            loop.run(epochs.append)
        losses.update({(one.epoch, one.split): one.loss for one in epochs})
        assert (loop.position.epoch, loop.position.phase) >= (epoch, phase)
    counts, sweep, predictions, last = finish(loop)
    assert_same((counts, sweep, predictions, {**losses, **last}), uninterrupted)
    # Each pass was completed once.
    assert len(losses) + len(last) == 4
    assert not set(losses) & set(last)


@pytest.mark.parametrize("phase", ["train", "validation"])
def test_a_job_that_dies_anywhere_ends_as_one_that_did_not(config, tmp_path, uninterrupted, phase):
    """The steps since the last checkpoint are made again, and nothing of them is kept."""

    def die():
        raise KeyError("dead")

    step = 5 if phase == "train" else 2
    loop = loop_of(config, RunDir(tmp_path), 2, **{f"{phase}_at": {(2, step): die}})
    with pytest.raises(KeyError):
        loop.run(lambda epoch: None)
    # A file of predictions that no checkpoint knows of.
    loop._predictions.add(step, np.zeros(3, int), np.zeros([3, 1]))
    loop._predictions.flush()
    again = loop_of(config, RunDir(tmp_path), 1)
    assert again.restore(pytest.fail)
    assert again.position.total_steps % config.checkpoint_every == 0 or again.position.step == 0
    assert_same(finish(again), uninterrupted)


def test_a_finished_job_has_its_results_again(config, tmp_path, uninterrupted):
    config.epochs = 1
    first = finish(loop_of(config, RunDir(tmp_path), 1))
    loop = loop_of(config, RunDir(tmp_path), 3)
    assert loop.restore(pytest.fail)
    assert str(loop.position) == "the end"
    again = finish(loop)
    assert_same((*again[:3], first[3]), first)
    assert again[3] == {}


def test_a_torn_checkpoint_costs_steps_and_no_counts(config, tmp_path, uninterrupted):
    asked = []
    at = {(2, 1): lambda: asked.append("stop")}
    loop = loop_of(config, RunDir(tmp_path), 1, validation_at=at, asked=asked)
    with pytest.raises(Stopped):
        loop.run(lambda epoch: None)
    newest = max((tmp_path / "checkpoints").iterdir())
    (newest / "state.data-00000-of-00001").write_bytes(b"torn")
    again, told = loop_of(config, RunDir(tmp_path), 1), []
    assert again.restore(told.append)
    assert len(told) == 1
    assert f"{newest} is not whole" in told[0]
    assert again.position.total_steps < int(newest.name)
    assert_same(finish(again), uninterrupted)


def test_a_checkpoint_of_another_model_is_refused(config, tmp_path):
    config.epochs = 1
    loop_of(config, RunDir(tmp_path), 1).run(lambda epoch: None)
    with config.ignore_type():
        config.model = "jobs_functions:wider"
    with pytest.raises((CheckpointError, ValueError), match="cannot be restored"):
        loop_of(config, RunDir(tmp_path), 1).restore(print)


def test_rows_that_are_counted_twice_are_noticed_before_anything_is_saved(config, tmp_path):
    loop = loop_of(config, RunDir(tmp_path), 2)
    train = loop._steps.train

    def twice(*arguments):
        train(*arguments)
        return train(*arguments)

    loop._steps.train = twice
    with pytest.raises(MiscountedError, match=r"rows were counted and .* read"):
        loop.run(lambda epoch: None)
    assert not (tmp_path / "checkpoints").exists()


def test_other_data_are_noticed_after_a_restart(config, tmp_path):
    asked = []
    at = {(1, 2): lambda: asked.append("stop")}
    loop = loop_of(config, RunDir(tmp_path), 1, train_at=at, asked=asked)
    with pytest.raises(Stopped):
        loop.run(lambda epoch: None)
    config.seed = 1
    again = loop_of(config, RunDir(tmp_path), 1)
    again.restore(pytest.fail)
    with pytest.raises(DataError, match="the data are not those of the checkpoint"):
        again.run(lambda epoch: None)


def test_metrics_of_passes_that_are_made_again_are_dropped(tmp_path):
    run_dir = RunDir(tmp_path)
    for epoch in (1, 2):
        for split in ("train", "validation"):
            run_dir.append_metrics({"epoch": epoch, "split": split})
    with open(tmp_path / "metrics.jsonl", "a") as file:
        file.write('{"epoch": 3, "spl')
    run_dir.keep_metrics(lambda row: row != {"epoch": 2, "split": "validation"})
    rows = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert rows == [
        {"epoch": 1, "split": "train"},
        {"epoch": 1, "split": "validation"},
        {"epoch": 2, "split": "train"},
    ]


def test_penalties_of_a_model_count_once_whatever_the_number_of_replicas(config, tmp_path):
    weights = {}
    for replicas in (1, 3):
        with config.ignore_type():
            config.update(model="jobs_functions:regularized", epochs=1)
        loop = loop_of(config, RunDir(tmp_path / str(replicas)), replicas)
        before = loop._steps.model.layers[0].get_weights()[0]
        loop.run(lambda epoch: None)
        weights[replicas] = loop._steps.model.layers[0].get_weights()[0]
    np.testing.assert_allclose(weights[3], weights[1], rtol=1e-9)
    # A penalty on large weights makes them smaller.
    assert np.linalg.norm(weights[1]) < 0.99 * np.linalg.norm(before)


@pytest.mark.parametrize("model", ["with_dropout", "with_batch_normalization"])
def test_layers_with_a_state_of_their_own_go_on_where_they_were(config, tmp_path, model):
    if model == "with_dropout" and not hasattr(tf.keras, "ops"):
        pytest.skip("tf-keras keeps the state of its random numbers to itself")
    with config.ignore_type():
        config.update(model=f"jobs_functions:{model}", checkpoint_every=1000)
    expected = finish(loop_of(config, RunDir(tmp_path / "whole"), 2))
    for phase, step in (("train", 3), ("validation", 1)):
        run_dir, asked = RunDir(tmp_path / phase), []
        at = {f"{phase}_at": {(1, step): functools.partial(asked.append, "stop")}}
        with pytest.raises(Stopped):
            loop_of(config, run_dir, 2, asked=asked, **at).run(lambda epoch: None)
        again = loop_of(config, run_dir, 2)
        assert again.restore(pytest.fail)
        assert_same(finish(again), expected)


def test_predictions_that_are_lost_are_made_again(config, tmp_path, uninterrupted):
    finish(loop_of(config, RunDir(tmp_path), 1))
    (part,) = [p for p in (tmp_path / "predictions").iterdir() if p.name.startswith("00000000")]
    for harm in (lambda: part.write_bytes(b""), part.unlink):
        harm()
        loop, told = loop_of(config, RunDir(tmp_path), 2), []
        assert loop.restore(told.append)
        assert "the predictions up to there are not whole" in told[0]
        counts, sweep, predictions, losses = finish(loop)
        assert_same((counts, sweep, predictions, losses), uninterrupted)
        assert list(losses) == [(2, "validation")]
    loop.remove_predictions()
    assert not (tmp_path / "predictions").exists()


def test_other_data_are_noticed_at_the_start_of_an_epoch_and_at_the_end(config, tmp_path):
    def dead(epoch):
        if epoch.epoch == 2:
            raise KeyError("dead")

    with pytest.raises(KeyError):
        loop_of(config, RunDir(tmp_path), 1).run(dead)
    config.validation_fraction = 0.4
    with pytest.raises(DataError, match="the data are not those of the checkpoint"):
        loop_of(config, RunDir(tmp_path), 1).restore(print)
    config.validation_fraction = 0.3
    finish_at = loop_of(config, RunDir(tmp_path), 1)
    assert finish_at.restore(pytest.fail)
    finish(finish_at)
    config.seed = 1
    with pytest.raises(DataError, match="the data are not those of the checkpoint"):
        loop_of(config, RunDir(tmp_path), 1).restore(print)
