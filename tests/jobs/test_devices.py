"""An unavailable strategy fails immediately and names what it needs."""

import json
import os

import pytest
from commands import last_line, run_cli, run_cli_without_tensorflow
from job_configs import config_for

from dist_f1.jobs import data, devices, plan, requirements
from dist_f1.jobs.requirements import StrategyUnavailableError
from dist_f1.launching.cluster import Task


@pytest.fixture(autouse=True)
def _no_cluster(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    monkeypatch.delenv("TPU_NAME", raising=False)


@pytest.mark.parametrize(
    ("name", "task", "message"),
    [
        ("none", Task("worker", 1), "=none is for a single process, but this one is worker 1"),
        ("mirrored", Task("chief", 0), "strategy=mirrored is for a single process"),
        ("multi_worker", None, r"needs a cluster of several workers\. .*--workers=N.*TF_CONFIG"),
        ("parameter_server", None, "needs a cluster with a chief, workers and servers"),
        ("tpu", None, "needs a TPU.* libtpu.*TPU_NAME"),
    ],
)
def test_a_missing_requirement_is_named(name, task, message):
    with pytest.raises(StrategyUnavailableError, match=message):
        requirements.check(name, task)
    if task is None:
        with pytest.raises(StrategyUnavailableError, match=message):
            devices.make_strategy(name, 1)


def test_a_strategy_with_all_requirements_passes(monkeypatch):
    cluster = {"chief": ["a:1"], "worker": ["a:2"], "ps": ["a:3"]}
    place = {"cluster": cluster, "task": {"type": "chief", "index": 0}}
    monkeypatch.setenv("TF_CONFIG", json.dumps(place))
    for name in ("auto", "parameter_server"):
        requirements.check(name, Task("chief", 0))
    with pytest.raises(StrategyUnavailableError, match="this one has servers"):
        requirements.check("multi_worker", Task("chief", 0))
    assert not requirements.is_server()
    for served in ("worker", "ps"):
        place["task"]["type"] = served
        monkeypatch.setenv("TF_CONFIG", json.dumps(place))
        assert requirements.is_server()
    monkeypatch.delenv("TF_CONFIG")
    assert not requirements.is_server()
    for name in ("auto", "none", "one_device", "mirrored"):
        requirements.check(name, None)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--config.strategy=mirrored", "--workers=2"], "=mirrored is for a single process"),
        (["--config.strategy=tpu", "--workers=2"], "needs a TPU"),
        pytest.param(["--config.strategy=tpu"], "needs a TPU", marks=pytest.mark.slow),
    ],
)
def test_the_command_fails_with_one_line_and_makes_no_directory(flags, message, tmp_path):
    run = run_cli_without_tensorflow if len(flags) > 1 else run_cli
    result = run("train", "--config=configs/digits.py", f"--run_dir={tmp_path / 'run'}", *flags)
    assert result.returncode == 1
    assert message in last_line(result.stderr)
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "run").exists()


def test_workers_are_not_started_inside_a_cluster(tmp_path):
    place = {"cluster": {"worker": ["a:1", "a:2"]}, "task": {"type": "worker", "index": 0}}
    flags = ("--config=configs/digits.py", f"--run_dir={tmp_path / 'run'}", "--workers=2")
    result = run_cli_without_tensorflow("train", *flags, TF_CONFIG=json.dumps(place))
    assert result.returncode == 1
    assert "this process is worker 0 of a cluster" in last_line(result.stderr)


def test_a_plan_has_the_settings_devices_and_steps():
    config = config_for("digits")
    text = plan.describe(config, data.load(config), ["worker 0: the CPU"], 3, "runs/digits")
    for part in (
        '"dataset": "digits"',
        "worker 0: the CPU",
        "3 replica(s); a step has 64 rows, at most 22 each",
        "train: 1437 rows in 23 steps, 20 times",
        "validation: 360 rows in 6 steps, 20 times",
        "results in runs/digits",
    ):
        assert part in text


@pytest.mark.slow
@pytest.mark.parametrize(
    ("flags", "parts"),
    [
        ([], ["4 replica(s)", "at most 16 each", "CPU:0, CPU:1, CPU:2, CPU:3"]),
        (["--workers=3"], ["3 replica(s)", "at most 22 each", "worker 2: the CPU"]),
        (
            ["--workers=2", "--config.strategy=parameter_server"],
            ["chief 0", "worker 1", "ps 0", "at most 64 each"],
        ),
    ],
)
def test_a_dry_run_prints_the_plan_and_writes_nothing(flags, parts, tmp_path):
    common = ("--config=configs/digits.py", f"--run_dir={tmp_path / 'run'}", "--dry_run")
    result = run_cli("train", *common, *flags)
    assert result.returncode == 0, result.stderr
    for part in ["1437 rows in 23 steps", *parts]:
        assert part in result.stdout
    assert not os.path.exists(tmp_path / "run")
