"""`dist-f1 train --hosts` on hosts with their own addresses, compared with one machine."""

import itertools
import time

import pytest
from commands import run_cli
from disturbed_jobs import SETTINGS, check_rows, differences
from hosts import hosts
from launched_hosts import Launchers
from tiers import slow

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    """Return the run directory of a job with some workers on this machine."""
    made = {}

    def run(workers, epochs):
        if (workers, epochs) not in made:
            run_dir = tmp_path_factory.mktemp("reference") / "run"
            ended = run_cli("train", *options(run_dir, epochs), f"--workers={workers}")
            assert ended.returncode == 0, ended.stdout + ended.stderr
            made[workers, epochs] = run_dir
        return made[workers, epochs]

    return run


def options(run_dir, epochs):
    return (*SETTINGS, f"--run_dir={run_dir}", f"--config.epochs={epochs}")


def start(tmp_path, cluster, *flags, epochs=2, workers=1):
    command = ("train", *options(tmp_path / "run", epochs), f"--workers={workers}")
    flags = ("--host_timeout=8", "--start_timeout=60", *flags)
    return Launchers(tmp_path / "out", command, hosts=cluster.hosts, options=flags)


@pytest.mark.parametrize(
    ("count", "workers", "link"),
    [
        (2, 1, {}),
        slow(2, 2, {}),
        slow(3, 1, {}),
        slow(2, 1, {"delay": 0.2, "loss": 0.01}),
    ],
)
def test_hosts_have_the_integers_of_one_machine(tmp_path, reference, count, workers, link):
    epochs = 1 if link else 2
    with hosts(count) as cluster:
        cluster.set_link(**link)
        with start(tmp_path, cluster, epochs=epochs, workers=workers) as job:
            assert job.wait(600.0) == [0] * count, job.outputs()
    assert differences(reference(count * workers, epochs), tmp_path / "run") == []


@pytest.mark.parametrize(
    ("fault", "victim"),
    [
        ("cut", 1),
        *(slow(*case) for case in itertools.product(["kill", "power"], [0, 1])),
        slow("cut", 0),
    ],
)
def test_all_hosts_restart_together_after_the_fault_of_one(tmp_path, reference, fault, victim):
    with hosts(2) as cluster, start(tmp_path, cluster, epochs=3) as job:
        job.wait_for(0, "validation: loss")
        host = cluster.hosts[victim]
        if fault == "cut":
            host.cut()
            time.sleep(12.0)
            host.mend()
        elif fault == "power":
            host.power_off()
            host.power_on()
            job.start(victim)
        else:
            host.kill_all()
            job.start(victim)
        assert job.wait(150.0) == [0, 0], job.outputs()
        assert "start 2 on" in job.output(1 - victim)
    assert differences(reference(2, 3), tmp_path / "run") == []


@pytest.mark.exhaustive
def test_an_elastic_job_continues_without_a_host_and_takes_it_back(tmp_path):
    epochs = 40
    flags = ("--min_hosts=1", "--start_timeout=5")
    with hosts(2) as cluster, start(tmp_path, cluster, *flags, epochs=epochs) as job:
        job.wait_for(0, "validation: loss")
        cluster.hosts[0].power_off()
        job.wait_for(1, "without host 0 (a)")
        job.wait_for(1, "validation: loss", count=2)
        cluster.hosts[0].power_on()
        job.start(0)
        job.wait_for(1, "host 0 (a) joins the job; starting again from the last checkpoint")
        job.wait_for(0, "start 3 on host 1 (b), host 0 (a)")
        assert job.wait(280.0) == [0, 0], job.outputs()
    check_rows(tmp_path / "run", epochs)


@pytest.mark.exhaustive
def test_a_divided_network_never_has_two_jobs_in_one_directory(tmp_path):
    epochs = 40
    flags = ("--min_hosts=1", "--start_timeout=4")
    with hosts(2) as cluster, start(tmp_path, cluster, *flags, epochs=epochs) as job:
        job.wait_for(0, "validation: loss")
        cluster.cut(*cluster.hosts)
        time.sleep(20.0)
        is_waiting = ["is in use by process" in job.output(host) for host in (0, 1)]
        assert sorted(is_waiting) == [False, True], job.outputs()
        cluster.mend(*cluster.hosts)
        assert job.wait(280.0) == [0, 0], job.outputs()
    check_rows(tmp_path / "run", epochs)
