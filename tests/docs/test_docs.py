"""The code blocks of the documentation run, and the table of batch logs is correct."""

import re
import subprocess
import sys

import doc_snippets
import pytest
from forking import run_forked

# Each page trains or evaluates in its own process.
pytestmark = pytest.mark.slow

ROOT = doc_snippets.ROOT
# These pages need another environment, or a look at their output.
TESTED_IN = {
    "docs/estimator.md": "tests/compat/test_docs.py",
    "docs/from_estimator.md": "tests/compat/test_docs.py",
    "docs/tpu.md": "tests/docs/test_docs.py",
    "docs/trackers.md": "tests/trackers/test_page.py",
}
PAGES = [page for page in doc_snippets.pages_with_code() if page not in TESTED_IN]


@pytest.mark.distinct
@pytest.mark.parametrize("page", PAGES)
def test_code_on_the_page_runs_on_four_replicas(page, tmp_path):
    script = ROOT / "tests" / "support" / "run_page.py"
    finished = run_forked(script, ROOT / page, cwd=tmp_path)
    assert finished.returncode == 0, f"{page}: {finished.stderr[-5000:]}"


def test_every_other_page_with_code_has_a_test_of_its_own():
    for page, test in TESTED_IN.items():
        assert f'blocks_of("{page}")' in (ROOT / test).read_text(encoding="utf-8")


def test_code_on_the_page_about_tpus_runs_on_emulated_cores(tmp_path):
    printed = doc_snippets.run(
        tmp_path, doc_snippets.FOUR_REPLICAS, *doc_snippets.blocks_of("docs/tpu.md")
    )
    assert "1000 rows" in printed
    assert " 0 findings" in printed


def test_the_table_of_batch_logs_is_the_output_of_the_script():
    script = ROOT / "docs" / "per_batch_logs.py"
    result = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    printed = [[float(cell) for cell in line.split()] for line in result.stdout.splitlines()[1:]]
    page = (ROOT / "docs" / "why.md").read_text()
    table = re.findall(r"^\| (\d+) \| (.*?) \| (.*?) \| (.*?) \|$", page, re.MULTILINE)
    quoted = [[float(cell) for cell in row] for row in table]
    assert len(quoted) == 6
    for ours, row in zip(printed, quoted, strict=True):
        assert ours == pytest.approx(row, abs=2e-4)
        assert ours[2] == ours[3]
        assert ours[1] != ours[3]
