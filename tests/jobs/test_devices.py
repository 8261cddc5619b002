"""A strategy that cannot be had fails at once and says what it would need."""

import json
import os

import pytest
from commands import dist_f1, last_line

from dist_f1.jobs import devices
from dist_f1.launching.cluster import Task


@pytest.mark.parametrize(
    ("name", "task", "said"),
    [
        ("none", Task("worker", 1), "strategy=none is for one process, but this one is worker 1"),
        ("mirrored", Task("chief", 0), "strategy=mirrored is for one process"),
        ("multi_worker", None, r"needs a cluster of several workers: .*--workers=N.*TF_CONFIG"),
        ("parameter_server", None, "needs a cluster with a chief, workers and servers"),
        ("tpu", None, "needs a TPU: .*libtpu.*TPU_NAME"),
    ],
)
def test_what_is_not_available_is_refused_with_what_it_needs(name, task, said, monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    monkeypatch.delenv("TPU_NAME", raising=False)
    with pytest.raises(devices.Unavailable, match=said):
        devices.check(name, task)


def test_what_is_available_is_not_refused(monkeypatch):
    cluster = {"chief": ["a:1"], "worker": ["a:2"], "ps": ["a:3"]}
    place = {"cluster": cluster, "task": {"type": "chief", "index": 0}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(place))
    for name in ("auto", "parameter_server"):
        devices.check(name, Task("chief", 0))
    with pytest.raises(devices.Unavailable, match="this one has servers"):
        devices.check("multi_worker", Task("chief", 0))
    assert not devices.serves()
    for served in ("worker", "ps"):
        place["task"]["type"] = served
        monkeypatch.setenv("TF_CONFIG", json.dumps(place))
        assert devices.serves()
    monkeypatch.delenv("TF_CONFIG")
    assert not devices.serves()
    for name in ("auto", "none", "one_device", "mirrored"):
        devices.check(name, None)


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["--config.strategy=multi_worker"], "needs a cluster of several workers"),
        (["--config.strategy=tpu"], "needs a TPU"),
        (["--config.strategy=mirrored", "--workers=2"], "strategy=mirrored is for one process"),
        (["--config.strategy=tpu", "--workers=2"], "needs a TPU"),
    ],
)
def test_the_command_refuses_it_in_one_line_and_makes_no_directory(flags, said, tmp_path):
    run = f"--run_dir={tmp_path / 'run'}"
    result = dist_f1("train", "--config=configs/digits.py", run, *flags, timeout=60)
    assert result.returncode == 1
    assert said in last_line(result.stderr)
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "run").exists()


def test_workers_are_not_started_inside_of_a_cluster(tmp_path):
    place = {"cluster": {"worker": ["a:1", "a:2"]}, "task": {"type": "worker", "index": 0}}
    flags = ("--config=configs/digits.py", f"--run_dir={tmp_path / 'run'}", "--workers=2")
    result = dist_f1("train", *flags, TF_CONFIG=json.dumps(place))
    assert result.returncode == 1
    assert "the environment describes a cluster already, and this is worker 0 of it" in last_line(
        result.stderr
    )


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        ([], ["4 replica(s)", "at most 16 each", "CPU:0, CPU:1, CPU:2, CPU:3"]),
        (["--workers=3"], ["3 replica(s)", "at most 22 each", "worker 2: the CPU"]),
        (
            ["--workers=2", "--config.strategy=parameter_server"],
            ["chief 0", "worker 1", "ps 0", "at most 64 each"],
        ),
    ],
)
def test_a_dry_run_tells_the_plan_and_writes_nothing(flags, said, tmp_path):
    common = ("--config=configs/digits.py", f"--run_dir={tmp_path / 'run'}", "--dry_run")
    result = dist_f1("train", *common, *flags, "--config.batch_size=64")
    assert result.returncode == 0, result.stderr
    for text in ['"dataset": "digits"', "1437 rows in 23 steps", "360 rows in 6 steps", *said]:
        assert text in result.stdout
    assert not os.path.exists(tmp_path / "run")
