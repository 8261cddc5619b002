"""Hosts made of namespaces: separate, connected, and gone when they should be."""

import os
import pathlib
import signal
import socket
import subprocess
import sys
import threading
import time

import pytest
from commands import is_running
from host_connections import PATIENCE, connect, connected, listen, receive, round_trip
from hosts import HostError, hosts

DAEMON = """
import os, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        print("ready", flush=True)
        time.sleep(1000)
    os._exit(0)
os.wait()
time.sleep(1000)
"""


@pytest.fixture
def cluster():
    with hosts(3) as made:
        yield made


def run(host, *command, **options):
    process = host.start(command, stdout=subprocess.PIPE, text=True, **options)
    output, _ = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, output
    return output


def run_python(host, code, **options):
    return run(host, sys.executable, "-c", code, **options)


def wait_until(condition):
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def test_each_host_has_its_own_name_address_and_process_ids(cluster, tmp_path):
    code = """
import os, pathlib, socket, sys
names = [socket.gethostbyname(name) for name in ("a", "b", "c", "localhost")]
pathlib.Path(socket.gethostname()).write_text(" ".join([*names, str(os.getpid())]))
assert os.readlink("/proc/self") == str(os.getpid())
"""
    addresses = [host.address for host in cluster.hosts]
    assert len(set(addresses)) == 3
    ids = set()
    for host in cluster.hosts:
        run_python(host, code, cwd=tmp_path)
        # File systems are shared.
        *names, pid = (tmp_path / host.name).read_text().split()
        assert names == [*addresses, "127.0.0.1"]
        ids.add(pid)
    assert len(ids) == 1


def test_hosts_connect_by_address(cluster):
    a, b, _ = cluster.hosts
    with connected(a, b) as (client, server):
        assert server.getpeername()[0] == a.address
        client.sendall(b"x" * 100_000)
        assert receive(server, 100_000) == b"x" * 100_000
    packets = cluster.counters()
    assert packets["a", "b"].delivered > 100_000 // 9000
    assert packets["a", "c"].delivered == 0
    assert not any(path.lost or path.cut for path in packets.values())


def test_a_host_reaches_no_loopback_address_but_its_own(cluster):
    a, b, _ = cluster.hosts
    server, port = listen(b, "127.0.0.1")
    with server, connect(b, "127.0.0.1", port):
        for address in ("127.0.0.1", b.address):
            with pytest.raises(ConnectionRefusedError):
                connect(a, address, port)
    with socket.create_server(("", 0)) as here:
        with pytest.raises(ConnectionRefusedError):
            connect(a, "127.0.0.1", here.getsockname()[1])
        # A host has no way out of the cluster.
        with pytest.raises(OSError, match="unreachable"):
            connect(a, "192.0.2.1", here.getsockname()[1])


def test_clusters_at_the_same_time_are_separate(cluster):
    with hosts(2) as other:
        server, port = listen(cluster.hosts[1])
        with server, connect(cluster.hosts[0], cluster.hosts[1].address, port):
            assert other.hosts[1].address == cluster.hosts[1].address
            with pytest.raises(ConnectionRefusedError):
                connect(other.hosts[0], other.hosts[1].address, port)


@pytest.mark.parametrize("what", ["host", "pair"])
def test_a_connection_stalls_when_a_link_is_cut_and_continues_when_it_is_mended(cluster, what):
    a, b, c = cluster.hosts
    one, hosts_of_link = (b, ()) if what == "host" else (cluster, (a, b))
    server, port = listen(b)
    with server, connected(a, b) as (client, accepted), connected(b, c) as others:
        round_trip((client, accepted))
        one.cut(*hosts_of_link)
        client.sendall(b"late")
        accepted.settimeout(1.0)
        with pytest.raises(TimeoutError):
            accepted.recv(100)
        with pytest.raises(TimeoutError):
            connect(a, b.address, port, timeout=1.0)
        assert cluster.counters()["a", "b"].cut > 1
        if what == "pair":
            round_trip(others)
        one.mend(*hosts_of_link)
        accepted.settimeout(PATIENCE)
        assert accepted.recv(100) == b"late"
        round_trip(others)


def test_a_link_is_up_when_every_cut_of_it_is_mended(cluster):
    a, b, _ = cluster.hosts
    with connected(a, b) as ends:
        cluster.cut(a, b)
        a.cut()
        cluster.mend(a, b)
        ends[0].sendall(b"late")
        ends[1].settimeout(0.5)
        with pytest.raises(TimeoutError):
            ends[1].recv(100)
        a.mend()
        ends[1].settimeout(PATIENCE)
        assert ends[1].recv(100) == b"late"


def test_a_message_and_its_answer_take_twice_the_delay(cluster):
    a, b, c = cluster.hosts
    with connected(a, b) as slow, connected(a, c) as fast:
        cluster.set_link(delay=0.1)
        assert round_trip(slow) >= 0.2
        assert round_trip(fast) >= 0.2
        cluster.set_link()
        b.set_link(delay=0.1)
        assert round_trip(slow) >= 0.2
        assert round_trip(fast) < 0.1
        cluster.set_link(a, b)
        assert round_trip(slow) < 0.1


def test_a_connection_is_right_although_packets_are_lost():
    with hosts(2, mtu=1500) as cluster:
        cluster.set_link(loss=0.01)
        data = os.urandom(1_000_000) * 20
        with connected(*cluster.hosts) as (client, server):
            sender = threading.Thread(target=client.sendall, args=[data])
            sender.start()
            assert receive(server, len(data)) == data
            sender.join()
        packets = cluster.counters()["a", "b"]
        number = packets.delivered + packets.lost
        assert number > 13_000
        # Five standard deviations.
        assert abs(packets.lost - 0.01 * number) < 5 * (0.01 * number) ** 0.5


@pytest.mark.parametrize("options", [{"delay": -1.0}, {"loss": 1.5}, {"delay": float("nan")}])
def test_an_impossible_link_raises(cluster, options):
    with pytest.raises(ValueError, match="must be"):
        cluster.set_link(**options)
    with pytest.raises(ValueError, match="two hosts"):
        cluster.cut(cluster.hosts[0])


def test_a_process_is_a_popen(cluster, tmp_path):
    a = cluster.hosts[0]
    code = "import os, sys; print(os.environ['WORD'], os.getcwd(), sys.argv[1]); sys.exit(3)"
    process = a.start(
        [sys.executable, "-c", code, tmp_path],
        env={"WORD": "word"},
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.communicate()[0] == f"word {tmp_path} {tmp_path}\n"
    assert process.returncode == 3
    with pytest.raises(OSError, match=r"no-command.*No such file"):
        a.start(["no-command"])
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL, signal.SIGABRT):
        process = a.start(["sleep", "1000"])
        assert a.processes() == [process.inner_pid]
        process.send_signal(number)
        assert process.wait(PATIENCE) == -number
    assert a.processes() == []


def start_daemon(host):
    """Start a process with a grandchild in another session; return all ids."""
    process = host.start([sys.executable, "-c", DAEMON], stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "ready\n"
    wait_until(lambda: len(host.processes()) == 2)
    return process, host.processes()


def test_kill_all_ends_exactly_the_processes_of_the_host(cluster):
    a, b, _ = cluster.hosts
    process, ids = start_daemon(a)
    _, others = start_daemon(b)
    a.kill_all()
    assert process.wait(PATIENCE) == -signal.SIGKILL
    assert a.processes() == []
    assert not any(map(is_running, ids))
    assert all(map(is_running, others))
    # The host itself continues to run.
    assert run(a, "hostname") == "a\n"


def test_the_system_of_a_host_closes_the_connections_of_killed_processes(cluster):
    a, b, _ = cluster.hosts
    server, port = listen(b)
    code = f"import socket, time; s = socket.create_connection(('b', {port})); time.sleep(1000)"
    with server:
        a.start([sys.executable, "-c", code])
        accepted, _ = server.accept()
        with accepted:
            accepted.settimeout(PATIENCE)
            a.kill_all()
            assert accepted.recv(100) == b""


def test_a_host_without_power_sends_nothing_and_starts_afresh(cluster):
    a, b, _ = cluster.hosts
    server, port = listen(b)
    code = f"import socket, time; s = socket.create_connection(('b', {port})); time.sleep(1000)"
    with server:
        process = a.start([sys.executable, "-c", code])
        accepted, _ = server.accept()
        with accepted:
            ids = a.processes()
            a.power_off()
            assert process.returncode == -signal.SIGKILL
            assert not any(map(is_running, ids))
            accepted.settimeout(1.0)
            with pytest.raises(TimeoutError):
                accepted.recv(100)
            with pytest.raises(HostError, match="off"):
                a.start(["true"])
            a.power_on()
            assert a.processes() == []
            with connect(a, b.address, port):
                pass
            # The new system does not have this connection.
            accepted.settimeout(PATIENCE)
            accepted.sendall(b"old")
            with pytest.raises(ConnectionResetError):
                accepted.recv(100)


def test_all_processes_of_a_host_stop_and_continue(cluster):
    a, b, _ = cluster.hosts
    _, ids = start_daemon(a)
    _, others = start_daemon(b)

    def states(ids):
        return {pathlib.Path(f"/proc/{pid}/stat").read_text().split()[2] for pid in ids}

    a.stop_all()
    wait_until(lambda: states(ids) == {"T"})
    assert "T" not in states(others)
    a.continue_all()
    wait_until(lambda: "T" not in states(ids))
