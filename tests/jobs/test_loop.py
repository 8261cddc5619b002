"""The loop can stop after any step and resume under any strategy, with the same counts."""

import contextlib
import dataclasses
import functools

import numpy as np
import pytest
import tensorflow as tf
from comparisons import same, same_predictions
from helpers import mirrored
from job_configs import config_for
from job_data import WatchedSource

from dist_f1.jobs import data
from dist_f1.jobs import loop as loop_module
from dist_f1.jobs.checkpoints import CheckpointError
from dist_f1.jobs.data import DataError
from dist_f1.jobs.endings import MiscountedError, Stopped
from dist_f1.jobs.loop import Loop
from dist_f1.jobs.run_dir import RunDir
from dist_f1.jobs.steps import Steps

# 398 rows to train on and 171 to validate: 7 and 3 steps, with a short batch at the end.
LAST = ("validation", 2, 2)
slow = pytest.mark.slow


@pytest.fixture
def config():
    return config_for("breast_cancer", epochs=2, checkpoint_every=4, save_predictions=True)


def make_loop(config, run_dir, replicas, train_at=None, validation_at=None, requests=()):
    run_dir.path.mkdir(exist_ok=True)
    loaded = data.load(config)
    watched = dataclasses.replace(
        loaded,
        train=WatchedSource(loaded.train, {} if train_at is None else train_at),
        validation=WatchedSource(loaded.validation, {} if validation_at is None else validation_at),
    )
    return Loop(config, watched, mirrored(replicas), run_dir, lambda: bool(requests))


def finish(loop):
    """Run to the end, and return what does not depend on interruptions."""
    results = []
    loop.run(results.append)
    counts, sweep = loop.results()
    losses = {(result.epoch, result.split): result.loss for result in results}
    return counts, sweep.counts, loop.predictions(), losses


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    config = config_for("breast_cancer", epochs=2, checkpoint_every=1000, save_predictions=True)
    return finish(make_loop(config, RunDir(tmp_path_factory.mktemp("run")), 1))


def assert_same(result, expected):
    same(result[:2], expected[:2])
    same_predictions(result[2], expected[2])
    for key, loss in result[3].items():
        assert loss == pytest.approx(expected[3][key], rel=1e-9)


def run_with_stops(config, run_dir, stops, replicas):
    """Stop and resume at each of `stops`, with another number of replicas each time."""
    losses = {}
    for stop, number in zip([*stops, None], replicas, strict=True):
        at, requests = {"train": {}, "validation": {}}, []
        loop = make_loop(config, run_dir, number, at["train"], at["validation"], requests)
        assert loop.restore(pytest.fail) == (stop != stops[0])
        if stop is None:
            break
        phase, epoch, step = stop
        at[phase][epoch, step] = functools.partial(requests.append, "stop")
        results = []
        # A request in the last step may come too late.
        with contextlib.suppress(Stopped) if stop == LAST else pytest.raises(Stopped):
            loop.run(results.append)
        losses.update({(one.epoch, one.split): one.loss for one in results})
        assert (loop.position.epoch, loop.position.phase) >= (epoch, phase)
    counts, sweep, predictions, last = finish(loop)
    # Each pass ends once.
    assert len(losses) + len(last) == 4
    assert not set(losses) & set(last)
    return counts, sweep, predictions, {**losses, **last}


@pytest.fixture(scope="module")
def traced_steps():
    """Steps that are traced once: `make` resets them, so that only a checkpoint restores them."""
    config = config_for("breast_cancer", epochs=2, save_predictions=True)
    steps = Steps(config, data.load(config), mirrored(1))
    variables = [*steps.model.variables, *steps.optimizer.variables]
    initial = [variable.numpy() for variable in variables]

    def make(*_):
        for variable, value in zip(variables, initial, strict=True):
            variable.assign(value)
        for metric in (*steps.scores.values(), steps.sweep):
            metric.reset_state()
        return steps

    return make


def test_a_stopped_job_ends_with_the_results_of_an_uninterrupted_one(
    config, tmp_path, monkeypatch, traced_steps
):
    monkeypatch.setattr(loop_module, "Steps", traced_steps)
    expected = finish(make_loop(config, RunDir(tmp_path / "whole"), 1))
    stops = [("train", 2, 3), ("validation", 2, 1)]
    assert_same(run_with_stops(config, RunDir(tmp_path / "stopped"), stops, [1] * 3), expected)


@slow
@pytest.mark.parametrize(
    ("stops", "replicas"),
    [
        # In training, at the first and last step, and in evaluation.
        ([("train", 1, 0), ("train", 1, 6), ("validation", 1, 1)], [1, 2, 3, 1]),
        ([("validation", 1, 0), ("train", 2, 3), ("validation", 2, 1)], [3, 1, 1, 2]),
        ([("validation", 2, 0), LAST], [2, 3, 3]),
    ],
)
def test_a_stopped_job_may_resume_with_any_number_of_replicas(
    config, tmp_path, uninterrupted, stops, replicas
):
    assert_same(run_with_stops(config, RunDir(tmp_path), stops, replicas), uninterrupted)


@slow
@pytest.mark.parametrize("phase", ["train", "validation"])
def test_a_killed_job_ends_with_the_results_of_an_uninterrupted_one(
    config, tmp_path, uninterrupted, phase
):
    """The steps since the last checkpoint are repeated."""

    def die():
        raise KeyError("dead")

    step = 5 if phase == "train" else 2
    loop = make_loop(config, RunDir(tmp_path), 2, **{f"{phase}_at": {(2, step): die}})
    with pytest.raises(KeyError):
        loop.run(lambda result: None)
    # Predictions from after the last checkpoint.
    loop._predictions.add(step, np.zeros(3, int), np.zeros([3, 1]))
    loop._predictions.flush()
    again = make_loop(config, RunDir(tmp_path), 1)
    assert again.restore(pytest.fail)
    assert again.position.total_steps % config.checkpoint_every == 0 or again.position.step == 0
    assert_same(finish(again), uninterrupted)


@slow
def test_a_finished_job_returns_its_results_again(config, tmp_path, uninterrupted):
    config.epochs = 1
    first = finish(make_loop(config, RunDir(tmp_path), 1))
    loop = make_loop(config, RunDir(tmp_path), 3)
    assert loop.restore(pytest.fail)
    assert str(loop.position) == "the end"
    again = finish(loop)
    assert_same((*again[:3], first[3]), first)
    assert again[3] == {}


@slow
def test_a_damaged_checkpoint_costs_steps_but_no_counts(config, tmp_path, uninterrupted):
    requests = []
    at = {(2, 1): lambda: requests.append("stop")}
    loop = make_loop(config, RunDir(tmp_path), 1, validation_at=at, requests=requests)
    with pytest.raises(Stopped):
        loop.run(lambda result: None)
    latest = max((tmp_path / "checkpoints").iterdir())
    (latest / "state.data-00000-of-00001").write_bytes(b"damaged")
    again, messages = make_loop(config, RunDir(tmp_path), 1), []
    assert again.restore(messages.append)
    assert len(messages) == 1
    assert f"{latest} is damaged" in messages[0]
    assert again.position.total_steps < int(latest.name)
    assert_same(finish(again), uninterrupted)


@slow
def test_a_checkpoint_of_another_model_raises(config, tmp_path):
    config.epochs = 1
    make_loop(config, RunDir(tmp_path), 1).run(lambda result: None)
    with config.ignore_type():
        config.model = "jobs_functions:wider"
    with pytest.raises(CheckpointError, match="cannot be restored"):
        make_loop(config, RunDir(tmp_path), 1).restore(print)


def test_rows_counted_twice_raise_before_a_checkpoint(config, tmp_path, monkeypatch, traced_steps):
    monkeypatch.setattr(loop_module, "Steps", traced_steps)
    loop = make_loop(config, RunDir(tmp_path), 1)
    train = loop._steps.train

    def twice(*arguments):
        train(*arguments)
        return train(*arguments)

    monkeypatch.setattr(loop._steps, "train", twice)
    with pytest.raises(MiscountedError, match=r"rows were counted, but .* were read"):
        loop.run(lambda result: None)
    assert not (tmp_path / "checkpoints").exists()


@slow
def test_changed_data_raise_after_a_restart(config, tmp_path):
    requests = []
    at = {(1, 2): lambda: requests.append("stop")}
    loop = make_loop(config, RunDir(tmp_path), 1, train_at=at, requests=requests)
    with pytest.raises(Stopped):
        loop.run(lambda result: None)
    config.seed = 1
    again = make_loop(config, RunDir(tmp_path), 1)
    again.restore(pytest.fail)
    with pytest.raises(DataError, match="The data have changed since the checkpoint"):
        again.run(lambda result: None)


@slow
def test_penalties_count_once_for_any_number_of_replicas(tmp_path):
    weights = {}
    for replicas in (1, 3):
        config = config_for("breast_cancer", model="jobs_functions:regularized", epochs=1)
        loop = make_loop(config, RunDir(tmp_path / str(replicas)), replicas)
        before = loop._steps.model.layers[0].get_weights()[0]
        loop.run(lambda result: None)
        weights[replicas] = loop._steps.model.layers[0].get_weights()[0]
    np.testing.assert_allclose(weights[3], weights[1], rtol=1e-9)
    # The penalty makes large weights smaller.
    assert np.linalg.norm(weights[1]) < 0.99 * np.linalg.norm(before)


@slow
@pytest.mark.parametrize("model", ["with_dropout", "with_batch_normalization"])
def test_layers_with_state_resume_it(config, tmp_path, model):
    if model == "with_dropout" and not hasattr(tf.keras, "ops"):
        pytest.skip("tf-keras does not expose its random state")
    with config.ignore_type():
        config.update(model=f"jobs_functions:{model}", checkpoint_every=1000)
    expected = finish(make_loop(config, RunDir(tmp_path / "whole"), 2))
    for phase, step in (("train", 3), ("validation", 1)):
        run_dir, requests = RunDir(tmp_path / phase), []
        at = {f"{phase}_at": {(1, step): functools.partial(requests.append, "stop")}}
        with pytest.raises(Stopped):
            make_loop(config, run_dir, 2, requests=requests, **at).run(lambda result: None)
        again = make_loop(config, run_dir, 2)
        assert again.restore(pytest.fail)
        assert_same(finish(again), expected)


@slow
def test_lost_predictions_are_computed_again(config, tmp_path, uninterrupted):
    finish(make_loop(config, RunDir(tmp_path), 1))
    (file,) = [p for p in (tmp_path / "predictions").iterdir() if p.name.startswith("00000000")]
    for damage in (lambda: file.write_bytes(b""), file.unlink):
        damage()
        loop, messages = make_loop(config, RunDir(tmp_path), 2), []
        assert loop.restore(messages.append)
        assert "predictions are incomplete" in messages[0]
        counts, sweep, predictions, losses = finish(loop)
        assert_same((counts, sweep, predictions, losses), uninterrupted)
        assert list(losses) == [(2, "validation")]
    loop.remove_predictions()
    assert not (tmp_path / "predictions").exists()


@slow
def test_changed_data_raise_at_the_start_of_an_epoch_and_at_the_end(config, tmp_path):
    def die(result):
        if result.epoch == 2:
            raise KeyError("dead")

    with pytest.raises(KeyError):
        make_loop(config, RunDir(tmp_path), 1).run(die)
    config.validation_fraction = 0.4
    with pytest.raises(DataError, match="The data have changed since the checkpoint"):
        make_loop(config, RunDir(tmp_path), 1).restore(print)
    config.validation_fraction = 0.3
    finish_at = make_loop(config, RunDir(tmp_path), 1)
    assert finish_at.restore(pytest.fail)
    finish(finish_at)
    config.seed = 1
    with pytest.raises(DataError, match="The data have changed since the checkpoint"):
        make_loop(config, RunDir(tmp_path), 1).restore(print)
