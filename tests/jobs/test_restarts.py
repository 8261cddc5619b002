"""`dist-f1 train` in real processes that are stopped, killed, or cannot begin."""

import json
import os
import pathlib
import re
import shutil
import signal
import time

import numpy as np
import pytest
import sklearn.metrics
import tensorflow as tf
from commands import dist_f1, is_running, last_line, read_until, started
from comparisons import same
from forking import ROOT

from dist_f1 import Counts

FLAGS = (
    "train",
    f"--config={ROOT / 'configs' / 'digits.py'}",
    "--config.model=mlp",
    "--config.epochs=2",
    "--config.save_predictions=true",
)


def counts_of(run_dir):
    return Counts.load(run_dir / "counts.npz")


@pytest.fixture(scope="module")
def alone(tmp_path_factory):
    """A run in one process that nothing happens to."""
    path = tmp_path_factory.mktemp("alone") / "run"
    result = dist_f1(*FLAGS, f"--run_dir={path}", "--config.tensorboard=true")
    assert result.returncode == 0, result.stderr
    return path


def assert_same_results(run_dir, other):
    same(counts_of(run_dir), counts_of(other))
    for name in ("report.txt", "report.json", "scores.json"):
        assert (run_dir / name).read_text() == (other / name).read_text()
    with np.load(run_dir / "predictions.npz") as ours, np.load(other / "predictions.npz") as its:
        for name in ("y_true", "y_pred"):
            np.testing.assert_array_equal(ours[name], its[name])


def test_two_workers_end_with_the_report_of_one_process(alone, tmp_path):
    run_dir = tmp_path / "run"
    result = dist_f1(*FLAGS, f"--run_dir={run_dir}", "--workers=2")
    assert result.returncode == 0, result.stderr
    assert_same_results(run_dir, alone)
    with np.load(run_dir / "predictions.npz") as predictions:
        expected = sklearn.metrics.classification_report(
            predictions["y_true"], predictions["y_pred"], output_dict=True, zero_division=0.0
        )
    report = json.loads((run_dir / "report.json").read_text())
    assert report["macro avg"] == pytest.approx(expected["macro avg"], abs=1e-12)
    # The chief has a progress bar, with F1, speed and the time left.
    log = (run_dir / "logs" / "start-0" / "worker-0.log").read_text()
    assert re.search(r"epoch 2/2: +\d+%.*23 \[[\d:]+<[\d:]+, +[\d.]+step/s, .*f1_macro=", log)
    assert "epoch" not in (run_dir / "logs" / "start-0" / "worker-1.log").read_text()
    assert not (run_dir / "predictions").exists()


def test_a_job_that_was_asked_to_end_is_gone_within_ten_seconds_and_goes_on_afterwards(
    alone, tmp_path
):
    run_dir = tmp_path / "run"
    flags = (*FLAGS, f"--run_dir={run_dir}", "--config.checkpoint_every=1000")
    # So long an evaluation that it cannot end before the signal has come.
    slow = ("--config.batch_size=64", "--workers=2")
    with started(*flags, *slow, PYTHONPATH=str(ROOT)) as process:
        text = read_until(process, "worker 1 is process")
        pids = [int(pid) for pid in re.findall(r"is process (\d+)", text)]
        read_until(process, "to validate")
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=30)
        seconds = time.monotonic() - began
    assert process.returncode == 143, output
    assert seconds < 10.0
    assert not any(map(is_running, pids))
    stopped = re.search(r"stopped at step (\d+) of (\w+) in epoch (\d)", output)
    assert stopped, output
    assert list((run_dir / "checkpoints").iterdir())
    # As if it had been killed between the end of the pass and the checkpoint after it.
    row = {"epoch": int(stopped.group(3)), "split": stopped.group(2), "rows": -1}
    with open(run_dir / "metrics.jsonl", "a") as file:
        file.write(json.dumps(row) + "\n")
    # In one process, with other devices, and from the very step.
    result = dist_f1(*flags, "--config.replicas=3")
    assert result.returncode == 0, result.stderr
    assert f"continuing from {stopped.group()[len('stopped at ') :]}" in result.stdout
    assert_same_results(run_dir, alone)
    rows = [json.loads(line) for line in (run_dir / "metrics.jsonl").read_text().splitlines()]
    expected = [json.loads(line) for line in (alone / "metrics.jsonl").read_text().splitlines()]
    assert [(row["epoch"], row["split"], row["rows"]) for row in rows] == [
        (row["epoch"], row["split"], row["rows"]) for row in expected
    ]
    assert [row["f1_macro"] for row in rows] == [row["f1_macro"] for row in expected]


def test_a_finished_run_is_reported_again_and_other_settings_are_refused(alone):
    before = (alone / "report.txt").read_text()
    (alone / "report.txt").unlink()
    again = dist_f1(*FLAGS, f"--run_dir={alone}", "--config.replicas=2")
    assert again.returncode == 0, again.stderr
    assert "continuing from the end" in again.stdout
    assert (alone / "report.txt").read_text() == before
    other = dist_f1(*FLAGS, f"--run_dir={alone}", "--config.learning_rate=0.5")
    assert other.returncode == 1
    assert "a run with config.learning_rate=0.01, and this one has 0.5" in last_line(other.stderr)


def test_a_corrupt_checkpoint_is_said_and_the_one_before_it_used_or_none(alone, tmp_path):
    run_dir = tmp_path / "run"
    flags = (*FLAGS, f"--run_dir={run_dir}", "--config.tensorboard=true")
    shutil.copytree(alone, run_dir)
    places = sorted((run_dir / "checkpoints").iterdir())
    assert len(places) > 1
    data = places[-1] / "state.data-00000-of-00001"
    data.write_bytes(data.read_bytes()[:-1] + b"?")
    result = dist_f1(*flags)
    assert result.returncode == 0, result.stderr
    assert f"{places[-1]} is not whole" in result.stdout
    assert "continuing from step" in result.stdout
    assert_same_results(run_dir, alone)
    for place in (run_dir / "checkpoints").iterdir():
        (place / "state.index").write_bytes(b"")
    result = dist_f1(*flags)
    assert result.returncode == 1
    assert "no checkpoint in" in last_line(result.stderr)
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize("workers", [[], ["--workers=2"]])
def test_a_run_directory_that_cannot_be_written_is_named(tmp_path, workers):
    (tmp_path / "file").write_text("")
    began = time.monotonic()
    result = dist_f1(*FLAGS, f"--run_dir={tmp_path / 'file' / 'run'}", *workers)
    assert time.monotonic() - began < 60
    assert result.returncode == 1
    assert f"{tmp_path / 'file'}" in last_line(result.stderr)
    assert "Not a directory" in last_line(result.stderr)
    assert "Traceback" not in result.stderr


def test_a_worker_that_raises_ends_the_job_with_its_traceback(tmp_path):
    (tmp_path / "broken.py").write_text("def rows(split):\n    raise KeyError('no such split')\n")
    digits = (ROOT / "configs" / "digits.py").read_text()
    own = "config.num_classes = 10\n    return config"
    (tmp_path / "config.py").write_text(digits.replace("return config", own))
    began = time.monotonic()
    flags = ("--config=config.py", f"--run_dir={tmp_path / 'run'}", "--config.dataset=broken:rows")
    result = dist_f1("train", *flags, "--workers=2", "--max_restarts=1", cwd=tmp_path)
    assert time.monotonic() - began < 90
    assert result.returncode == 1
    assert "in rows" in result.stderr
    assert "KeyError: 'no such split'" in result.stderr
    assert result.stderr.count("dist-f1: restart 1 of 1") == 1


def test_workers_that_read_different_rows_are_refused(tmp_path):
    text = (ROOT / "configs" / "own_data.py").read_text()
    (tmp_path / "config.py").write_text(text)
    flags = ("--config=config.py", f"--run_dir={tmp_path / 'run'}", "--workers=2")
    rows = ("--config.dataset=jobs_functions:rows_in_any_order", "--config.model=mlp")
    path = os.pathsep.join([str(ROOT / "tests"), str(ROOT)])
    result = dist_f1("train", *flags, *rows, cwd=tmp_path, PYTHONPATH=path)
    assert result.returncode == 1
    assert "the workers have read different rows for batch 0 of train" in result.stderr
    assert "restart" not in result.stderr


def test_a_cluster_of_parameter_servers_counts_every_row_once(tmp_path):
    run_dir = tmp_path / "run"
    flags = (f"--run_dir={run_dir}", "--workers=2", "--config.strategy=parameter_server")
    result = dist_f1(*FLAGS, *flags, "--config.checkpoint_every=10")
    assert result.returncode == 0, result.stderr
    with np.load(run_dir / "predictions.npz") as predictions:
        assert len(predictions["y_true"]) == 360
        matrix = sklearn.metrics.confusion_matrix(predictions["y_true"], predictions["y_pred"])
    counts = counts_of(run_dir)
    np.testing.assert_array_equal(counts.confusion, matrix)
    rows = [json.loads(line) for line in (run_dir / "metrics.jsonl").read_text().splitlines()]
    assert [row["rows"] for row in rows] == [1437, 360, 1437, 360]


def test_tensorboard_is_told_every_score_of_every_epoch(alone):
    told = {}
    for path in pathlib.Path(alone / "tensorboard").iterdir():
        for record in tf.data.TFRecordDataset(str(path)):
            event = tf.compat.v1.Event.FromString(record.numpy())
            for value in event.summary.value:
                told[value.tag, event.step] = float(tf.make_ndarray(value.tensor))
    for line in (alone / "metrics.jsonl").read_text().splitlines():
        row = json.loads(line)
        for name in ("loss", "f1_macro", "accuracy", "cohen_kappa"):
            tag = f"{row['split']}/{name}"
            assert told[tag, row["epoch"]] == pytest.approx(row[name], rel=1e-6)
