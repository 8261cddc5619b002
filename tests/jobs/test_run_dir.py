"""A run directory is new, that of the same run, or left as it is."""

import json
import os
import time

import numpy as np
import pytest

from dist_f1.jobs import training
from dist_f1.jobs.run_dir import RunDir
from dist_f1.launching.errors import UserError

CONFIG = {"epochs": 3, "seed": 0, "class_names": ("a", "b")}


@pytest.fixture
def run_dir(tmp_path):
    run_dir = RunDir(tmp_path / "run")
    assert not run_dir.prepare(CONFIG, ["seed"])
    run_dir.write_config({**CONFIG, "token": 7})
    return run_dir


def test_a_run_goes_on_with_the_same_settings_but_for_those_that_may_change(run_dir):
    assert run_dir.prepare({**CONFIG, "seed": 1}, ["seed"])
    with pytest.raises(UserError, match=r"config\.epochs=3, and this one has 4"):
        run_dir.prepare({**CONFIG, "epochs": 4}, ["seed"])


@pytest.mark.parametrize("left", [".new-probe", ".new-config.json", "logs/start-0", "checkpoints"])
def test_what_is_left_of_a_run_that_died_at_once_is_no_reason_to_refuse(tmp_path, left):
    (tmp_path / left).mkdir(parents=True)
    if left == ".new-probe":
        (tmp_path / left).rmdir()
        (tmp_path / left).write_text("")
    assert not RunDir(tmp_path).prepare(CONFIG, [])


def test_a_directory_of_somebody_elses_is_left_as_it_is(tmp_path):
    (tmp_path / "precious.txt").write_text("precious")
    for refuse in (RunDir(tmp_path).refuse_foreign, lambda: RunDir(tmp_path).prepare(CONFIG, [])):
        with pytest.raises(UserError, match="is not empty, and holds no run"):
            refuse()
    assert [path.name for path in tmp_path.iterdir()] == ["precious.txt"]


@pytest.mark.parametrize("text", ["[]", "null", "{", ""])
def test_settings_that_cannot_be_read_are_named(run_dir, text):
    (run_dir.path / "config.json").write_text(text)
    with pytest.raises(UserError, match=r"config\.json does not hold the settings of a run"):
        run_dir.prepare(CONFIG, [])


@pytest.mark.parametrize("line", ["5", "{}", '{"epoch": 3}'])
def test_a_line_of_metrics_that_is_no_row_is_named(run_dir, line):
    (run_dir.path / "metrics.jsonl").write_text(line + "\n")
    with pytest.raises(UserError, match=r"metrics\.jsonl has a line that is no row"):
        run_dir.keep_metrics(lambda row: True)


@pytest.mark.parametrize("kind", ["file", "below a file", "dangling link"])
def test_a_path_that_can_be_no_directory_is_named(tmp_path, kind):
    path = tmp_path / "run"
    if kind == "dangling link":
        path.symlink_to(tmp_path / "nowhere")
    else:
        path.write_text("")
    path = path / "below" if kind == "below a file" else path
    with pytest.raises(UserError, match=f"{path} cannot be written"):
        RunDir(path).prepare(CONFIG, [])


def test_what_cannot_be_written_is_named_and_what_was_there_stays(run_dir, monkeypatch):
    run_dir.write_scores({"f1": 0.5})

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(UserError, match=r"scores\.json cannot be written: .*No space left"):
        run_dir.write_scores({"f1": 0.6})
    assert json.loads((run_dir.path / "scores.json").read_text()) == {"f1": 0.5}


def test_predictions_count_as_there_only_if_all_rows_are(run_dir):
    assert not run_dir.has_predictions(3)
    rows = np.arange(3)
    run_dir.write_predictions({"y_true": rows, "y_pred": rows})
    assert run_dir.has_predictions(3)
    assert not run_dir.has_predictions(4)
    (run_dir.path / "predictions.npz").write_bytes(b"torn")
    assert not run_dir.has_predictions(3)


def test_a_run_that_has_come_far_must_have_had_checkpoints(run_dir):
    assert not run_dir.has_come_far()
    for epoch, far in ((1, False), (2, True)):
        for split in ("train", "validation"):
            run_dir.append_metrics({"epoch": epoch, "split": split})
        assert run_dir.has_come_far() == far


def test_workers_that_do_not_share_the_directory_are_told(run_dir, tmp_path, monkeypatch):
    monkeypatch.setattr(training, "_SHARED_SECONDS", 0.3)
    training._check_shared(run_dir, 7)
    began = time.monotonic()
    for other, token in ((run_dir, 8), (RunDir(tmp_path / "other"), 7)):
        with pytest.raises(UserError, match="is not the directory that the chief writes to"):
            training._check_shared(other, token)
    assert time.monotonic() - began < 5
