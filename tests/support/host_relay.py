"""The network between the hosts of `hosts.py`: it delays, loses and delivers their packets.

It is one process with the standard library alone: `host_relay.py CONTROL ADDRESSES`. Requests
come by the socket CONTROL, and the process ends with that socket. Linux has netem for delay and
loss, but many kernels are built without it.
"""

import heapq
import itertools
import json
import os
import random
import select
import socket
import sys
import time

LARGEST_PACKET = 65535
# Packets that one host sends before the others get a turn.
BURST = 64


class Path:
    """One direction between two hosts. `delay` is one way, in seconds."""

    def __init__(self):
        self.delivered = self.lost = self.cut = 0
        self.set(0.0, 0.0, 0)

    def set(self, delay, loss, seed):
        self.delay = delay
        self.loss = loss
        self.random = random.Random(seed)

    def loses(self):
        return self.loss > 0.0 and self.random.random() < self.loss


class Network:
    """All paths, and the packets on their way. `deliver(destination, packet)` hands one over."""

    def __init__(self, addresses, deliver):
        self.hosts = {socket.inet_aton(address): i for i, address in enumerate(addresses)}
        pairs = itertools.permutations(range(len(addresses)), 2)
        self.paths = {pair: Path() for pair in pairs}
        self.cut_hosts = set()
        self.cut_pairs = set()
        self.deliver = deliver
        self.waiting = []
        self.order = itertools.count()

    def send(self, source, packet, now):
        """Take a packet from a host. Packets to no host of this network vanish."""
        pair = (source, self.hosts.get(packet[16:20]))
        path = self.paths.get(pair)
        if path is None or packet[0] >> 4 != 4:
            return
        if not self.is_up(pair):
            path.cut += 1
        elif path.loses():
            path.lost += 1
        elif path.delay:
            entry = (now + path.delay, next(self.order), pair, packet)
            heapq.heappush(self.waiting, entry)
        else:
            self.finish(pair, packet)

    def deliver_until(self, now):
        """Deliver the packets that are due; return the seconds until the next one, or `None`."""
        while self.waiting:
            if self.waiting[0][0] > now:
                return self.waiting[0][0] - now
            _, _, pair, packet = heapq.heappop(self.waiting)
            self.finish(pair, packet)
        return None

    def finish(self, pair, packet):
        # The path may have been cut while the packet was on its way.
        if self.is_up(pair) and self.deliver(pair[1], packet):
            self.paths[pair].delivered += 1
        else:
            self.paths[pair].cut += 1

    def is_up(self, pair):
        return pair not in self.cut_pairs and self.cut_hosts.isdisjoint(pair)

    def request(self, name, **values):
        """Carry out a request of the harness; return the answer."""
        return getattr(self, f"on_{name}")(**values)

    def on_cut(self, hosts=(), pairs=()):
        self.cut_hosts.update(hosts)
        self.cut_pairs.update(map(tuple, pairs))

    def on_mend(self, hosts=(), pairs=()):
        self.cut_hosts.difference_update(hosts)
        self.cut_pairs.difference_update(map(tuple, pairs))

    def on_set_link(self, pairs, delay, loss, seed):
        for pair in pairs:
            self.paths[tuple(pair)].set(delay, loss, f"{seed} {pair}")

    def on_counters(self):
        return [[*pair, path.delivered, path.lost, path.cut] for pair, path in self.paths.items()]


class Relay:
    """Reads the devices of the hosts and the requests of the harness."""

    def __init__(self, control, addresses):
        self.control = control
        self.links = {}
        self.network = Network(addresses, self.write)
        self.poll = select.epoll()
        self.poll.register(control.fileno(), select.EPOLLIN)

    def run(self):
        while True:
            timeout = self.network.deliver_until(time.monotonic())
            ready = self.poll.poll(timeout)
            for descriptor, _ in ready:
                if descriptor != self.control.fileno():
                    self.read(descriptor)
                elif not self.answer():
                    return

    def answer(self):
        message, descriptors, _, _ = socket.recv_fds(self.control, 65536, 1)
        if not message:
            return False
        request = json.loads(message)
        if request["name"] == "attach":
            (self.links[request["host"]],) = descriptors
            self.poll.register(descriptors[0], select.EPOLLIN)
            result = None
        elif request["name"] == "detach":
            result = self.detach(request["host"])
        else:
            result = self.network.request(**request)
        self.control.send(json.dumps(result).encode())
        return True

    def detach(self, host):
        if host in self.links:
            descriptor = self.links.pop(host)
            self.poll.unregister(descriptor)
            os.close(descriptor)

    def read(self, descriptor):
        host = next((h for h, link in self.links.items() if link == descriptor), None)
        if host is None:
            return
        now = time.monotonic()
        try:
            for _ in range(BURST):
                self.network.send(host, os.read(descriptor, LARGEST_PACKET), now)
        except BlockingIOError:
            pass
        except OSError:
            # The host has ended, and its device with it.
            self.detach(host)

    def write(self, host, packet):
        try:
            os.write(self.links[host], packet)
        except (KeyError, OSError):
            return False
        return True


if __name__ == "__main__":
    Relay(socket.socket(fileno=int(sys.argv[1])), sys.argv[2].split(",")).run()
