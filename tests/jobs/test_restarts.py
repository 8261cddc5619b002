"""`dist-f1 train` in processes that are stopped, killed, or cannot start."""

import json
import os
import pathlib
import re
import shutil
import signal

import numpy as np
import pytest
import sklearn.metrics
import tensorflow as tf
from commands import is_running, last_line, read_until, run_cli, start_cli
from comparisons import same
from forking import ROOT

from dist_f1 import Counts

pytestmark = [pytest.mark.slow, pytest.mark.exhaustive]

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
def uninterrupted(tmp_path_factory):
    """Run an uninterrupted job in one process."""
    path = tmp_path_factory.mktemp("whole") / "run"
    result = run_cli(*FLAGS, f"--run_dir={path}", "--config.tensorboard=true")
    assert result.returncode == 0, result.stderr
    return path


def assert_same_results(run_dir, other):
    same(counts_of(run_dir), counts_of(other))
    for name in ("report.txt", "report.json", "scores.json"):
        assert (run_dir / name).read_text() == (other / name).read_text()
    with np.load(run_dir / "predictions.npz") as ours, np.load(other / "predictions.npz") as theirs:
        for name in ("y_true", "y_pred"):
            np.testing.assert_array_equal(ours[name], theirs[name])


def test_two_workers_end_with_the_report_of_one_process(uninterrupted, tmp_path):
    run_dir = tmp_path / "run"
    result = run_cli(*FLAGS, f"--run_dir={run_dir}", "--workers=2")
    assert result.returncode == 0, result.stderr
    assert_same_results(run_dir, uninterrupted)
    with np.load(run_dir / "predictions.npz") as predictions:
        expected = sklearn.metrics.classification_report(
            predictions["y_true"], predictions["y_pred"], output_dict=True, zero_division=0.0
        )
    report = json.loads((run_dir / "report.json").read_text())
    assert report["macro avg"] == pytest.approx(expected["macro avg"], abs=1e-12)
    # In a log file, each pass of the chief is one line.
    log = (run_dir / "logs" / "start-0" / "worker-0.log").read_text()
    assert re.search(r"epoch 2/2: loss [\d.]+, f1_macro [\d.]+, \d+ steps", log)
    assert "epoch" not in (run_dir / "logs" / "start-0" / "worker-1.log").read_text()
    assert not (run_dir / "predictions").exists()


def test_a_stopped_job_leaves_no_process_and_resumes(uninterrupted, tmp_path):
    run_dir = tmp_path / "run"
    flags = (*FLAGS, f"--run_dir={run_dir}", "--config.checkpoint_every=1000")
    with start_cli(*flags, "--workers=2", PYTHONPATH=str(ROOT)) as process:
        text = read_until(process, "worker 1 is process")
        pids = [int(pid) for pid in re.findall(r"is process (\d+)", text)]
        read_until(process, "to validate")
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=120)
    assert process.returncode == 143, output
    assert not any(map(is_running, pids))
    stopped = re.search(r"stopped at step (\d+) of (\w+) in epoch (\d)", output)
    assert stopped, output
    assert list((run_dir / "checkpoints").iterdir())
    # Simulate a kill between the end of a pass and its checkpoint.
    row = {"epoch": int(stopped.group(3)), "split": stopped.group(2), "rows": -1}
    with open(run_dir / "metrics.jsonl", "a") as file:
        file.write(json.dumps(row) + "\n")
    # Resume from this step in one process with other devices.
    result = run_cli(*flags, "--config.replicas=3")
    assert result.returncode == 0, result.stderr
    assert f"resuming from {stopped.group()[len('stopped at ') :]}" in result.stdout
    assert_same_results(run_dir, uninterrupted)
    rows, expected = (
        [json.loads(line) for line in (path / "metrics.jsonl").read_text().splitlines()]
        for path in (run_dir, uninterrupted)
    )
    assert [(row["epoch"], row["split"], row["rows"]) for row in rows] == [
        (row["epoch"], row["split"], row["rows"]) for row in expected
    ]
    assert [row["f1_macro"] for row in rows] == [row["f1_macro"] for row in expected]


def test_a_finished_run_is_reported_again_but_not_with_other_settings(uninterrupted):
    before = (uninterrupted / "report.txt").read_text()
    (uninterrupted / "report.txt").unlink()
    again = run_cli(*FLAGS, f"--run_dir={uninterrupted}", "--config.replicas=2")
    assert again.returncode == 0, again.stderr
    assert "resuming from the end" in again.stdout
    assert (uninterrupted / "report.txt").read_text() == before
    other = run_cli(*FLAGS, f"--run_dir={uninterrupted}", "--config.learning_rate=0.5")
    assert other.returncode == 1
    assert "a run with config.learning_rate=0.01, but this run has 0.5" in last_line(other.stderr)


def test_a_corrupt_checkpoint_is_named_and_the_previous_one_used(uninterrupted, tmp_path):
    run_dir = tmp_path / "run"
    flags = (*FLAGS, f"--run_dir={run_dir}", "--config.tensorboard=true")
    shutil.copytree(uninterrupted, run_dir)
    paths = sorted((run_dir / "checkpoints").iterdir())
    assert len(paths) > 1
    data = paths[-1] / "state.data-00000-of-00001"
    data.write_bytes(data.read_bytes()[:-1] + b"?")
    result = run_cli(*flags)
    assert result.returncode == 0, result.stderr
    assert f"{paths[-1]} is damaged" in result.stdout
    assert "resuming from step" in result.stdout
    assert_same_results(run_dir, uninterrupted)
    for path in (run_dir / "checkpoints").iterdir():
        (path / "state.index").write_bytes(b"")
    result = run_cli(*flags)
    assert result.returncode == 1
    assert "All checkpoints in" in last_line(result.stderr)
    assert "Traceback" not in result.stderr


def test_an_unwritable_run_directory_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    result = run_cli(*FLAGS, f"--run_dir={tmp_path / 'file' / 'run'}")
    assert result.returncode == 1
    assert "Not a directory" in last_line(result.stderr)
    assert "Traceback" not in result.stderr


def test_a_worker_that_raises_ends_the_job_with_its_traceback(tmp_path):
    (tmp_path / "broken.py").write_text("def rows(split):\n    raise KeyError('no such split')\n")
    digits = (ROOT / "configs" / "digits.py").read_text()
    own = "config.num_classes = 10\n    return config"
    (tmp_path / "config.py").write_text(digits.replace("return config", own))
    flags = ("--config=config.py", f"--run_dir={tmp_path / 'run'}", "--config.dataset=broken:rows")
    result = run_cli("train", *flags, "--workers=2", "--max_restarts=1", cwd=tmp_path)
    assert result.returncode == 1
    assert "in rows" in result.stderr
    assert "KeyError: 'no such split'" in result.stderr
    assert result.stderr.count("dist-f1: restart 1 of 1") == 1


def test_workers_that_read_different_rows_stop(tmp_path):
    text = (ROOT / "configs" / "own_data.py").read_text()
    (tmp_path / "config.py").write_text(text)
    flags = ("--config=config.py", f"--run_dir={tmp_path / 'run'}", "--workers=2")
    rows = ("--config.dataset=jobs_functions:rows_in_any_order", "--config.model=mlp")
    path = os.pathsep.join([str(ROOT / "tests" / "support"), str(ROOT)])
    result = run_cli("train", *flags, *rows, cwd=tmp_path, PYTHONPATH=path)
    assert result.returncode == 1
    assert "The workers have read different rows for batch 0 of train" in result.stderr
    assert "restart" not in result.stderr


def test_a_cluster_of_parameter_servers_counts_every_row_once(tmp_path):
    run_dir = tmp_path / "run"
    flags = (f"--run_dir={run_dir}", "--workers=2", "--config.strategy=parameter_server")
    result = run_cli(*FLAGS, *flags, "--config.checkpoint_every=10")
    assert result.returncode == 0, result.stderr
    with np.load(run_dir / "predictions.npz") as predictions:
        assert len(predictions["y_true"]) == 360
        matrix = sklearn.metrics.confusion_matrix(predictions["y_true"], predictions["y_pred"])
    counts = counts_of(run_dir)
    np.testing.assert_array_equal(counts.confusion, matrix)
    rows = [json.loads(line) for line in (run_dir / "metrics.jsonl").read_text().splitlines()]
    assert [row["rows"] for row in rows] == [1437, 360, 1437, 360]


def test_tensorboard_has_every_score_of_every_epoch(uninterrupted):
    values = {}
    for path in pathlib.Path(uninterrupted / "tensorboard").iterdir():
        for record in tf.data.TFRecordDataset(str(path)):
            event = tf.compat.v1.Event.FromString(record.numpy())
            for value in event.summary.value:
                values[value.tag, event.step] = float(tf.make_ndarray(value.tensor))
    for line in (uninterrupted / "metrics.jsonl").read_text().splitlines():
        row = json.loads(line)
        for name in ("loss", "f1_macro", "accuracy", "cohen_kappa"):
            tag = f"{row['split']}/{name}"
            assert values[tag, row["epoch"]] == pytest.approx(row[name], rel=1e-6)
