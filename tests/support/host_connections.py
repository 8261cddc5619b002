"""Connections between the hosts of `hosts.py`, with both ends in this process."""

import contextlib
import socket
import time

# Ends a hang; nothing is measured.
PATIENCE = 60.0


def listen(host, address=None):
    """Return a socket of a host that listens, and its port."""
    server = host.socket()
    server.settimeout(PATIENCE)
    server.bind((host.address if address is None else address, 0))
    server.listen()
    return server, server.getsockname()[1]


def connect(host, address, port, timeout=PATIENCE):
    client = host.socket()
    client.settimeout(timeout)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    client.connect((address, port))
    return client


@contextlib.contextmanager
def connected(source, destination):
    """Yield both ends of a connection between two hosts."""
    server, port = listen(destination)
    with server, connect(source, destination.address, port) as client:
        accepted, _ = server.accept()
        with accepted:
            accepted.settimeout(PATIENCE)
            accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            yield client, accepted


def receive(connection, size):
    with connection.makefile("rb") as file:
        return file.read(size)


def round_trip(ends):
    """Return the seconds of the fastest of some messages and their answers."""
    client, server = ends
    times = []
    for _ in range(5):
        start = time.monotonic()
        client.sendall(b"question")
        server.sendall(server.recv(100))
        assert client.recv(100) == b"question"
        times.append(time.monotonic() - start)
    return min(times)
