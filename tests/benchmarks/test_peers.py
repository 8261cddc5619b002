"""Peers take part where they are installed and fit, and otherwise say why not."""

import importlib.util

import numpy as np
import pytest

from benchmarks import peers
from benchmarks.suites.update import wrong_of
from benchmarks.updates import batches
from benchmarks.updates.subjects import Tensors

KERAS = {"keras F1Score", "tf-keras F1Score"}
TORCH = {"torchmetrics F1Score", "torcheval F1Score"}
LIMIT_MB = 100.0


def tensors(task="argmax", shape=(64, 5), **options):
    return Tensors(batches.make(task, shape, **options), "CPU:0")


def test_only_peers_that_have_such_an_update_are_offered():
    assert peers.offers(tensors()).keys() == KERAS | TORCH
    assert peers.offers(tensors(weighted=True)).keys() == KERAS
    assert peers.offers(tensors("ids")).keys() == KERAS
    assert peers.offers(tensors("indicators")).keys() == KERAS | {"torchmetrics F1Score"}


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
def test_a_peer_counts_what_scikit_learn_does(name, options):
    given = tensors(**options)
    offer = peers.offers(given).get(name)
    if offer is None:
        pytest.skip("it has no such update")
    try:
        peer = offer(given, LIMIT_MB)
    except peers.Unavailable as reason:
        pytest.skip(str(reason))
    assert wrong_of(peer, given.batch) == 0
    # Updates add up, and are forgotten.
    peer.reset()
    peer.update()
    once = np.asarray(peer.answer()["actual"])
    peer.update()
    np.testing.assert_array_equal(peer.answer()["actual"], 2 * once)
    assert once.sum() > 0
    assert peer.state_bytes() >= 4 * given.batch.classes


@pytest.mark.parametrize("name", sorted(KERAS | TORCH))
def test_a_peer_that_is_not_installed_is_unavailable(name, monkeypatch):
    given = tensors()
    offer = peers.offers(given)[name]
    monkeypatch.setattr(importlib.util, "find_spec", lambda *_: None)
    with pytest.raises(peers.Unavailable, match="is not installed"):
        offer(given, LIMIT_MB)


def test_targets_that_do_not_fit_are_refused():
    given = tensors()
    with pytest.raises(peers.Unavailable, match=r"0/1 targets would take 0 MB, the limit is 0"):
        peers.offers(given)["keras F1Score"](given, 1e-3)


def test_a_matrix_of_class_by_class_that_does_not_fit_is_refused():
    pytest.importorskip("torchmetrics")
    given = tensors(shape=(4, 20_000))
    with pytest.raises(peers.Unavailable, match="would take 3,200 MB, the limit is 100"):
        peers.offers(given)["torchmetrics F1Score"](given, LIMIT_MB)


def test_gpus_are_taken_only_by_a_torch_that_has_them(monkeypatch):
    torch = pytest.importorskip("torch")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert peers._torch_device(torch, "GPU:1") == torch.device("cuda", 1)
    assert peers._torch_device(torch, "/device:GPU:0") == torch.device("cuda", 0)
    assert peers._torch_device(torch, "CPU:3") == torch.device("cpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(peers.Unavailable, match="no CUDA"):
        peers._torch_device(torch, "GPU:0")
