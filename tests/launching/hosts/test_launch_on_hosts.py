"""`dist-f1 launch --hosts` with a real launcher for each of several hosts on this machine."""

import os
import signal
import socket
import time

import pytest
from commands import is_running, run_cli_without_tensorflow
from launched_hosts import Launchers
from launched_scripts import write_script


@pytest.fixture
def launch(tmp_path):
    """Start launchers of the text of a script, which end with the test."""
    started = []

    def start(text, *options, count=2, workers=2, arguments=()):
        script = write_script(tmp_path, text)
        command = ("launch", f"--workers={workers}", f"--log_dir={tmp_path / 'logs'}")
        options = ("--host_timeout=5", *options)
        arguments = (script, "--", *arguments)
        job = Launchers(tmp_path / "out", command, arguments, count=count, options=options)
        started.append(job)
        return job

    yield start
    for job in started:
        job.__exit__()


def test_each_host_runs_its_workers_of_one_cluster(launch, tmp_path):
    job = launch('print("workers", json.dumps(config["cluster"]["worker"]))', count=3)
    assert job.wait() == [0, 0, 0], job.outputs()
    ports = [int(name.rpartition(":")[2]) for name in job.names]
    addresses = [f"127.0.0.1:{port + index}" for port in ports for index in (1, 2)]
    for host in range(3):
        for index in (2 * host, 2 * host + 1):
            line = f"[worker {index}] workers {addresses}".replace("'", '"')
            assert line in job.output(host)
            log = tmp_path / "logs" / f"host-{host}" / "start-0" / f"worker-{index}.log"
            assert "workers" in log.read_text()


def test_all_hosts_show_the_first_cause_restart_together_and_exit_with_its_code(launch, tmp_path):
    job = launch(
        """
        if index == 2:
            time.sleep(1)
            sys.exit(7) if len(os.listdir(sys.argv[1])) > 1 else 1 / 0
        time.sleep(100)
        """,
        "--max_restarts=1",
        arguments=[tmp_path / "logs" / "host-1"],
    )
    # The second failure ends the job.
    job.wait_for(0, "start 2 on host 0")
    for host in (0, 1):
        job.wait_for(host, "ZeroDivisionError: division by zero")
        job.wait_for(host, "worker 2 of host 1 (127.0.0.1) failed first.")
        job.wait_for(host, "restart 1 of 1, start 2 on host 0 (127.0.0.1), host 1 (127.0.0.1)")
    assert job.wait(30.0) == [7, 7], job.outputs()


@pytest.mark.slow
def test_a_program_that_exits_with_a_message_ends_all_hosts(launch):
    job = launch('sys.exit("no data") if index == 3 else time.sleep(100)', "--max_restarts=5")
    assert job.wait(30.0) == [1, 1], job.outputs()
    for host in (0, 1):
        assert "no data" in job.output(host)
        assert "start 2" not in job.output(host)


@pytest.mark.slow
def test_a_worker_that_leaves_is_the_cause_also_of_failures_on_other_hosts(launch):
    job = launch(
        """
        class UnavailableError(Exception): pass
        if index == 3:
            sys.exit(0)
        time.sleep(2)
        if index == 0:
            raise UnavailableError("Socket closed")
        time.sleep(100)
        """
    )
    assert job.wait(30.0) == [1, 1], job.outputs()
    for host in (0, 1):
        assert "worker 3 exited with code 0 while the others still needed it" in job.output(host)


@pytest.mark.slow
def test_a_host_that_does_not_come_is_named(launch):
    job = launch("time.sleep(100)", "--start_timeout=3", count=3)
    job.processes[1].kill()
    codes = job.wait(30.0)
    assert (codes[0], codes[2]) == (1, 1), job.outputs()
    for host in (0, 2):
        assert "host 1 (127.0.0.1)" in job.output(host)


@pytest.mark.slow
def test_a_host_with_other_options_is_named(launch, tmp_path):
    job = launch("time.sleep(100)")
    job.processes[1].kill()
    job.processes[1].wait()
    other = run_cli_without_tensorflow(
        *("launch", "--workers=3", f"--hosts={','.join(job.names)}", "--host_index=1"),
        *(f"--log_dir={tmp_path / 'other'}", tmp_path / "script.py"),
    )
    assert other.returncode == 1
    assert "host 0 (127.0.0.1) has --workers=2, but this host has 3" in other.stderr
    assert job.processes[0].wait(20.0) == 1
    assert "host 1 (127.0.0.1) has --workers=3, but this host has 2" in job.output(0)


@pytest.mark.slow
def test_a_killed_launcher_takes_its_processes_along_and_is_taken_back(launch, tmp_path):
    job = launch(
        """
        child = subprocess.Popen(["sleep", "1000"])
        print("child", child.pid, flush=True)
        time.sleep(3 if len(os.listdir(sys.argv[1])) > 1 else 1000)
        child.kill()
        """,
        "--max_restarts=3",
        workers=1,
        arguments=[tmp_path / "logs" / "host-0"],
    )
    job.wait_for(1, "child")
    job.wait_for(0, "child")
    child = int(job.output(1).partition("child ")[2].split()[0])
    job.processes[1].send_signal(signal.SIGKILL)
    job.processes[1].wait()
    end = time.monotonic() + 10.0
    while is_running(child):
        assert time.monotonic() < end
        time.sleep(0.05)
    job.wait_for(0, "host 1 (127.0.0.1) runs no launcher any more")
    job.start(1)
    assert job.wait(60.0) == [0, 0], job.outputs()
    assert "restart 1 of 3, start 2" in job.output(0)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_to_one_launcher_ends_all_with_its_code(launch, number):
    job = launch('print("ready", flush=True); time.sleep(100)')
    for host in (0, 1):
        job.wait_for(host, "ready", count=2)
    job.processes[1].send_signal(number)
    assert job.wait(30.0) == [128 + number] * 2, job.outputs()
    assert f"host 1 (127.0.0.1) was stopped by {number.name}" in job.output(0)


@pytest.mark.slow
def test_an_elastic_job_goes_on_with_fewer_hosts_and_takes_a_host_back(launch):
    job = launch(
        """
        import signal
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        print("has", len(config["cluster"]["worker"]), "workers", flush=True)
        time.sleep(1000 if not os.path.exists(sys.argv[1]) else 1)
        """,
        "--min_hosts=1",
        "--start_timeout=4",
        "--max_restarts=3",
        arguments=["end"],
    )
    job.wait_for(1, "has 4 workers", count=2)
    job.processes[0].send_signal(signal.SIGKILL)
    job.processes[0].wait()
    job.wait_for(1, "has 2 workers", count=2)
    assert "without host 0 (127.0.0.1)" in job.output(1)
    job.start(0)
    job.wait_for(1, "host 0 (127.0.0.1) joins the job; starting again from the last checkpoint")
    job.wait_for(1, "has 4 workers", count=4)


def test_statuses_are_served_to_readers_that_misbehave(launch):
    job = launch("time.sleep(100)", workers=1)
    job.wait_for(0, "start 1")
    port = int(job.names[0].rpartition(":")[2])
    for request in (b"", b"GET", b"\0" * 10_000, b"POST / HTTP/1.1\r\n\r\n", os.urandom(1000)):
        with socket.create_connection(("127.0.0.1", port)) as one:
            one.sendall(request)
    time.sleep(1.0)
    assert "Traceback" not in job.output(0)
    assert job.processes[0].poll() is None
