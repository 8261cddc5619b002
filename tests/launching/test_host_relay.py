"""The network between hosts made of namespaces: order, delay and loss of packets."""

import socket

import pytest
from host_relay import Network

ADDRESSES = ["10.0.0.1", "10.0.0.2", "10.0.0.3"]


class Deliveries(list):
    """Pairs of a receiver and the contents of a packet."""

    def __call__(self, host, packet):
        self.append((host, packet[20:].decode()))
        return True


@pytest.fixture
def delivered():
    return Deliveries()


@pytest.fixture
def network(delivered):
    return Network(ADDRESSES, delivered)


def packet(receiver, text, version=4):
    header = bytes([version << 4]).ljust(16, b"\0") + socket.inet_aton(receiver)
    return header + text.encode()


def test_a_packet_goes_to_the_host_of_its_address(network, delivered):
    network.send(0, packet(ADDRESSES[2], "to c"), 0.0)
    network.send(2, packet(ADDRESSES[0], "to a"), 0.0)
    # No host, the sender, no IPv4.
    network.send(0, packet("10.0.0.9", "to nobody"), 0.0)
    network.send(0, packet(ADDRESSES[0], "to itself"), 0.0)
    network.send(0, packet(ADDRESSES[1], "IPv6", version=6), 0.0)
    network.send(0, b"", 0.0)
    assert delivered == [(2, "to c"), (0, "to a")]


def test_packets_arrive_after_the_delay_of_their_path_and_in_order(network, delivered):
    network.on_set_link([[0, 1]], delay=2.0, loss=0.0, seed=0)
    network.on_set_link([[0, 2]], delay=0.5, loss=0.0, seed=0)
    for text in ("1", "2", "3"):
        network.send(0, packet(ADDRESSES[1], text), 10.0)
    network.send(0, packet(ADDRESSES[2], "soon"), 10.0)
    assert network.deliver_until(10.25) == 0.25
    assert delivered == []
    assert network.deliver_until(11.0) == 1.0
    assert delivered == [(2, "soon")]
    assert network.deliver_until(12.0) is None
    assert delivered[1:] == [(1, "1"), (1, "2"), (1, "3")]


@pytest.mark.parametrize("cut", [{"hosts": [1]}, {"pairs": [[0, 1]]}])
def test_a_cut_loses_the_packets_on_their_way(network, delivered, cut):
    network.on_set_link([[0, 1]], delay=1.0, loss=0.0, seed=0)
    network.send(0, packet(ADDRESSES[1], "early"), 0.0)
    network.on_cut(**cut)
    network.deliver_until(2.0)
    network.on_mend(**cut)
    network.send(0, packet(ADDRESSES[1], "late"), 2.0)
    network.deliver_until(4.0)
    assert delivered == [(1, "late")]
    assert network.on_counters()[0] == [0, 1, 1, 0, 1]


def test_a_seed_repeats_the_losses_and_each_direction_has_its_own(network, delivered):
    def losses(seed):
        delivered.clear()
        network.on_set_link([[0, 1], [1, 0]], delay=0.0, loss=0.5, seed=seed)
        for number in range(200):
            network.send(0, packet(ADDRESSES[1], str(number)), 0.0)
            network.send(1, packet(ADDRESSES[0], str(number)), 0.0)
        received = [[text for host, text in delivered if host == h] for h in (0, 1)]
        assert received[0] != received[1]
        assert all(60 < len(texts) < 140 for texts in received)
        return received

    assert losses(1) == losses(1)
    assert losses(1) != losses(2)
