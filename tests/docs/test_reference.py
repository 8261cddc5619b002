"""The pages of the reference name what the code has."""

import ast
import json
import re

import doc_snippets
import doc_tables
import numpy as np
import pytest

from dist_f1 import Counts, Sweep
from dist_f1.counts import sample_averages
from dist_f1.counts.causes import number_of_causes
from dist_f1.jobs import settings, summary, training
from dist_f1.jobs.loop import EpochResult
from dist_f1.launching import bootstrap

COMMANDS = "docs/reference/commands.md"
CONFIGS = "docs/reference/configs.md"
FILES = "docs/reference/file_formats.md"


def settings_on_the_page():
    text = (doc_snippets.ROOT / CONFIGS).read_text(encoding="utf-8")
    return {cells[0].strip("`"): cells[1:] for cells in doc_tables.rows(text)}


def test_the_page_of_settings_has_every_key_once():
    text = (doc_snippets.ROOT / CONFIGS).read_text(encoding="utf-8")
    assert sorted(doc_tables.names(text)) == sorted(settings._RULES)


@pytest.mark.parametrize("key", settings._RULES)
def test_a_setting_has_its_type_its_default_and_its_values(key):
    kind, default, values, _ = settings_on_the_page()[key]
    rule = settings._RULES[key]
    assert kind == f"`{rule.kind.__name__}`"
    if key in settings._DEFAULTS:
        assert ast.literal_eval(default.strip("`")) == settings._DEFAULTS[key]
    elif key != "task":
        assert default == "required"
    choices = rule.text.partition("must be one of ")[2]
    for choice in filter(None, re.split(r", | or ", choices)):
        assert choice in doc_tables.code(values)


def test_the_page_of_settings_names_those_that_may_change():
    text = doc_tables.section(CONFIGS, "## Resume with other settings")
    exceptions = text.partition("exceptions:")[2].partition(".")[0]
    assert tuple(doc_tables.code(exceptions)) == settings.MAY_CHANGE


def shapes_on_the_page(heading, **sizes):
    """Return the shape of each array in a section, e.g. `[T, C]` for given sizes."""
    shapes = {}
    for cells in doc_tables.rows(doc_tables.section(FILES, heading)):
        symbols = doc_tables.code(cells[1])[0].strip("[]").split(", ")
        shape = tuple(sizes.get(x) or int(x) for x in symbols if x)
        shapes |= dict.fromkeys(doc_tables.code(cells[0]), shape)
    return shapes


def shapes_in_the_file(path):
    with np.load(path) as file:
        return {name: file[name].shape for name in file.files}


def counts_of_two_classes(leading=(), **optional):
    fields = {name: np.ones((*leading, 2), np.int64) for name in ("true_positive", "predicted")}
    fields["actual"] = np.ones((*leading, 2), np.int64)
    causes = np.zeros((*leading, number_of_causes(0)), np.int64)
    totals = {"total": np.full(leading, 2), "invalid": np.zeros(leading, np.int64)}
    return Counts(**fields, **totals, invalid_by_cause=causes, **optional)


def test_the_page_of_files_has_every_array_of_counts(tmp_path):
    shapes = sample_averages.shapes(sample_averages.ratio_names([2.0]))
    kinds = [
        {"samples": {name: np.zeros(shape, np.int64) for name, shape in shapes.items()}},
        {"confusion": np.eye(2, dtype=np.int64), "class_total": np.full(2, 2)},
    ]
    saved = {}
    for optional in kinds:
        counts_of_two_classes(**optional).save(tmp_path / "counts.npz")
        saved |= shapes_in_the_file(tmp_path / "counts.npz")
        Counts.load(tmp_path / "counts.npz")
    assert shapes_on_the_page("## Counts", C=2, K=number_of_causes(0)) == saved


def test_the_page_of_files_has_every_array_of_a_sweep(tmp_path):
    counts = counts_of_two_classes((3,), samples={}, class_total=np.full((3, 2), 2))
    Sweep(np.array([0.25, 0.5, 0.75]), counts).save(tmp_path / "sweep.npz")
    Sweep.load(tmp_path / "sweep.npz")
    on_the_page = shapes_on_the_page("## Sweeps", C=2, T=3, K=number_of_causes(0))
    assert on_the_page == shapes_in_the_file(tmp_path / "sweep.npz")
    with pytest.raises(ValueError, match="holds no counts"):
        Counts.load(tmp_path / "sweep.npz")


def test_the_page_of_files_has_every_entry_of_scores_and_metrics():
    counts = counts_of_two_classes(confusion=np.eye(2, dtype=np.int64))
    sweep = Sweep(np.array([0.5, 1.0]), counts_of_two_classes((2,), samples={}))
    result = summary.Summary("title", "multiclass", ["no", "yes"], counts, sweep)
    named = doc_tables.names(doc_tables.section(FILES, "### scores.json"))
    entries = [{"scores": 0, "thresholds": 0}, *result.scores().values()]
    entries += result.thresholds().values()
    assert set(named) == set().union(*entries)
    scores = {"f1_macro": 1.0, **summary.values("multiclass", counts)}
    epoch = EpochResult(1, "train", 0.5, scores, counts, 1.0)
    row = set(training._metrics_row(epoch))
    on_the_page = set(doc_tables.names(doc_tables.section(FILES, "### metrics.jsonl")))
    assert on_the_page <= row
    assert row - on_the_page <= set(result.scores())


def test_the_page_of_files_has_every_entry_of_a_failure(tmp_path, monkeypatch):
    monkeypatch.setenv(bootstrap.ERROR_FILE, str(tmp_path / "failure.json"))
    bootstrap._record_failure("exit", "title", "text")
    text = doc_tables.section(FILES, "### Logs of workers")
    assert set(json.loads((tmp_path / "failure.json").read_text())) <= set(doc_tables.code(text))


def message_templates():
    """Return every text of the library, with `...` for values."""
    found = []
    for path in (doc_snippets.ROOT / "dist_f1").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            parts = node.values if isinstance(node, ast.JoinedStr) else [node]
            texts = [part.value if isinstance(part, ast.Constant) else "..." for part in parts]
            if any(isinstance(part, ast.Constant) for part in parts):
                found.append("".join(map(str, texts)))
    return found


def test_every_message_on_the_page_of_errors_is_one_of_the_library():
    text = (doc_snippets.ROOT / "docs/reference/errors.md").read_text(encoding="utf-8")
    text = text.partition("## Errors of TensorFlow and Keras")[0]
    quoted = [
        re.match(r'"((?:[^"\\]|\\")+)"', cells[0].replace("`", ""))[1]
        for cells in doc_tables.rows(text)
    ]
    templates = message_templates()
    unknown = [
        message
        for message in (one.replace('\\"', '"') for one in quoted)
        if not any(message.removesuffix("...") in template for template in templates)
    ]
    assert len(quoted) > 40
    assert unknown == []


def test_the_page_of_commands_has_every_variable_of_the_library():
    sources = (doc_snippets.ROOT / "dist_f1").rglob("*.py")
    code = "\n".join(path.read_text(encoding="utf-8") for path in sources)
    variables = set(re.findall(r"\bDIST_F1_[A-Z_]+", code))
    variables |= set(re.findall(r"""environ(?:\.get\(|\[)["']([A-Za-z_]+)["']""", code))
    text = doc_tables.section(COMMANDS, "## Environment variables")
    named = set(doc_tables.names(text))
    assert {x for x in variables if not x.startswith("SLURM_")} <= named
    own = {x for x in named if x.startswith("DIST_F1_")}
    assert own <= variables
