"""Messages of the start appear only if the start fails, crashes included."""

import os
import subprocess
import sys

import pytest

CODE = """
import os
from dist_f1.commands.startup_messages import held_messages
os.write(2, b"before\\n")
with held_messages():
    os.write(2, b"start\\n" * {times})
    {action}
os.write(2, b"after\\n")
"""


def run(action, times=1, **variables):
    environment = {k: v for k, v in os.environ.items() if k != "TF_CPP_MIN_LOG_LEVEL"}
    code = CODE.format(times=times, action=action)
    return subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        env={**environment, **variables},
        timeout=60,
    )


def test_a_start_that_succeeds_shows_no_message():
    # More than a pipe holds.
    assert run("pass", times=50_000).stderr == "before\nafter\n"


@pytest.mark.parametrize("action", ["raise ValueError", "os.abort()", "os.kill(os.getpid(), 9)"])
def test_a_start_that_fails_shows_its_messages(action):
    result = run(action, times=3)
    assert result.returncode != 0
    assert result.stderr.startswith("before\nstart\nstart\nstart\n")
    assert "after" not in result.stderr


def test_a_level_chosen_by_the_user_shows_messages_at_once():
    assert run("pass", TF_CPP_MIN_LOG_LEVEL="0").stderr == "before\nstart\nafter\n"
