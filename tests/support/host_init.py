"""First process of a host of `hosts.py`: it sets the host up, and ends with all its processes.

It is process 1 of the host's own namespaces, run by its path with the standard library alone.
Linux kills every process of the host when process 1 ends, whatever their sessions and parents.
"""

import contextlib
import ctypes
import fcntl
import json
import os
import signal
import socket
import struct
import sys

NAMESPACES = ("user", "pid", "net", "mnt", "uts")
DEVICE = b"link0"
# Constants of linux/if.h, linux/if_tun.h, linux/sockios.h and sys/mount.h.
IFF_UP = 0x1
IFF_TUN, IFF_NO_PI = 0x0001, 0x1000
TUNSETIFF = 0x400454CA
SIOCGIFFLAGS, SIOCSIFFLAGS, SIOCSIFADDR, SIOCSIFNETMASK = 0x8913, 0x8914, 0x8916, 0x891C
SIOCSIFMTU = 0x8922
MS_BIND, MNT_DETACH = 0x1000, 0x2
LIBC = ctypes.CDLL(None, use_errno=True)


def main(control, name, address, netmask, mtu, names, outside):
    check_is_separate(outside)
    # Linux reaps the orphans of the host then.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    control = socket.socket(fileno=int(control))
    socket.sethostname(name)
    replace_hosts_file(names)
    link = make_link(address, netmask, int(mtu))
    namespaces = [os.open(f"/proc/self/ns/{kind}", os.O_RDONLY) for kind in NAMESPACES]
    socket.send_fds(control, [b"ready"], [link, *namespaces])
    os.close(link)
    # An empty message is the end of the harness.
    while message := control.recv(100):
        request = json.loads(message)
        if request == "socket":
            with socket.socket() as made:
                socket.send_fds(control, [b"done"], [made.fileno()])
            continue
        with contextlib.suppress(ProcessLookupError):
            # -1: all processes of the host except this one, at once.
            os.kill(-1, request)
        control.send(b"done")


def check_is_separate(outside):
    """Raise in a namespace of the harness, which this program would change."""
    own = {os.readlink(f"/proc/self/ns/{kind}") for kind in NAMESPACES}
    if shared := own.intersection(outside.split(",")):
        raise RuntimeError(f"the host is not separate from this machine: {shared}")


def make_link(address, netmask, mtu):
    """Start the loopback interface and a TUN device; return the other end of the device.

    A packet to the device waits at that end, complete and with its checksum. A TUN device needs
    no address resolution, which would report an absent host instead of losing packets.
    """
    link = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(link, TUNSETIFF, struct.pack("16sH22x", DEVICE, IFF_TUN | IFF_NO_PI))
    # Packets of neighbour discovery would be noise.
    path = f"/proc/sys/net/ipv6/conf/{DEVICE.decode()}/disable_ipv6"
    with contextlib.suppress(OSError), open(path, "w") as file:
        file.write("1")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:

        def configure(request, device, layout, *values):
            value = struct.pack(f"16s{layout}", device, *values)
            return fcntl.ioctl(control, request, value.ljust(40, b"\0"))

        for request, text in ((SIOCSIFADDR, address), (SIOCSIFNETMASK, netmask)):
            socket_address = (socket.AF_INET, 0, socket.inet_aton(text))
            configure(request, DEVICE, "HH4s", *socket_address)
        configure(SIOCSIFMTU, DEVICE, "i", mtu)
        for device in (b"lo", DEVICE):
            (flags,) = struct.unpack_from("h", configure(SIOCGIFFLAGS, device, "h", 0), 16)
            configure(SIOCSIFFLAGS, device, "h", flags | IFF_UP)
    return link


def replace_hosts_file(text):
    """Show this host its own /etc/hosts, which is on no disk."""
    check(LIBC.mount(b"none", b"/tmp", b"tmpfs", 0, None), "mount a tmpfs")
    with open("/tmp/hosts", "w", encoding="utf-8") as file:
        file.write(text)
    check(LIBC.mount(b"/tmp/hosts", b"/etc/hosts", None, MS_BIND, None), "mount /etc/hosts")
    check(LIBC.umount2(b"/tmp", MNT_DETACH), "unmount the tmpfs")


def check(result, action):
    if result:
        error = ctypes.get_errno()
        raise OSError(error, f"{os.strerror(error)}: cannot {action}")


if __name__ == "__main__":
    main(*sys.argv[1:])
