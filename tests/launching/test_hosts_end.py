"""Nothing is left of hosts made of namespaces, and machines without namespaces are named."""

import os
import pathlib
import signal
import subprocess
import sys
import time

import hosts as hosts_module
import pytest
from commands import is_running
from hosts import hosts

PATIENCE = 60.0
SUPPORT = pathlib.Path(hosts_module.__file__).parent
PROGRAM = """
import subprocess, time
from hosts import hosts
with hosts(2) as cluster:
    for host in cluster.hosts:
        command = ["sh", "-c", "setsid sleep 1000 & echo; sleep 1000"]
        host.start(command, stdout=subprocess.PIPE).stdout.readline()
    print("ready", flush=True)
    time.sleep(1000)
"""


def descendants(pid):
    """Return the ids of all processes below a process.

    They include the orphans of a host, which are below its first process.
    """
    parents = {}
    for folder in pathlib.Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                stat = (folder / "stat").read_text().rpartition(")")[2].split()
            except OSError:
                continue
            parents.setdefault(int(stat[1]), []).append(int(folder.name))
    found, todo = [], [pid]
    while todo:
        children = parents.get(todo.pop(), [])
        found += children
        todo += children
    return found


def namespaces(ids):
    """Return the namespaces of processes, but those of this process."""

    def of(pid):
        return {os.readlink(f"/proc/{pid}/ns/{kind}") for kind in ("net", "pid", "mnt", "uts")}

    return set().union(*map(of, ids)) - of("self")


def references(names):
    """Return which of these namespaces still have a process, an open file or a mount."""
    found = set()
    for folder in pathlib.Path("/proc").iterdir():
        if folder.name.isdigit():
            for link in [*folder.glob("ns/*"), *folder.glob("fd/*")]:
                try:
                    found.add(os.readlink(link))
                except OSError:
                    continue
    mounts = pathlib.Path("/proc/self/mountinfo").read_text()
    return {name for name in names if name in found or name in mounts}


def wait_until(condition):
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.parametrize("error", [None, KeyError, KeyboardInterrupt])
def test_nothing_is_left_after_the_block(error):
    files = set(os.listdir("/proc/self/fd"))
    before = set(descendants(os.getpid()))
    try:
        with hosts(2) as cluster:
            for host in cluster.hosts:
                host.start(["sh", "-c", "sleep 1000 & setsid sleep 1000 & sleep 1000"])
            cluster.hosts[0].stop_all()
            ids = set(descendants(os.getpid())) - before
            made = namespaces(ids)
            # A relay; two programs, a first process and a starter for each host.
            assert len(ids) >= 9
            assert len(made) == 8
            if error:
                raise error
    except (KeyError, KeyboardInterrupt):
        pass
    assert not any(map(is_running, ids))
    assert not references(made)
    assert set(os.listdir("/proc/self/fd")) == files


def test_nothing_is_left_when_the_test_process_is_killed():
    with hosts(1):
        pass
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        env={**os.environ, "PYTHONPATH": str(SUPPORT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        assert process.stdout.readline() == "ready\n"
        ids = descendants(process.pid)
        made = namespaces(ids)
        assert len(ids) >= 11
        assert len(made) == 8
        process.send_signal(signal.SIGKILL)
        wait_until(lambda: not any(map(is_running, ids)))
        wait_until(lambda: not references(made))


def test_a_machine_without_namespaces_skips_with_the_reason(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("DIST_F1_REQUIRE_HOSTS", raising=False)
    reason = hosts_module.why_unavailable.__wrapped__()
    assert "unshare" in reason
    monkeypatch.setattr(hosts_module, "why_unavailable", lambda: reason)
    with pytest.raises(pytest.skip.Exception, match="unshare"), hosts(2):
        pass
    monkeypatch.setenv("DIST_F1_REQUIRE_HOSTS", "1")
    with pytest.raises(pytest.fail.Exception, match="unshare"), hosts(2):
        pass


def test_the_reason_is_the_error_of_the_system(monkeypatch, tmp_path):
    with hosts(1):
        pass
    unshare = tmp_path / "unshare"
    unshare.write_text(
        "#!/bin/sh\necho 'unshare: unshare failed: Operation not permitted' >&2\nexit 1\n"
    )
    unshare.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    before = set(descendants(os.getpid()))
    assert "Operation not permitted" in hosts_module.why_unavailable.__wrapped__()
    assert set(descendants(os.getpid())) == before


def test_the_program_of_a_host_changes_nothing_on_this_machine(monkeypatch, tmp_path):
    with hosts(1):
        pass
    unshare = tmp_path / "unshare"
    # Drop the flags of `unshare`: the program runs in the namespaces of this process.
    unshare.write_text('#!/bin/sh\nwhile [ "${1#--}" != "$1" ]; do shift; done\nexec "$@"\n')
    unshare.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    before = pathlib.Path("/proc/sys/kernel/hostname").read_text()
    assert "not separate" in hosts_module.why_unavailable.__wrapped__()
    assert pathlib.Path("/proc/sys/kernel/hostname").read_text() == before
