"""The command: its output, its exit code, and its messages about mistakes."""

import contextlib
import json
import os
import pathlib
import subprocess
import sys
import textwrap

import ml_collections
import pytest

from benchmarks import config_check, runner, suites
from benchmarks.progress import Progress
from benchmarks.records import Record, load_records
from dist_f1.commands.exits import Interrupted

ROOT = pathlib.Path(__file__).resolve().parents[2]
QUICK = "--config=configs/benchmarks_quick.py"

# Replaces a suite; the environment sets its results.
FAKE = """
    import os
    from benchmarks.records import Record
    from benchmarks.samples import Samples, difference

    def run(config, context):
        context.progress.task("fake", config.steps)
        base, slow = (Samples((x, x + 0.01, x + 0.02)) for x in (1.0, float(os.environ["SLOW"])))
        noise = difference(base, base)
        yield Record("update", {"replicas": len(context.devices)}, "floor", base, noise=noise)
        yield Record(
            "update", {"replicas": len(context.devices)}, "F1Score", slow, "floor",
            difference(base, slow), noise, wrong=int(os.environ["WRONG"]),
        )
        context.progress.step(config.steps)
"""
START = """
    import sys
    from absl import app
    from benchmarks import suites

    import fake_suite

    suites.load = lambda name: fake_suite.run
    from benchmarks import __main__ as command

    app.run(command.main, flags_parser=command._parse)
"""


def command(*arguments):
    return subprocess.run(
        [sys.executable, "-m", "benchmarks", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.fixture
def fake(tmp_path):
    """Return a function that runs the command with a suite that may be slow or wrong."""
    (tmp_path / "fake_suite.py").write_text(textwrap.dedent(FAKE))

    def run(out, *arguments, wrong=0, slow=2.0):
        flags = [QUICK, "--suite=update", f"--out={tmp_path / out}", *arguments]
        return subprocess.run(
            [sys.executable, "-c", textwrap.dedent(START), *flags],
            cwd=ROOT,
            env={
                **os.environ,
                "PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}",
                "WRONG": str(wrong),
                "SLOW": str(slow),
            },
            capture_output=True,
            text=True,
            timeout=300,
        )

    return run


@pytest.mark.slow
def test_a_run_writes_records_tables_and_charts_and_finds_a_regression(fake, tmp_path):
    done = fake("old", "--config.updates.steps=50", "--config.replicas=3")
    assert done.returncode == 0, done.stderr
    assert "| F1Score | 3 |" in done.stdout
    assert "fake: 50/50 steps" in done.stderr
    header, records = load_records(tmp_path / "old" / "results.jsonl")
    assert header["config"]["updates"]["steps"] == 50
    assert header["config"]["suites"] == ["update"]
    assert [record.variant for record in records] == ["floor", "F1Score"]
    assert all(record.case["device"] == header["device"] for record in records)
    assert (tmp_path / "old" / "results.md").read_text() in done.stdout
    assert (tmp_path / "old" / "update.png").stat().st_size > 1000
    assert f"{tmp_path / 'old' / 'update.png'}" in done.stdout

    old = f"--compare={tmp_path / 'old' / 'results.jsonl'}"
    again = fake("new", old, "--config.replicas=3", slow=4.0)
    assert again.returncode == 0, again.stderr
    assert "1 became slower" in again.stdout
    same = command(old, f"--with={tmp_path / 'old' / 'results.jsonl'}")
    assert same.returncode == 0
    assert "0 became slower" in same.stdout


@pytest.mark.slow
def test_a_mismatch_fails_the_command(fake, tmp_path):
    done = fake("wrong", wrong=2)
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("benchmarks: update, F1Score (")
    assert last.endswith("2 values differ from scikit-learn.")
    assert "| F1Score | 3 |" in (tmp_path / "wrong" / "results.md").read_text()


def slow(*arguments):
    return pytest.param(*arguments, marks=pytest.mark.slow)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--suite=updates"], "no suite 'updates'; choose from update, per_step"),
        (["--config.updates.step=3"], "no config.updates.step; did you mean config.updates.steps?"),
        slow(["--config=configs/none.py"], "configs/none.py"),
        slow(
            ["--config=configs/digits.py"], "is missing. configs/benchmarks.py shows every setting"
        ),
        slow(["--config.updates.steps=few"], "config.updates.steps=few"),
        slow(["--config.updates.steps=0"], "config.updates.steps is 0, but must be at least 1"),
        slow(["--config.updates.sizes=(5, 5)"], "must be like (("),
        slow(["--compare=none.jsonl"], "none.jsonl cannot be read"),
        slow(["--compare=README.md"], "README.md, line 1, is not a benchmark result"),
        slow(["--with=README.md"], "--with needs --compare"),
        slow(["--out=docs"], "--out=docs exists already; choose a new directory"),
        slow(["quick"], "unexpected argument 'quick'"),
        slow(["--suits=update"], "suits"),
    ],
)
def test_a_mistake_is_reported_in_one_line(arguments, problem):
    done = command(*arguments)
    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("benchmarks: ")
    assert problem in line


def config_of(*names):
    config = config_check.full_config()
    config.suites = names
    return config


def test_the_other_suites_run_when_one_fails(monkeypatch, tmp_path, capsys):
    def failing(config, context):
        yield Record("read", {}, "before")
        raise ArithmeticError("it is\nbroken")

    def fine(config, context):
        yield Record("scaling", {"replicas": config.replicas[-1]}, "after")

    runs = {"read": failing, "scaling": fine}
    monkeypatch.setattr(suites, "load", runs.__getitem__)
    outcome = runner.run(config_of("read", "scaling"), tmp_path / "out", Progress(quiet=True))
    assert [record.variant for record in outcome.records] == ["before", "after"]
    assert outcome.records[1].case["replicas"] == 16384
    (problem,) = outcome.problems
    assert problem.startswith("read failed")
    assert problem.endswith("ArithmeticError: it is broken")
    assert "Traceback" in capsys.readouterr().err
    lines = (tmp_path / "out" / "results.jsonl").read_text().splitlines()
    assert [json.loads(line)["event"] for line in lines] == ["header", "row", "failure", "row"]


def test_mismatches_are_problems(monkeypatch, tmp_path):
    def suite(config, context):
        yield Record("read", {"classes": 3}, "F1Score", wrong=0)
        yield Record("read", {"classes": 5}, "F1Score", wrong=2)

    monkeypatch.setattr(suites, "load", lambda name: suite)
    outcome = runner.run(config_of("read"), tmp_path / "out", Progress(quiet=True))
    problem = "read, F1Score (classes 5): 2 values differ from scikit-learn."
    assert outcome.problems == [problem]


def test_records_before_an_interrupt_are_kept(monkeypatch, tmp_path):
    def interrupted(config, context):
        yield Record("read", {}, "before")
        raise Interrupted(130)

    monkeypatch.setattr(suites, "load", lambda name: interrupted)
    outcome = runner.run(config_of("read", "scaling"), tmp_path / "out", Progress(quiet=True))
    assert [record.variant for record in outcome.records] == ["before"]
    assert len(outcome.problems) == 1
    assert "interrupted" in outcome.problems[0]
    assert len(load_records(tmp_path / "out" / "results.jsonl")[1]) == 1


def test_the_quick_config_has_the_settings_of_the_full_one():
    full = config_check.full_config()
    text = (ROOT / "configs" / "benchmarks_quick.py").read_text()
    module: dict = {}
    exec(text, module)
    assert config_check.resolve(module["get_config"]()).suites == full.suites
    config_check.resolve(full)
    for name in ("updates", "per_step", "read", "checkpoint"):
        assert full[name].steps >= 200
        assert full[name].budget_seconds == 0.0


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda values: values["read"].pop("steps"), "config.read.steps is missing"),
        (lambda values: values["read"].update(speed=1), "there is no config.read.speed"),
        (lambda values: values.update(read=3), "config.read.*is missing"),
        (lambda values: values.update(suites=()), "config.suites is empty"),
        (lambda values: values.update(replicas=0), "config.replicas is 0"),
        (lambda values: values["updates"].update(sizes=(1, 2)), "must be like"),
    ],
)
def test_a_config_with_other_settings_raises(change, problem):
    values = config_check.full_config().to_dict()
    change(values)
    with pytest.raises(config_check.ConfigError, match=problem):
        config_check.resolve(ml_collections.ConfigDict(values))


def test_every_suite_has_its_settings():
    config = config_check.full_config()
    for section in suites.SUITES.values():
        assert isinstance(config[section], ml_collections.ConfigDict)


class Terminal:
    """A stream that may be a terminal."""

    def __init__(self, is_terminal):
        self.is_terminal, self.text = is_terminal, ""

    def isatty(self):
        return self.is_terminal

    def write(self, text):
        self.text += text

    def flush(self):
        pass


def test_progress_is_a_bar_in_a_terminal_and_a_line_elsewhere():
    shown = {}
    for is_terminal in (True, False):
        stream = Terminal(is_terminal)
        with contextlib.closing(Progress(stream)) as progress:
            progress.task("update 10 x 2", 3)
            for _ in range(3):
                progress.step()
            progress.task("read", 2)
            progress.step(2)
        shown[is_terminal] = stream.text
    assert "\r" in shown[True]
    assert "update 10 x 2" in shown[True]
    lines = shown[False].splitlines()
    assert [line.partition(" steps")[0] for line in lines] == ["update 10 x 2: 3/3", "read: 2/2"]
