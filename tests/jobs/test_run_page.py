"""The page of a run directory shows what its files hold, of this version and of older ones."""

import json

import example_runs
import numpy as np
import pytest
from commands import run_cli_without_tensorflow

from dist_f1 import Counts
from dist_f1.commands.report import render
from dist_f1.jobs.run_page import render_html
from dist_f1.jobs.run_results import most_confident_mistakes, read_results


@pytest.fixture
def run(tmp_path):
    return example_runs.write_run(tmp_path / "run", hostile=True)


def test_every_file_of_the_run_is_read(run):
    results = read_results(run)
    assert results.title == "example: validation after 5 epochs"
    assert results.names[2] == "class 002"
    assert results.sweep.num_classes == 10
    assert results.f1()["low"] == 0.78
    assert len(results.history) == 10
    assert results.versions["TensorFlow"] == "2.21.0"
    assert results.versions["strategy class"] == "MirroredStrategy"
    assert results.mistakes
    assert results.date


@pytest.mark.parametrize(
    "absent",
    [
        ["sweep.npz"],
        ["metrics.jsonl"],
        ["scores.json"],
        ["predictions.npz"],
        ["config.json"],
        ["sweep.npz", "metrics.jsonl", "scores.json", "predictions.npz", "config.json"],
    ],
)
def test_a_section_is_left_out_without_its_file(run, absent):
    sections = {
        "sweep.npz": "Precision and recall",
        "metrics.jsonl": "Learning curves",
        "scores.json": "Scores",
        "predictions.npz": "Most confident mistakes",
        "config.json": "Run",
    }
    assert all(f">{heading}</h2>" in render_html([run]) for heading in sections.values())
    for name in absent:
        (run / name).unlink()
    page = render_html([run])
    for name, heading in sections.items():
        assert (f">{heading}</h2>" in page) == (name not in absent)
    assert ">Verdict</h2>" in page


def test_predictions_of_older_versions_have_no_mistakes(run):
    with np.load(run / "predictions.npz") as file:
        np.savez(run / "predictions.npz", y_true=file["y_true"], y_pred=file["y_pred"])
    assert read_results(run).mistakes == []


def test_a_line_that_is_not_complete_is_left_out(run):
    with open(run / "metrics.jsonl", "a") as file:
        file.write('{"epoch": 6, "spl')
    assert len(read_results(run).history) == 10


def test_a_file_of_counts_has_a_page(tmp_path):
    Counts.from_labels([0, 1, 1], [0, 1, 0], 2).save(tmp_path / "counts.npz")
    assert "<h1>counts.npz</h1>" in render_html([tmp_path / "counts.npz"])


@pytest.mark.parametrize("style", ["text", "markdown", "html"])
def test_names_are_given_to_counts_on_the_command_line(style, tmp_path):
    path = tmp_path / "counts.npz"
    Counts.from_labels([0, 1, 2], [0, 1, 1], num_classes=3).save(path)
    command = ["report", path, f"--format={style}"]
    named = run_cli_without_tensorflow(*command, "--class_names=ant,bee,cat")
    assert named.returncode == 0
    assert all(name in named.stdout for name in ("ant", "bee", "cat"))
    short = run_cli_without_tensorflow(*command, "--class_names=ant,bee")
    assert short.returncode == 1
    assert "class_names has 2 names for 3 classes" in short.stderr
    assert "Traceback" not in short.stderr


def test_a_directory_without_counts_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"holds no counts\.npz\. Pass the directory of a run"):
        render_html([tmp_path])
    with pytest.raises(ValueError, match="no run to show"):
        render_html([])


def test_mistakes_are_ranked_by_their_probability():
    y_true, y_pred = np.array([0, 1, 2, 0]), np.array([1, 1, 0, 2])
    found = most_confident_mistakes(y_true, y_pred, np.array([0.6, 1, 0.9, 0.7]), None, 2)
    assert found == [(2, "2", "0", 0.9), (3, "0", "2", 0.7)]
    y_true, y_pred = np.array([[0, 1], [1, 1]]), np.array([[1, 1], [1, 0]])
    found = most_confident_mistakes(y_true, y_pred, np.array([[0.6, 1], [1, 0.8]]), "ab", 9)
    assert found == [(1, "b", "not b", 0.8), (0, "not a", "a", 0.6)]


def test_the_command_prints_pages_without_tensorflow(run, tmp_path):
    other = example_runs.write_run(tmp_path / "other", seed=1)
    for arguments, title in (
        (["--format=html", run], "example: validation after 5 epochs"),
        (["--compare", run, other], "Comparison of 2 runs"),
    ):
        result = run_cli_without_tensorflow("report", *arguments)
        assert result.returncode == 0, result.stderr
        assert f"<h1>{title}</h1>" in result.stdout
        assert result.stdout.endswith("</html>\n")
    result = run_cli_without_tensorflow("report", "--compare", run)
    assert result.returncode == 2
    assert result.stderr.endswith("Error: got 1 paths. Pass two runs or more to compare.\n")


def test_reports_of_a_directory_without_settings_have_the_names_of_the_classes(run):
    names = read_results(run).names
    (run / "config.json").unlink()
    rows = {name: {"f1-score": 0.5} for name in names}
    (run / "report.json").write_text(json.dumps({**rows, "accuracy": 0.5, "macro avg": {}}))
    assert read_results(run).names == names
    assert f"\n| {names[2]} " in render(str(run), "markdown", 2)
