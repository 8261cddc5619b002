"""Runs the code blocks of the documentation."""

import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).parents[2]
FOUR_REPLICAS = f"""
import sys
import tensorflow as tf
sys.path.append({str(ROOT / "tests" / "support")!r})
import autotuning
autotuning.switch_off()
tf.config.set_logical_device_configuration(
    tf.config.list_physical_devices("CPU")[0], [tf.config.LogicalDeviceConfiguration()] * 4
)
"""


def blocks_of(page):
    """Return the Python blocks of a page."""
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)
    assert blocks
    return blocks


def pages_with_code():
    """Return all pages with Python blocks, e.g. `"docs/how_to/binary.md"`."""
    paths = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
    return [
        path.relative_to(ROOT).as_posix()
        for path in paths
        if "```python\n" in path.read_text(encoding="utf-8")
    ]


def run(directory, *blocks):
    """Run the code in a process; return its output."""
    script = directory / "page.py"
    # AutoGraph reads the source, so the code must be in a file.
    script.write_text("\n".join(blocks))
    completed = subprocess.run(
        [sys.executable, script], cwd=directory, capture_output=True, text=True, check=False
    )
    assert completed.returncode == 0, completed.stderr[-5000:]
    return completed.stdout
