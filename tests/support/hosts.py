"""Several hosts on this machine, made of Linux namespaces, and a network between them.

Each host has its own address, loopback interface, process ids, host name and /etc/hosts; file
systems are shared. `host_init.py` is the first process of each host, and `host_relay.py` carries
the packets. Nothing has a name outside the namespaces, and nothing is left when the test process
ends or is killed: the relay and the hosts end with the sockets that they share with it.
"""

import contextlib
import dataclasses
import functools
import itertools
import json
import os
import signal
import socket
import string
import subprocess
import sys
import threading
import time

from host_process import FOLDER, PROGRAM, HostError, HostProcess, members

REQUIRED = "DIST_F1_REQUIRE_HOSTS"
SEPARATE = ("pid", "net", "mnt", "uts")
NETMASK = "255.255.0.0"
# Processes cannot resist SIGKILL, but a loaded machine may take a while.
TIMEOUT = 60.0


@contextlib.contextmanager
def hosts(count=2, *, mtu=9000):
    """Yield a `Cluster`. Skip the test on a machine that cannot make hosts.

    With DIST_F1_REQUIRE_HOSTS in the environment, the test fails there.
    """
    import pytest

    if reason := why_unavailable():
        if REQUIRED in os.environ:
            pytest.fail(f"{REQUIRED} is set, but {reason}")
        pytest.skip(reason)
    with _cluster(count, mtu) as cluster:
        yield cluster


@functools.cache
def why_unavailable():
    """Return why this machine cannot make hosts, or `None`."""
    if not sys.platform.startswith("linux"):
        return "hosts are made of Linux namespaces"
    try:
        with _cluster(1, 1500) as cluster:
            process = cluster.hosts[0].start(["true"])
            process.wait(TIMEOUT)
    except (OSError, HostError) as error:
        return f"this machine cannot make hosts of namespaces: {error}"
    return None


@dataclasses.dataclass(frozen=True)
class Packets:
    """Packets from one host to another. `cut` counts those that met a cut link or no host."""

    delivered: int
    lost: int
    cut: int


class Cluster:
    """Hosts and the network between them."""

    def __init__(self, count, mtu):
        names = string.ascii_lowercase[:count]
        addresses = [f"10.77.{index}.1" for index in range(count)]
        # Tests may cut links from another thread.
        self.lock = threading.Lock()
        self._relay, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._relay_process = subprocess.Popen(
                [*PROGRAM, FOLDER / "host_relay.py", str(theirs.fileno()), ",".join(addresses)],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )
        lines = [f"{address} {name}\n" for name, address in zip(names, addresses, strict=True)]
        # The program of a host must not change this machine.
        outside = ",".join(os.readlink(f"/proc/self/ns/{kind}") for kind in SEPARATE)
        settings = (mtu, "".join(["127.0.0.1 localhost\n", *lines]), outside)
        self.hosts = []
        try:
            for index, (name, address) in enumerate(zip(names, addresses, strict=True)):
                self.hosts.append(Host(self, index, name, address, settings))
        except BaseException:
            self.close()
            raise

    def cut(self, *hosts):
        """Lose all packets between these hosts, without any error."""
        self._request("cut", pairs=self._pairs(hosts))

    def mend(self, *hosts):
        """Undo `cut` of the same hosts."""
        self._request("mend", pairs=self._pairs(hosts))

    def set_link(self, *hosts, delay=0.0, loss=0.0, seed=0):
        """Set delay and loss between these hosts, or between all hosts.

        Args:
            hosts: Hosts; `Host.set_link` concerns the packets to and from one host.
            delay: Seconds from one host to another; an answer takes twice as long.
            loss: Probability that a packet is lost, for each direction on its own.
            seed: Seed of the losses.
        """
        self._set_link(self._pairs(hosts or self.hosts), delay, loss, seed)

    def counters(self):
        """Return `Packets` by the names of sender and receiver."""
        return {
            (self.hosts[source].name, self.hosts[destination].name): Packets(*numbers)
            for source, destination, *numbers in self._request("counters")
        }

    def close(self):
        """End all processes of all hosts. The hosts no longer exist then."""
        with contextlib.ExitStack() as stack:
            stack.callback(end, self._relay_process)
            stack.callback(self._relay.close)
            for host in self.hosts:
                stack.callback(host.power_off)

    def _pairs(self, hosts):
        if len(hosts) < 2 and len(self.hosts) > 1:
            raise ValueError("give two hosts or more; one host has methods of its own")
        return list(itertools.permutations([host.index for host in hosts], 2))

    def _set_link(self, pairs, delay, loss, seed):
        if not (delay >= 0.0 and 0.0 <= loss <= 1.0):
            raise ValueError(f"delay={delay} must be at least 0, and loss={loss} from 0 to 1")
        self._request("set_link", pairs=pairs, delay=delay, loss=loss, seed=seed)

    def _request(self, name, descriptors=(), **values):
        message = json.dumps({"name": name, **values}).encode()
        with self.lock:
            socket.send_fds(self._relay, [message], descriptors)
            answer = self._relay.recv(1 << 20)
        if not answer:
            raise HostError("the relay has ended; its error is above")
        return json.loads(answer)


class Host:
    """A host: `index`, `name` and `address`. Its processes can use all names and addresses."""

    def __init__(self, cluster, index, name, address, settings):
        self.cluster = cluster
        self.index = index
        self.name = name
        self.address = address
        self._settings = settings
        self._started = []
        self._namespaces = []
        self.power_on()

    def start(self, command, **options):
        """Start a process of this host; return a `HostProcess`. Options are those of `Popen`."""
        process = HostProcess(command, self._namespaces, **options)
        self._started.append(process)
        return process

    def socket(self):
        """Return a TCP socket in the network of this host, for this process."""
        return socket.socket(fileno=self._ask("socket")[0])

    def processes(self):
        """Return the ids of the processes of this host, as this machine sees them."""
        return [] if not self._namespaces else list(members(self._namespaces[1]))

    def kill_all(self):
        """Kill all processes of this host at once.

        The system of the host continues to run, and closes the connections of the processes.
        See `power_off` for an end that other hosts do not notice.
        """
        self._ask(signal.SIGKILL)
        end = time.monotonic() + TIMEOUT
        while self.processes():
            if time.monotonic() > end:
                raise HostError(f"processes of host {self.name} outlive SIGKILL")
            time.sleep(0.01)

    def stop_all(self):
        """Stop all processes of this host. Its system continues to answer, as for SIGSTOP."""
        self._ask(signal.SIGSTOP)

    def continue_all(self):
        """Continue the processes that `stop_all` has stopped."""
        self._ask(signal.SIGCONT)

    def cut(self):
        """Lose all packets to and from this host, without any error."""
        self.cluster._request("cut", hosts=[self.index])

    def mend(self):
        """Undo `cut` of this host."""
        self.cluster._request("mend", hosts=[self.index])

    def set_link(self, *, delay=0.0, loss=0.0, seed=0):
        """Set delay and loss of the packets to and from this host; see `Cluster.set_link`."""
        others = [host.index for host in self.cluster.hosts if host is not self]
        pairs = [pair for other in others for pair in ((self.index, other), (other, self.index))]
        self.cluster._set_link(pairs, delay, loss, seed)

    def power_off(self):
        """End this host and its connections in an instant, without a packet to other hosts."""
        if not self._namespaces:
            return
        try:
            # No process is to see, or to write anywhere, that the network is gone.
            self.stop_all()
            self.cluster._request("detach", host=self.index)
        finally:
            self._control.close()
            for process in (self._init, *self._started):
                end(process)
            self._init.stderr.close()
            for descriptor in self._namespaces:
                os.close(descriptor)
            self._started, self._namespaces = [], []

    def power_on(self):
        """Start this host after `power_off`: the same name and address, but no process."""
        if self._namespaces:
            return
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        arguments = (theirs.fileno(), self.name, self.address, NETMASK, *self._settings)
        as_root = ["--user", "--map-root-user"] if os.geteuid() else []
        kinds = ("--net", "--mount", "--uts", "--pid", "--mount-proc")
        unshare = ["unshare", *as_root, *kinds, "--fork", "--kill-child"]
        with theirs:
            self._init = subprocess.Popen(
                [*unshare, *PROGRAM, FOLDER / "host_init.py", *map(str, arguments)],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                start_new_session=True,
                text=True,
            )
        message, descriptors, _, _ = socket.recv_fds(self._control, 100, 10)
        if not message:
            self._control.close()
            raise HostError(self._init.communicate()[1].strip().rpartition("\n")[2])
        for descriptor in descriptors:
            os.set_inheritable(descriptor, False)
        link, *self._namespaces = descriptors
        self.cluster._request("attach", [link], host=self.index)
        os.close(link)

    def _ask(self, request):
        if not self._namespaces:
            raise HostError(f"host {self.name} is off")
        with self.cluster.lock:
            self._control.send(json.dumps(request).encode())
            message, descriptors, _, _ = socket.recv_fds(self._control, 100, 10)
        if not message:
            raise HostError(self._init.communicate()[1])
        return descriptors


@contextlib.contextmanager
def _cluster(count, mtu):
    cluster = Cluster(count, mtu)
    try:
        yield cluster
    finally:
        cluster.close()


def end(process):
    """Wait for a process that ends by itself; kill it if it does not."""
    try:
        process.wait(TIMEOUT)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
