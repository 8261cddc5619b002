"""Peers are measured if they are installed and fit into memory."""

import importlib.util

import numpy as np
import pytest

from benchmarks.suites.update import subject_mismatches
from benchmarks.updates import peers
from benchmarks.updates.batches import make_batch

KERAS = {"keras F1Score", "tf-keras F1Score"}
TORCH = {"torchmetrics F1Score", "torcheval F1Score"}
LIMIT_MB = 100.0


def batch(task="argmax", shape=(64, 5), **options):
    return make_batch(task, shape, **options)


def test_only_peers_with_such_an_update_are_offered():
    assert peers.offers(batch()).keys() == KERAS | TORCH
    assert peers.offers(batch(weighted=True)).keys() == KERAS
    assert peers.offers(batch("ids")).keys() == KERAS
    assert peers.offers(batch("indicators")).keys() == KERAS | {"torchmetrics F1Score"}


@pytest.mark.parametrize("name", sorted(KERAS | TORCH))
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"shape": (2, 8, 8, 5)},
        {"shape": (6, 40)},  # Not every class occurs.
        {"weighted": True},
        {"task": "ids"},
        {"task": "indicators"},
    ],
    ids=str,
)
def test_a_peer_agrees_with_scikit_learn(name, options):
    given = batch(**options)
    offer = peers.offers(given).get(name)
    if offer is None:
        pytest.skip("no such update")
    try:
        peer = offer(given, LIMIT_MB)
    except peers.PeerUnavailableError as reason:
        pytest.skip(str(reason))
    assert subject_mismatches(peer, given) == 0
    # Updates are added, and can be reset.
    peer.reset()
    peer.update()
    once = np.asarray(peer.values()["actual"])
    peer.update()
    np.testing.assert_array_equal(peer.values()["actual"], 2 * once)
    assert once.sum() > 0
    assert peer.state_bytes() >= 4 * given.classes


@pytest.mark.parametrize("name", sorted(KERAS | TORCH))
def test_a_peer_that_is_not_installed_is_unavailable(name, monkeypatch):
    given = batch()
    offer = peers.offers(given)[name]
    monkeypatch.setattr(importlib.util, "find_spec", lambda *_: None)
    with pytest.raises(peers.PeerUnavailableError, match="is not installed"):
        offer(given, LIMIT_MB)


def test_targets_that_do_not_fit_make_a_peer_unavailable():
    given = batch()
    with pytest.raises(
        peers.PeerUnavailableError, match="0/1 targets would take 0 MB, the limit is 0"
    ):
        peers.offers(given)["keras F1Score"](given, 1e-3)


def test_a_confusion_matrix_that_does_not_fit_makes_a_peer_unavailable():
    pytest.importorskip("torchmetrics")
    given = batch(shape=(4, 20_000))
    with pytest.raises(peers.PeerUnavailableError, match="would take 3,200 MB, the limit is 100"):
        peers.offers(given)["torchmetrics F1Score"](given, LIMIT_MB)


def test_torch_uses_gpus_only_with_cuda(monkeypatch):
    torch = pytest.importorskip("torch")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert peers._torch_device(torch, "GPU:1") == torch.device("cuda", 1)
    assert peers._torch_device(torch, "/device:GPU:0") == torch.device("cuda", 0)
    assert peers._torch_device(torch, "CPU:3") == torch.device("cpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(peers.PeerUnavailableError, match="no CUDA"):
        peers._torch_device(torch, "GPU:0")
