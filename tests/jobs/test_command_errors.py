"""Help and usage errors of `dist-f1` come without TensorFlow, in one line, with their exit code."""

from functools import partial

import click
import pytest
from click.testing import CliRunner
from commands import (
    COMMAND,
    last_line,
    run_cli,
    run_cli_in_new_python,
    run_cli_without_tensorflow,
)

from dist_f1.commands import report
from dist_f1.commands.job_options import job_options
from dist_f1.version import __version__

slow = pytest.mark.slow


def train(tmp_path, *arguments, run=run_cli_without_tensorflow):
    flags = ("--config=configs/digits.py", f"--run_dir={tmp_path / 'run'}")
    return run("train", *flags, *arguments)


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("--config.epoch=3", "config.epoch does not exist. Did you mean config.epochs?"),
        pytest.param("--config.zzz=3", "config.zzz does not exist. See the", marks=slow),
        pytest.param("--config.epochs=three", "=three: invalid literal", marks=slow),
        ("--config.epochs=0", "at least 1 and at most 2147483647, got 0"),
        (f"--config.epochs={10**30}", f"at most 2147483647, got {10**30}"),
        pytest.param("--config.batch_size=10000001", "at most 10000000, got", marks=slow),
        pytest.param(
            "--config.learning_rate=inf", "a positive number of at most 1e+38, got inf", marks=slow
        ),
        pytest.param(
            "--config.learning_rate=nan", "a positive number of at most 1e+38, got nan", marks=slow
        ),
        pytest.param("--workers=1000000", "is not in the range 1<=x<=1024", marks=slow),
        pytest.param("--max_restarts=-1", "is not in the range", marks=slow),
        ("--grace_seconds=nan", "'nan' is not a number of seconds"),
        pytest.param("--join_timeout=inf", "is not in the range", marks=slow),
        ("--epochs=3", "No such option '--epochs'"),
        pytest.param("epochs=3", "unexpected extra argument (epochs=3)", marks=slow),
        ("--config=configs/digit.py", "configs/digit.py"),
    ],
)
def test_an_invalid_setting_is_a_usage_error(tmp_path, argument, message):
    result = train(tmp_path, argument)
    assert result.returncode == 2, result.stderr
    assert message in last_line(result.stderr)
    assert "Traceback" not in result.stderr
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("digits", ["99999", "18", "-1", "nan", str(10**30)])
def test_absurd_digits_of_a_report_are_a_usage_error(digits):
    with pytest.raises(click.UsageError, match=r"integer range|not in the range"):
        report.main(["counts.npz", f"--digits={digits}"], standalone_mode=False)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = 1", "has no get_config()"),
        pytest.param("x = ", "invalid syntax", marks=slow),
    ],
)
def test_an_invalid_config_file_is_a_usage_error(tmp_path, text, message):
    (tmp_path / "config.py").write_text(text)
    flags = (f"--config={tmp_path / 'config.py'}", f"--run_dir={tmp_path / 'run'}")
    result = run_cli_without_tensorflow("train", *flags)
    assert result.returncode == 2
    assert message in last_line(result.stderr)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["report", "nowhere"], 1, "No such file or directory: 'nowhere'"),
        (["report", "configs"], 1, "configs holds no counts.npz"),
        pytest.param(["report", "README.md"], 1, "is not an .npz file of counts", marks=slow),
        (["report"], 2, "got 0 paths. Pass one run directory or counts.npz"),
        pytest.param(["report", "--format=pdf", "x"], 2, "'pdf' is not one of", marks=slow),
        (["trian"], 2, "No such command 'trian'. Did you mean 'train'?"),  # codespell:ignore
        (["launch", "nowhere.py"], 2, "the script 'nowhere.py' does not exist"),
        (["launch"], 2, "no script given. Pass a script, or a module with -m"),
        pytest.param(
            ["launch", "--workers=0", "x.py"],
            2,
            "'--workers': 0 is not in the range 1<=x<=1024.",
            marks=slow,
        ),
    ],
)
def test_a_command_names_the_problem(arguments, code, message):
    result = run_cli_without_tensorflow(*arguments)
    assert result.returncode == code, result.stderr
    assert message in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["train", "--help"], "--run_dir"),
        (["launch", "--help"], "--join_timeout"),
        pytest.param(["report", "--help"], "--format", marks=slow),
        pytest.param(["--help"], "Train a classifier", marks=slow),
        ([], "dist-f1 COMMAND --help"),
        (["--version"], f"dist-f1, version {__version__}"),
        (["train", "--help"], "dist-f1 train --config=FILE --run_dir=DIR"),
        (["launch", "-h"], "(SCRIPT | -m MODULE) [--] [ARGS]..."),
        (["report", "--help"], "(RUN_DIR | COUNTS.npz)..."),
    ],
)
def test_help_succeeds(arguments, text):
    result = run_cli_without_tensorflow(*arguments)
    assert result.returncode == 0, result.stderr
    assert text in result.stdout


@pytest.mark.parametrize("option", ["--confg=x", "--run_dri=x", "--max_restart=1"])
def test_a_mistyped_option_is_corrected(option):
    result = run_cli_without_tensorflow("train", option)
    assert result.returncode == 2
    assert "Usage: dist-f1 train --config=FILE" in result.stderr
    assert "Did you mean '--" in last_line(result.stderr)


def test_a_deprecated_option_sets_the_new_one_and_warns():
    seen = []
    command = click.command()(
        job_options(0.0)(lambda **options: seen.append(options["join_timeout"]))
    )
    for argument in ("--start_timeout=7", "--join_timeout=7"):
        result = CliRunner().invoke(command, [argument])
        assert result.exit_code == 0, result.output
        is_deprecated = argument.startswith("--start")
        warning = "Warning: --start_timeout without --hosts is deprecated. Use --join_timeout."
        assert (warning in result.output) == is_deprecated
    assert seen == [7.0, 7.0]


def test_an_unwritable_run_directory_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    result = train(tmp_path / "file", "--workers=2")
    assert result.returncode == 1
    assert f"{tmp_path / 'file'}" in last_line(result.stderr)
    assert "Not a directory" in last_line(result.stderr)
    assert "Traceback" not in result.stderr


@slow
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--config.validation_fraction=0.003"], "=0.003 leaves too few rows"),
        (
            ["--config.learning_rate=1e38", "--config.dtype=float32"],
            "rows. Lower config.learning_rate=1e+38, and use another --run_dir.",
        ),
    ],
)
def test_a_job_that_cannot_run_names_the_problem(tmp_path, arguments, message):
    result = train(tmp_path, *arguments, run=run_cli)
    assert result.returncode == 1
    assert message in last_line(result.stderr)
    assert "Traceback" not in result.stderr


@slow
def test_a_foreign_run_directory_stays_unchanged(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "precious.txt").write_text("precious")
    result = train(tmp_path, run=run_cli)
    assert result.returncode == 1
    assert "is not empty and holds no run" in result.stderr
    assert [entry.name for entry in (tmp_path / "run").iterdir()] == ["precious.txt"]


@slow
def test_tensorflow_prints_nothing_before_the_command(tmp_path):
    flags = ("--config.epochs=1", "--config.model=mlp", "--config.dtype=float32")
    command = ("env", "-u", "TF_CPP_MIN_LOG_LEVEL", *COMMAND)
    result = train(tmp_path, *flags, run=partial(run_cli_in_new_python, command=command))
    assert result.returncode == 0, result.stderr
    assert result.stderr.startswith("epoch 1/1: loss ")
