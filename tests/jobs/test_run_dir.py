"""A run directory is new, belongs to the same run, or stays unchanged."""

import json
import os

import numpy as np
import pytest

from dist_f1 import Counts
from dist_f1.jobs import opening
from dist_f1.jobs.run_dir import RunDir
from dist_f1.launching.errors import UserError

CONFIG = {"epochs": 3, "seed": 0, "class_names": ("a", "b")}


@pytest.fixture
def run_dir(tmp_path):
    run_dir = RunDir(tmp_path / "run")
    assert not run_dir.prepare(CONFIG, ["seed"])
    run_dir.write_config({**CONFIG, "token": 7})
    return run_dir


def test_only_some_settings_may_change_on_resume(run_dir):
    assert run_dir.prepare({**CONFIG, "seed": 1}, ["seed"])
    with pytest.raises(UserError, match=r"config\.epochs=3, but this run has 4"):
        run_dir.prepare({**CONFIG, "epochs": 4}, ["seed"])


def test_a_run_from_before_settings_were_renamed_can_be_resumed(run_dir):
    run_dir.write_config({**CONFIG, "feature": "x"})
    assert run_dir.prepare({**CONFIG, "feature_key": "x"}, [])


@pytest.mark.parametrize("left", ["probe.tmp", "config.json.7.tmp", "logs/start-0", "checkpoints"])
def test_a_run_may_start_after_one_that_died_early(tmp_path, left):
    (tmp_path / left).mkdir(parents=True)
    if left == "probe.tmp":
        (tmp_path / left).rmdir()
        (tmp_path / left).write_text("")
    assert not RunDir(tmp_path).prepare(CONFIG, [])


def test_a_foreign_directory_stays_unchanged(tmp_path):
    (tmp_path / "precious.txt").write_text("precious")
    for check in (RunDir(tmp_path).check_is_run_dir, lambda: RunDir(tmp_path).prepare(CONFIG, [])):
        with pytest.raises(UserError, match="is not empty and holds no run"):
            check()
    assert [path.name for path in tmp_path.iterdir()] == ["precious.txt"]


def test_the_counts_and_class_names_of_a_run_are_read(run_dir):
    with pytest.raises(ValueError, match=r"holds no counts\.npz\. Pass the directory of a run"):
        run_dir.read_counts()
    counts = Counts.from_labels([0, 1, 1], [0, 1, 0], 2).numpy()
    run_dir.write_report("text", {"accuracy": 0.5}, counts)
    found, names = run_dir.read_counts()
    assert names == ["a", "b"]
    np.testing.assert_array_equal(found.actual, [1, 2])


@pytest.mark.parametrize("text", ["[]", "null", "{", ""])
def test_an_unreadable_config_is_named(run_dir, text):
    (run_dir.path / "config.json").write_text(text)
    with pytest.raises(UserError, match=r"config\.json does not hold the settings of a run"):
        run_dir.prepare(CONFIG, [])


@pytest.mark.parametrize("line", ["5", "{}", '{"epoch": 3}'])
def test_an_invalid_line_of_metrics_is_named(run_dir, line):
    (run_dir.path / "metrics.jsonl").write_text(line + "\n")
    with pytest.raises(UserError, match=r"metrics\.jsonl has an invalid line"):
        run_dir.filter_metrics(lambda row: True)


def test_metrics_of_repeated_passes_are_removed(run_dir):
    for epoch in (1, 2):
        for split in ("train", "validation"):
            run_dir.append_metrics({"epoch": epoch, "split": split})
    path = run_dir.path / "metrics.jsonl"
    with open(path, "a") as file:
        file.write('{"epoch": 3, "spl')
    run_dir.filter_metrics(lambda row: row != {"epoch": 2, "split": "validation"})
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    assert rows == [
        {"epoch": 1, "split": "train"},
        {"epoch": 1, "split": "validation"},
        {"epoch": 2, "split": "train"},
    ]


@pytest.mark.parametrize("kind", ["file", "below a file", "dangling link"])
def test_a_path_that_cannot_be_a_directory_is_named(tmp_path, kind):
    path = tmp_path / "run"
    if kind == "dangling link":
        path.symlink_to(tmp_path / "nowhere")
    else:
        path.write_text("")
    path = path / "below" if kind == "below a file" else path
    with pytest.raises(UserError, match=f"{path} cannot be written"):
        RunDir(path).prepare(CONFIG, [])


def test_a_failed_write_names_the_file_and_keeps_its_content(run_dir, monkeypatch):
    run_dir.write_scores({"f1": 0.5})

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(UserError, match=r"scores\.json cannot be written: .*No space left"):
        run_dir.write_scores({"f1": 0.6})
    assert json.loads((run_dir.path / "scores.json").read_text()) == {"f1": 0.5}


def test_predictions_exist_only_with_all_rows(run_dir):
    assert not run_dir.has_predictions(3)
    rows = np.arange(3)
    run_dir.write_predictions({"y_true": rows, "y_pred": rows})
    assert run_dir.has_predictions(3)
    assert not run_dir.has_predictions(4)
    (run_dir.path / "predictions.npz").write_bytes(b"damaged")
    assert not run_dir.has_predictions(3)


def test_a_run_had_checkpoints_after_its_first_evaluation(run_dir):
    assert not run_dir.had_checkpoints()
    for epoch, expected in ((1, False), (2, True)):
        for split in ("train", "validation"):
            run_dir.append_metrics({"epoch": epoch, "split": split})
        assert run_dir.had_checkpoints() == expected


def test_workers_must_share_the_directory(run_dir, tmp_path, monkeypatch):
    monkeypatch.setattr(opening, "_SHARED_SECONDS", 0.3)
    opening.check_shared(run_dir, 7)
    for other, token in ((run_dir, 8), (RunDir(tmp_path / "other"), 7)):
        with pytest.raises(UserError, match="is not the directory that the chief writes to"):
            opening.check_shared(other, token)
