import argparse
import pickle

import pytest
import torch
from torch import nn

from lopsided.models.images.weights import load_into, read_tensors


class Command:
    def __reduce__(self):
        import os

        return os.mkdir, ("executed",)


def network():
    return nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.Conv2d(4, 2, 1))


def same(one, other):
    return all(torch.equal(tensor, other.state_dict()[name]) for name, tensor in one.state_dict().items())


@pytest.mark.parametrize(
    "wrap",
    [
        lambda state: state,
        lambda state: {"state_dict": state, "epoch": 3},
        lambda state: {"model": state, "args": argparse.Namespace(lr=0.1)},
        lambda state: {"state_dict": {f"module.{name}": tensor for name, tensor in state.items()}},
        lambda state: {f"_orig_mod.module.model.{name}": tensor for name, tensor in state.items()},
        lambda state: {**state, "fc.weight": torch.ones(1000, 2), "fc.bias": torch.ones(1000)},
        lambda state: {
            "state_dict": {name: torch.zeros_like(tensor) for name, tensor in state.items()},
            "state_dict_ema": state,  # averaged weights are the ones to take
        },
    ],
)
def test_weights_are_found_however_a_checkpoint_wraps_them(tmp_path, wrap):
    trained, fresh = network(), network()
    torch.save(wrap(trained.state_dict()), tmp_path / "w.pth")
    assert load_into(fresh, read_tensors(tmp_path / "w.pth"), where="w.pth") == "8 of 8 tensors from w.pth"
    assert same(fresh, trained)


def test_safetensors_are_read(tmp_path):
    save_file = pytest.importorskip("safetensors.torch").save_file
    trained, fresh = network(), network()
    save_file(trained.state_dict(), tmp_path / "w.safetensors")
    load_into(fresh, read_tensors(tmp_path / "w.safetensors"), where="w")
    assert same(fresh, trained)


def test_nothing_in_a_file_is_executed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save({"state_dict": network().state_dict(), "extra": Command()}, tmp_path / "evil.pth")
    (tmp_path / "evil.bin").write_bytes(pickle.dumps(Command(), protocol=2))
    for name in ("evil.pth", "evil.bin"):
        with pytest.raises(ValueError, match=rf"{name} to hold weights that load without executing code"):
            read_tensors(tmp_path / name)
    assert not (tmp_path / "executed").exists()


@pytest.mark.parametrize("name", ["w.pth", "w.safetensors"])
@pytest.mark.parametrize("content", [b"", b"not weights", b"\x80\x02garbage", b"PK\x03\x04cut off"])
def test_a_file_of_another_kind_is_refused_in_one_line(tmp_path, name, content):
    pytest.importorskip("safetensors")
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ValueError, match=rf"{name} to hold weights") as caught:
        read_tensors(tmp_path / name)
    assert "\n" not in str(caught.value)


def test_a_missing_file_and_another_ending_are_refused(tmp_path):
    with pytest.raises(ValueError, match=r"expected the weights file .*gone.pth to be there, got none"):
        read_tensors(tmp_path / "gone.pth")
    with pytest.raises(ValueError, match=r"to end in .pth, .pt, .* got .*w.npz"):
        read_tensors(tmp_path / "w.npz")


@pytest.mark.parametrize("content", [{}, {"epoch": 3}, [torch.ones(2)], torch.ones(2), {"state_dict": {}}])
def test_a_file_without_named_tensors_is_refused(tmp_path, content):
    torch.save(content, tmp_path / "w.pth")
    with pytest.raises(ValueError, match=r"w.pth to hold named tensors"):
        read_tensors(tmp_path / "w.pth")


def test_weights_of_another_network_are_refused_with_the_first_differences():
    other = {"0.weight": torch.ones(9, 3, 1, 1), "conv.weight": torch.ones(2), "0.bias": torch.ones(4)}
    wanted = (
        r"w.pth to hold the weights of Sequential, got 1 of its 8 tensors; "
        r"without 0.weight \(4, 3, 1, 1\), got \(9, 3, 1, 1\), 1.weight \(4,\), 1.bias \(4,\)"
    )
    fresh = network()
    before = {name: tensor.clone() for name, tensor in fresh.state_dict().items()}
    with pytest.raises(ValueError, match=wanted):
        load_into(fresh, other, where="w.pth")
    assert all(torch.equal(tensor, before[name]) for name, tensor in fresh.state_dict().items())


def test_a_few_missing_tensors_are_told():
    layers = [nn.Linear(2, 2) for _ in range(10)]
    state = nn.Sequential(*layers).state_dict()
    del state["3.bias"]
    with pytest.warns(UserWarning, match=r"w has no fitting tensor for 1 of 20: 3.bias \(2,\)"):
        assert load_into(nn.Sequential(*layers), state, where="w") == "19 of 20 tensors from w"
