"""The code blocks of the documentation run, and the table of batch logs is correct."""

import re
import subprocess
import sys

import doc_snippets
import pytest

# Each page trains or evaluates in its own process.
pytestmark = pytest.mark.slow


TUTORIALS = sorted((doc_snippets.ROOT / "docs" / "tutorials").glob("*.md"))
PAGES = [
    *("README.md", "docs/guide.md", "docs/benchmarks.md", "docs/keras_fit.md"),
    "docs/moving_over.md",
    *(str(page.relative_to(doc_snippets.ROOT)) for page in TUTORIALS),
]


@pytest.mark.parametrize("page", PAGES)
def test_code_on_the_page_runs_on_four_replicas(page, tmp_path):
    doc_snippets.run(tmp_path, doc_snippets.FOUR_REPLICAS, *doc_snippets.blocks_of(page))


def test_code_on_the_page_about_tpus_runs_on_emulated_cores(tmp_path):
    printed = doc_snippets.run(
        tmp_path, doc_snippets.FOUR_REPLICAS, *doc_snippets.blocks_of("docs/tpu.md")
    )
    assert "1000 rows" in printed
    assert " 0 findings" in printed


def test_the_table_of_batch_logs_is_the_output_of_the_script():
    script = doc_snippets.ROOT / "docs" / "per_batch_logs.py"
    result = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    printed = [[float(cell) for cell in line.split()] for line in result.stdout.splitlines()[1:]]
    page = (doc_snippets.ROOT / "docs" / "why.md").read_text()
    table = re.findall(r"^\| (\d+) \| (.*?) \| (.*?) \| (.*?) \|$", page, re.MULTILINE)
    quoted = [[float(cell) for cell in row] for row in table]
    assert len(quoted) == 6
    for ours, row in zip(printed, quoted, strict=True):
        assert ours == pytest.approx(row, abs=2e-4)
        assert ours[2] == ours[3]
        assert ours[1] != ours[3]
