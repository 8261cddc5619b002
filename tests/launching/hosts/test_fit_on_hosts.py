"""`dist-f1 launch --hosts` of a script with Keras `fit`, compared with workers on one machine."""

import re

import pytest
import tensorflow as tf
from commands import run_cli
from hosts import hosts
from launched_hosts import Launchers
from tiers import slow

SCRIPT = "tests/launching/scripts/fit.py"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(tf.keras, "ops"), reason="the script repairs Keras 3"),
]


def results(output):
    """Return the lines that each worker has printed about its counts and scores."""
    lines = re.findall(r"\[worker \d+\] ((?:epoch \d+: f1|rows|integers) .*)", output)
    return sorted(lines)


@pytest.mark.parametrize("count", [2, slow(3)])
def test_fit_on_hosts_has_the_integers_of_one_machine(tmp_path, count):
    options = ("--host_timeout=10", f"--log_dir={tmp_path / 'logs'}")
    arguments = (SCRIPT, "--", "--repair")
    with (
        hosts(count) as cluster,
        Launchers(
            tmp_path / "out",
            ("launch", "--workers=1"),
            arguments,
            hosts=cluster.hosts,
            options=options,
        ) as job,
    ):
        assert job.wait(200.0) == [0] * count, job.outputs()
    one_machine = run_cli(
        "launch", f"--workers={count}", f"--log_dir={tmp_path / 'one'}", *arguments
    )
    assert one_machine.returncode == 0, one_machine.stderr
    expected = results(one_machine.stdout)
    # Two epochs, the rows, and the integers of each worker.
    assert len(expected) == 4 * count
    assert len(set(expected)) == 4
    assert sorted(line for index in range(count) for line in results(job.output(index))) == expected
