"""A run directory that is removed, moved or replaced while its job runs is an error."""

import dataclasses
import os
import shutil

import pytest
from job_configs import config_for
from job_data import WatchedSource

from dist_f1.jobs import data
from dist_f1.jobs.devices import make_strategy
from dist_f1.jobs.run_dir import RunDir
from dist_f1.jobs.training import train
from dist_f1.launching.errors import UserError

slow = pytest.mark.slow


def remove(path):
    shutil.rmtree(path)


def move(path):
    os.replace(path, path.with_name("moved"))


def replace(path):
    move(path)
    path.mkdir()
    (path / "precious.txt").write_text("precious")


def replace_by_another_run(path):
    shutil.copytree(path, path.with_name("moved"))
    (path / "config.json").write_text('{"token": -5}')


OTHERS = (move, replace, replace_by_another_run)


@pytest.mark.parametrize("act", [remove, *(pytest.param(a, marks=slow) for a in OTHERS)])
@pytest.mark.parametrize("split", ["train", "validation"])
@pytest.mark.parametrize("every", [1, pytest.param(1000, marks=slow)])
def test_a_run_directory_that_is_gone_is_an_error_and_not_made_again(tmp_path, act, split, every):
    path = tmp_path / "run"
    changes = {"epochs": 2, "save_predictions": True, "checkpoint_every": every, "replicas": 1}
    config = config_for("breast_cancer", **changes)
    (tmp_path / "file").touch()
    after = []

    def act_once():
        act(path)
        after.extend(sorted(tmp_path.rglob("*")))

    loaded = data.load(config)
    source = WatchedSource(getattr(loaded, split), {(2, 1): act_once})
    loaded = dataclasses.replace(loaded, **{split: source})
    message = f"--run_dir={path} was removed, moved or replaced while the job was running"
    with pytest.raises(UserError, match=message):
        train(config, loaded, make_strategy("mirrored", 1), RunDir(path), lambda: False)
    assert after
    left = [x for x in sorted(tmp_path.rglob("*")) if x not in after]
    assert left == []
