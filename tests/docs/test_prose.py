"""`python -m prose` finds what breaks its rules, and nothing in code."""

import os
import subprocess
import sys

import doc_snippets
import pytest
from prose.checks import CONFIG, check_text

RULES = CONFIG["rules"]
ANYWHERE = [name for name, rule in RULES.items() if rule.get("kinds") != ["summary"]]
WORDS = [f"word{i}" for i in range(CONFIG["limits"]["sentence"] + 1)]


def rules_broken_in(path, source):
    return {finding.rule for finding in check_text(path, source)}


def docstring_with(text):
    return f'def count(rows):\n    """Count rows.\n\n    {text}\n    """\n'


@pytest.mark.parametrize("name", ANYWHERE)
def test_each_rule_finds_its_bad_example_on_pages_and_in_docstrings(name):
    bad, good = RULES[name]["bad"], RULES[name]["good"]
    assert name in rules_broken_in("page.md", f"# Title\n\nRows are counted.\n{bad}\n")
    assert name not in rules_broken_in("page.md", f"# Title\n\n{good}\n")
    assert name in rules_broken_in("module.py", docstring_with(bad))
    assert name not in rules_broken_in("module.py", docstring_with(good))


@pytest.mark.parametrize("name", [name for name, rule in RULES.items() if "words" in rule])
def test_each_word_is_in_the_bad_example(name):
    rule = RULES[name]
    found = {x.message for x in check_text("page.md", f"{rule['bad']}\n") if x.rule == name}
    for replacement in rule["words"].values():
        assert any(replacement in message for message in found), replacement


def test_a_docstring_starts_with_a_verb_unless_it_is_that_of_a_class_or_property():
    bad, good = RULES["imperative"]["bad"], RULES["imperative"]["good"]
    assert rules_broken_in("module.py", f'def rows():\n    """{bad}"""\n') == {"imperative"}
    assert not rules_broken_in("module.py", f'def rows():\n    """{good}"""\n')
    assert not rules_broken_in("module.py", f'@property\ndef rows():\n    """{bad}"""\n')
    assert not rules_broken_in("module.py", f'class Rows:\n    """{bad}"""\n')


@pytest.mark.parametrize(
    "text",
    [
        "1. Read the the counts.",
        "| column |\n|---|\n| Read the the counts. |",
        "Read\n**the** the counts.",
        "```{note}\nRead the the counts.\n```",
        "[Read the the counts.](page.md)",
    ],
)
def test_text_is_checked_in_every_block_of_a_page(text):
    assert rules_broken_in("page.md", text) == {"doubled-word"}


@pytest.mark.parametrize(
    "text",
    [
        "```python\ndata set = the the color\n```",
        "    data set = the the color",
        "Pass `color` and ``the the``.",
        "Read [the page](https://example.org/data_color), or https://example.org/the-color.",
        "| `color` |\n|---|\n| `the the` |",
    ],
)
def test_code_and_addresses_are_not_checked(text):
    assert not rules_broken_in("page.md", f"# Title\n\n{text}\n")


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ('"""Count rows.\n\nArgs:\n    rows: Rows of the\n        the batch.\n"""\n', 4),
        ('"""Count rows.\n\nThese are counted:\n\n- rows\n- rows of the the batch\n"""\n', 6),
        ("# Rows of\n# the the batch are counted.\n", 2),
        ('value = 1\nraise ValueError(f"{value} is not the the size.")\n', 2),
    ],
)
def test_findings_in_python_name_the_line(source, line):
    assert [(found.rule, found.line) for found in check_text("module.py", source)] == [
        ("doubled-word", line)
    ]


def test_a_sentence_may_start_with_the_title_of_a_page():
    assert not rules_broken_in("page.md", "Counting is fast. [What it costs](page.md) has figures.")
    assert rules_broken_in("page.md", "Counting is fast. What it costs is small.") == {
        "opening-what"
    }


def test_examples_and_indented_code_of_docstrings_are_not_checked():
    source = '"""Count.\n\n    the the color\n\nExample:\n    >>> the.the()\n    the the\n"""\n'
    assert not rules_broken_in("module.py", source)


def test_a_long_sentence_is_found_and_a_semicolon_may_split_it():
    long, split = "\n".join(WORDS), "\n".join([f"{WORDS[0]};", *WORDS[1:]])
    assert rules_broken_in("page.md", f"{long}.") == {"long-sentence"}
    assert rules_broken_in("module.py", f'"""{long}."""\n') == {"long-sentence"}
    assert not rules_broken_in("page.md", f"{split}.")
    assert not rules_broken_in("page.md", "A short sentence, e.g. this one.\n" * 20)


def test_a_long_line_is_found_unless_it_cannot_be_broken():
    line = "word. " * 30
    assert "long-line" in rules_broken_in("page.md", f"Text: {line}")
    assert not rules_broken_in("page.md", f"| a |\n|---|\n| {line}|\n\n```\n{line}\n```\n")


def test_a_comment_allows_an_exception_for_one_rule_and_one_passage():
    allowed = "<!-- prose: allow doubled-word -->\nThe the color.\n\nThe the rows.\n"
    assert [(found.rule, found.line) for found in check_text("page.md", allowed)] == [
        ("american", 2),
        ("doubled-word", 4),
    ]
    source = '"""The the color."""\n# prose: allow doubled-word, american\n'
    assert not rules_broken_in("module.py", source)


def test_the_command_fails_with_the_lines_of_a_page_and_of_a_docstring(tmp_path):
    (tmp_path / "docs").mkdir()
    (tmp_path / "dist_f1").mkdir()
    (tmp_path / "docs" / "page.md").write_text("# Title\n\nRead the the counts.\n")
    (tmp_path / "dist_f1" / "module.py").write_text(docstring_with("Read the the counts."))
    environment = {**os.environ, "PYTHONPATH": str(doc_snippets.ROOT / "tests")}

    def run():
        return subprocess.run(
            [sys.executable, "-m", "prose"],
            capture_output=True,
            check=False,
            cwd=tmp_path,
            env=environment,
            text=True,
        )

    failed = run()
    assert failed.returncode == 1
    lines = failed.stdout.splitlines()
    assert lines[0].startswith("docs/page.md:3: doubled-word: ")
    assert lines[1].startswith("dist_f1/module.py:4: doubled-word: ")
    assert lines[2:] == ["2 files, 2 findings"]
    (tmp_path / "docs" / "page.md").write_text("# Title\n\nRead the counts.\n")
    (tmp_path / "dist_f1" / "module.py").write_text(docstring_with("Read the counts."))
    assert run().returncode == 0
