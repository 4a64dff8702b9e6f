"""Pass a sample through a network without computing numbers, to see what happens to its shape."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn.modules.batchnorm import _BatchNorm


def output_shape(network: nn.Module, *, input_shape: tuple[int, ...]) -> tuple[int, ...]:
    """Shape of a network's output for one sample.

    Args:
        network: On the CPU; it is left as it is.
        input_shape: Shape of one sample.

    Returns:
        The shape, which begins with 1 for the sample.

    Raises:
        Exception: The network does not take such inputs; the error is the network's own.

    >>> output_shape(nn.Conv2d(3, 8, 3), input_shape=(3, 32, 32))
    (1, 8, 30, 30)
    """
    with _in_evaluation(network):
        return tuple(_passed(network, input_shape).shape)


def normalises_alone(network: nn.Module, *, input_shape: tuple[int, ...]) -> bool:
    """Whether a batch normalisation that is trained sees only one value per channel of one sample. One value has no
    spread, so such a network cannot be trained on a batch of one.

    Args:
        network: On the CPU, in the mode in which it is trained; it is left as it is.
        input_shape: Shape of one sample, which the network takes.

    >>> normalises_alone(nn.Sequential(nn.Linear(5, 3), nn.BatchNorm1d(3)), input_shape=(5,))
    True
    >>> normalises_alone(nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8)), input_shape=(3, 8, 8))
    False
    """
    alone: list[bool] = []

    def look(_: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        alone.append(inputs[0].numel() == inputs[0].shape[1])

    trained = [module for module in network.modules() if isinstance(module, _BatchNorm) and module.training]
    if not trained:
        return False
    handles = [module.register_forward_pre_hook(look) for module in trained]
    try:
        output_shape(network, input_shape=input_shape)
    finally:
        for handle in handles:
            handle.remove()
    return any(alone)


def _passed(network: nn.Module, input_shape: tuple[int, ...]) -> Tensor:
    without_numbers = {
        name: torch.empty_like(tensor, device="meta")
        for tensors in (network.named_parameters(), network.named_buffers())
        for name, tensor in tensors
    }
    try:
        return functional_call(network, without_numbers, (torch.empty(1, *input_shape, device="meta"),))
    except Exception:  # some networks look at numbers on the way: give them some
        with torch.inference_mode():
            return network(torch.zeros(1, *input_shape))


@contextmanager
def _in_evaluation(network: nn.Module) -> Iterator[None]:
    modes = [(module, module.training) for module in network.modules()]
    network.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training
