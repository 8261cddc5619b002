"""The code in the README and in the guide runs, and the table in the README is what it says."""

import pathlib
import re
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[1]
FOUR_REPLICAS = f"""
import sys
import tensorflow as tf
sys.path.append({str(ROOT / "tests")!r})
import autotuning
autotuning.switch_off()
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 4
)
"""


@pytest.mark.parametrize("page", ["README.md", "docs/guide.md"])
def test_code_on_the_page_runs_on_four_replicas(page, tmp_path):
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)
    assert blocks
    script = tmp_path / "page.py"
    # tf.function reads the source of what it compiles, so the code must be in a file.
    script.write_text("\n".join([FOUR_REPLICAS, *blocks]))
    result = subprocess.run(
        [sys.executable, script], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr


def test_the_table_of_batch_logs_is_what_the_script_prints():
    script = ROOT / "docs" / "per_batch_logs.py"
    result = subprocess.run([sys.executable, script], capture_output=True, text=True, check=True)
    printed = [[float(cell) for cell in line.split()] for line in result.stdout.splitlines()[1:]]
    table = re.findall(r"^\| (\d+) \| (.*?) \| (.*?) \| (.*?) \|$", _readme(), re.MULTILINE)
    quoted = [[float(cell) for cell in row] for row in table]
    assert len(quoted) == 6
    for ours, row in zip(printed, quoted, strict=True):
        assert ours == pytest.approx(row, abs=2e-4)
        assert ours[2] == ours[3]
        assert ours[1] != ours[3]


def _readme():
    return (ROOT / "README.md").read_text()
