"""The hosts of a job, from `--hosts`, and which of them this machine is."""

import contextlib
import dataclasses
import os
import pathlib
import re
import socket
from collections.abc import Sequence

from dist_f1.launching.errors import UsageError

# Below 32768, where Linux starts to assign ports to outgoing connections.
DEFAULT_PORT = 12300
_ENTRY = re.compile(r"(?P<name>\[[0-9A-Fa-f:.%]+\]|[^\s:\[\]/@]+)(:(?P<port>[0-9]{1,5}))?")


@dataclasses.dataclass(frozen=True)
class Host:
    """A machine of a job.

    Args:
        name: Name or address, as the other machines reach it. IPv6 addresses have brackets.
        port: Port of its launcher. The ports of its workers follow.
    """

    name: str
    port: int

    def worker_address(self, index: int) -> str:
        """Return `host:port` of a worker, by its index on this host."""
        return f"{self.name}:{self.port + 1 + index}"


def parse_hosts(text: str, port: int, workers: int) -> list[Host]:
    """Return the hosts of a list such as `a,b`, or of a file with a host on each line.

    A host may have its own port, as in `a:12400`. In a file, `#` starts a comment.

    Raises:
        UsageError: An entry is invalid or occurs twice, or a port is too high.
    """
    if os.path.isfile(text):
        lines = pathlib.Path(text).read_text(encoding="utf-8", errors="replace").splitlines()
        source, entries = f"--hosts={text}", [line.partition("#")[0].strip() for line in lines]
    elif "/" in text:
        raise UsageError(f"--hosts={text}: this file does not exist. Pass a file or a list: a,b.")
    else:
        source, entries = "--hosts", [entry.strip() for entry in text.split(",")]
    hosts = [_parse(source, entry, port) for entry in entries if entry]
    if not hosts:
        raise UsageError(f"{source} names no host. Pass the names or addresses of all hosts.")
    for host in hosts:
        if hosts.count(host) > 1:
            raise UsageError(f"{source} names {host.name} twice. Name each host once.")
        if host.port + workers > 65535:
            raise UsageError(
                f"port {host.port} of {host.name} leaves fewer than {workers + 1} ports. "
                "Pass a lower --port."
            )
    return hosts


def own_index(hosts: Sequence[Host], index: int | None) -> int:
    """Return the index of this machine: `index`, or that of the only host with an address of ours.

    Raises:
        UsageError: The index is out of range, or the addresses do not show it.
    """
    if index is not None:
        if index >= len(hosts):
            raise UsageError(
                f"--host_index={index}, but there are {len(hosts)} hosts. Pass 0 to "
                f"{len(hosts) - 1}, the position of this machine in --hosts."
            )
        return index
    own = [number for number, host in enumerate(hosts) if _is_local(host.name)]
    if len(own) != 1:
        found = "several hosts have" if own else "no host has"
        raise UsageError(
            f"{found} an address of this machine. Pass --host_index, the position of this machine "
            "in --hosts, from 0."
        )
    return own[0]


def _parse(source: str, entry: str, port: int) -> Host:
    match = _ENTRY.fullmatch(entry)
    if match is None or not 0 < int(match["port"] or port) <= 65535:
        raise UsageError(f"{source}: {entry!r} is no host. Write NAME, ADDRESS or NAME:PORT.")
    return Host(match["name"], int(match["port"] or port))


def _is_local(name: str) -> bool:
    """Whether a name resolves to an address of this machine, on which alone a socket can listen."""
    try:
        found = socket.getaddrinfo(name.strip("[]"), 0, type=socket.SOCK_STREAM)
    except OSError:
        return False
    for family, kind, _, _, address in found:
        with contextlib.suppress(OSError), socket.socket(family, kind) as one:
            one.bind(address)
            return True
    return False
