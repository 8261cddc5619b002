"""The command: what it runs and writes, when it fails, and what it says about mistakes."""

import json
import os
import pathlib
import subprocess
import sys
import textwrap

import ml_collections
import pytest

from benchmarks import records, running, settings, suites
from benchmarks.progress import Progress
from benchmarks.records import Row

ROOT = pathlib.Path(__file__).resolve().parents[2]
QUICK = "--config=configs/benchmarks_quick.py"

# Takes the place of a suite; what it finds is set in the environment.
FAKE = """
    import os
    from benchmarks.records import Row
    from benchmarks.samples import Samples, difference

    def run(config, context):
        context.progress.task("fake", config.steps)
        base, slow = (Samples((x, x + 0.01, x + 0.02)) for x in (1.0, float(os.environ["SLOW"])))
        noise = difference(base, base)
        yield Row("update", {"replicas": len(context.devices)}, "floor", base, noise=noise)
        yield Row(
            "update", {"replicas": len(context.devices)}, "F1Score", slow, "floor",
            difference(base, slow), noise, wrong=int(os.environ["WRONG"]),
        )
        context.progress.step(config.steps)
"""
START = """
    import sys
    from absl import app
    from benchmarks import suites

    suites.SUITES["update"] = "fake_suite"
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
    """Runs the command with a suite that is fast, slow or wrong."""
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


def test_a_run_writes_rows_tables_and_pictures_and_finds_a_regression(fake, tmp_path):
    done = fake("old", "--config.updates.steps=50", "--config.replicas=3")
    assert done.returncode == 0, done.stderr
    assert "| F1Score | 3 |" in done.stdout
    assert "fake: 50/50 steps" in done.stderr
    header, rows = records.read(tmp_path / "old" / "results.jsonl")
    assert header["config"]["updates"]["steps"] == 50
    assert header["config"]["suites"] == ["update"]
    assert [row.variant for row in rows] == ["floor", "F1Score"]
    assert all(row.case["device"] == header["device"] for row in rows)
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


def test_a_wrong_row_fails_the_command(fake, tmp_path):
    done = fake("wrong", wrong=2)
    assert done.returncode == 1
    last = done.stderr.splitlines()[-1]
    assert last.startswith("benchmarks: update, F1Score (")
    assert last.endswith("2 values differ from scikit-learn.")
    assert "| F1Score | 3 |" in (tmp_path / "wrong" / "results.md").read_text()


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--suite=updates"], "no suite 'updates'; choose from update, per_step"),
        (["--config=configs/none.py"], "configs/none.py"),
        (["--config=configs/digits.py"], "is missing. configs/benchmarks.py shows every setting"),
        (["--config.updates.step=3"], "no config.updates.step; did you mean config.updates.steps?"),
        (["--config.updates.steps=few"], "config.updates.steps=few"),
        (["--config.updates.steps=0"], "config.updates.steps is 0, but must be at least 1"),
        (["--config.updates.sizes=(5, 5)"], "must be like (("),
        (["--compare=none.jsonl"], "none.jsonl cannot be read"),
        (["--compare=README.md"], "README.md, line 1, is no result"),
        (["--with=README.md"], "--with needs --compare"),
        (["--out=docs"], "--out=docs is there already; name a new directory"),
        (["quick"], "unexpected argument 'quick'"),
        (["--suits=update"], "suits"),
    ],
)
def test_a_mistake_is_one_line(arguments, problem):
    done = command(*arguments)
    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("benchmarks: ")
    assert problem in line


def config_of(*names):
    config = settings.reference()
    config.suites = names
    return config


def test_the_other_suites_run_when_one_fails(monkeypatch, tmp_path, capsys):
    def failing(config, context):
        yield Row("read", {}, "before")
        raise ArithmeticError("it is\nbroken")

    def fine(config, context):
        yield Row("scaling", {"replicas": config.replicas[-1]}, "after")

    runs = {"read": failing, "scaling": fine}
    monkeypatch.setattr(suites, "load", runs.__getitem__)
    outcome = running.run(config_of("read", "scaling"), tmp_path / "out", Progress(quiet=True))
    assert [row.variant for row in outcome.rows] == ["before", "after"]
    assert outcome.rows[1].case["replicas"] == 16384
    (problem,) = outcome.problems
    assert problem.startswith("read failed")
    assert problem.endswith("ArithmeticError: it is broken")
    assert "Traceback" in capsys.readouterr().err
    lines = (tmp_path / "out" / "results.jsonl").read_text().splitlines()
    assert [json.loads(line)["event"] for line in lines] == ["header", "row", "failure", "row"]


def test_what_was_found_before_an_interrupt_is_kept(monkeypatch, tmp_path):
    def interrupted(config, context):
        yield Row("read", {}, "before")
        raise KeyboardInterrupt

    monkeypatch.setattr(suites, "load", lambda name: interrupted)
    outcome = running.run(config_of("read", "scaling"), tmp_path / "out", Progress(quiet=True))
    assert [row.variant for row in outcome.rows] == ["before"]
    assert len(outcome.problems) == 1
    assert "interrupted" in outcome.problems[0]
    assert len(records.read(tmp_path / "out" / "results.jsonl")[1]) == 1


def test_both_configs_have_the_same_settings():
    full = settings.reference()
    text = (ROOT / "configs" / "benchmarks_quick.py").read_text()
    module: dict = {}
    exec(text, module)
    assert settings.resolve(module["get_config"]()).suites == full.suites
    settings.resolve(full)
    for name in ("updates", "per_step", "read", "checkpoint"):
        assert full[name].steps >= 200
        assert full[name].budget_seconds == 0.0


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (lambda values: values["read"].pop("steps"), "config.read.steps is missing"),
        (lambda values: values["read"].update(speed=1), "there is no config.read.speed"),
        (lambda values: values.update(read=3), "config.read must have settings"),
        (lambda values: values.update(suites=()), "config.suites is empty"),
        (lambda values: values.update(replicas=0), "config.replicas is 0"),
        (lambda values: values["updates"].update(sizes=(1, 2)), "must be like"),
    ],
)
def test_a_config_of_another_shape_is_refused(change, problem):
    values = settings.reference().to_dict()
    change(values)
    with pytest.raises(settings.SettingsError, match=problem):
        settings.resolve(ml_collections.ConfigDict(values))


def test_every_suite_has_its_settings():
    config = settings.reference()
    for name in suites.SUITES:
        assert isinstance(config[suites.section(name)], ml_collections.ConfigDict)


class Terminal:
    """A stream that says what it is."""

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
        with Progress(stream) as progress:
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
