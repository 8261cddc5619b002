"""Runs the code that stands on the pages of the documentation."""

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
    blocks = re.findall(r"```python\n(.*?)```", (ROOT / page).read_text(), re.DOTALL)
    assert blocks
    return blocks


def run(directory, *blocks):
    """What the code prints."""
    script = directory / "page.py"
    # TensorFlow reads the source of what it compiles, so the code must be in a file.
    script.write_text("\n".join(blocks))
    ended = subprocess.run(
        [sys.executable, script], cwd=directory, capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr[-5000:]
    return ended.stdout
