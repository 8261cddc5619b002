"""Exchange of statuses between launchers: each serves its own over HTTP, and reads the others'.

A launcher only reads. So a message cannot make it start or stop anything, and a lost message is
replaced by the next one.
"""

from __future__ import annotations

import contextlib
import dataclasses
import http.client
import http.server
import socket
import threading
import time
from collections.abc import Sequence

from dist_f1.launching.errors import UserError
from dist_f1.launching.hosts import messages
from dist_f1.launching.hosts.addresses import Host
from dist_f1.launching.hosts.knowledge import Peer
from dist_f1.launching.hosts.messages import Status

_POLL_SECONDS = 0.5
_REQUEST_SECONDS = 5.0
# A status holds at most a traceback and the end of a log.
_MAX_BYTES = 1 << 20


class Exchange:
    """Serves the status of this host, and reads those of all others, as a context manager.

    Args:
        hosts: All hosts.
        me: Index of this host.

    Raises:
        UserError: The port of this launcher is in use.
    """

    def __init__(self, hosts: Sequence[Host], me: int) -> None:
        self._peers = {index: Peer() for index in range(len(hosts)) if index != me}
        self._closed = threading.Event()
        port = hosts[me].port
        try:
            self._server = _Server(port)
        except OSError as error:
            raise UserError(
                f"The launcher cannot listen on port {port}: {error.strerror}. Pass another --port "
                "on all hosts."
            ) from error
        self._threads = [threading.Thread(target=self._server.serve_forever, daemon=True)]
        for index in self._peers:
            name, peer_port = hosts[index].name.strip("[]"), hosts[index].port
            arguments = (index, name, peer_port)
            self._threads.append(threading.Thread(target=self._poll, args=arguments, daemon=True))

    def __enter__(self) -> Exchange:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closed.set()
        self._server.shutdown()
        self._server.server_close()

    def publish(self, status: Status) -> None:
        """Replace the status that the other hosts read."""
        self._server.content = messages.dumps(status)

    def peers(self) -> dict[int, Peer]:
        """Return what is known about the other hosts."""
        return dict(self._peers)

    def _poll(self, index: int, name: str, port: int) -> None:
        while not self._closed.is_set():
            # The status is at least as new as the request.
            asked = time.monotonic()
            try:
                self._peers[index] = Peer(_read_status(name, port), asked)
            except ConnectionRefusedError:
                self._peers[index] = dataclasses.replace(self._peers[index], refuses=True)
            except (OSError, ValueError, http.client.HTTPException):
                self._peers[index] = dataclasses.replace(self._peers[index], refuses=False)
            self._closed.wait(_POLL_SECONDS)


def _read_status(name: str, port: int) -> Status:
    connection = http.client.HTTPConnection(name, port, timeout=_REQUEST_SECONDS)
    with contextlib.closing(connection):
        connection.request("GET", "/")
        return messages.loads(connection.getresponse().read(_MAX_BYTES))


class _Server(http.server.ThreadingHTTPServer):
    """Serves `content`, on IPv4 and IPv6."""

    daemon_threads = True
    # A name of this host may resolve to a loopback address here, so listen on all addresses.
    address_family = socket.AF_INET6 if socket.has_dualstack_ipv6() else socket.AF_INET

    def __init__(self, port: int) -> None:
        self.content = b""
        super().__init__(("", port), _Handler)

    def server_bind(self) -> None:
        if self.address_family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        super().server_bind()

    def handle_error(self, *_: object) -> None:
        """Ignore a reader that has closed its connection."""


class _Handler(http.server.BaseHTTPRequestHandler):
    """Answers each request with the content of the server."""

    timeout = _REQUEST_SECONDS
    server: _Server

    def do_GET(self) -> None:
        self.send_response(200 if self.server.content else 503)
        self.end_headers()
        self.wfile.write(self.server.content)

    def log_message(self, *_: object) -> None:
        """Print nothing."""
