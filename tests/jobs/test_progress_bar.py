"""Loss and F1 stay visible on any terminal, and a file gets one line for each pass."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios

import pytest

CODE = """
from dist_f1.jobs.progress_bar import ProgressBar
with ProgressBar("epoch 20/20", 100, 0, True) as bar:
    for step in range(100):
        bar.advance()
        bar.show({"loss": 1 / (step + 1), "f1_macro": step / 100})
"""


def output_in_terminal(columns):
    """Return what a terminal of this width receives on standard error."""
    terminal, process_end = pty.openpty()
    size = struct.pack("HHHH", 24, columns, 0, 0)
    fcntl.ioctl(process_end, termios.TIOCSWINSZ, size)
    variables = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    process = subprocess.Popen(
        [sys.executable, "-c", CODE], stderr=process_end, env=variables, stdin=process_end
    )
    os.close(process_end)
    text = b""
    try:
        while block := os.read(terminal, 4096):
            text += block
    except OSError:
        # Linux reports the end of the other side as an error.
        pass
    os.close(terminal)
    assert process.wait(60) == 0
    return text.decode()


@pytest.mark.parametrize("columns", [32, 60, 120])
def test_a_terminal_shows_loss_and_f1_in_one_line(columns):
    last = re.split(r"[\r\n]+", output_in_terminal(columns).strip())[-1]
    assert last.startswith("loss 0.0100, f1_macro 0.9900")
    assert len(last) <= columns


def test_a_file_gets_one_line():
    result = subprocess.run(
        [sys.executable, "-c", CODE], capture_output=True, text=True, check=True, timeout=120
    )
    assert result.stderr == "epoch 20/20: loss 0.0100, f1_macro 0.9900, 100 steps\n"


def test_an_interrupted_pass_says_so():
    code = CODE.replace("range(100):", "range(100):\n        if step == 3: raise SystemExit(5)")
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 5
    assert result.stderr == "epoch 20/20: loss 0.3333, f1_macro 0.0200, 3 steps, interrupted\n"


def test_a_worker_uses_the_terminal_of_its_launcher():
    result = subprocess.run(
        [sys.executable, "-c", CODE],
        capture_output=True,
        text=True,
        env={**os.environ, "DIST_F1_COLUMNS": "60"},
        timeout=120,
    )
    # Python reads each carriage return as the end of a line.
    last = result.stderr.splitlines()[-1]
    assert last.startswith("loss 0.0100, f1_macro 0.9900  epoch 20/20 100/100")
    assert len(last) <= 60
