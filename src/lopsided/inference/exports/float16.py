"""A network that computes in float16 and keeps its weights so, for a file of half the size."""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from lopsided.files.errors import quoted
from lopsided.models import Pixels, SparseLinear, Standardise
from lopsided.models.last_layer import last_layer

LARGEST = torch.finfo(torch.float16).max
"""65504: what is farther from 0 is infinite in float16."""


class Float16(nn.Module):
    """A copy of a network with weights and computation in float16; inputs and logits keep their types.

    Pixels and features are brought to one scale in the type that they come in, since as they stand in the data they may
    be beyond the range of float16.

    Args:
        model: From inputs to logits; it stays as it is.

    >>> network = Float16(nn.Sequential(Standardise(2), nn.Linear(2, 1)))
    >>> network(torch.tensor([[1.0, 2.0]])).dtype
    torch.float32
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        scaling = {name: part for name, part in model.named_modules() if isinstance(part, Pixels | Standardise)}
        self.model = copy.deepcopy(model).half()
        for name, part in scaling.items():
            self.model.set_submodule(name, nn.Sequential(copy.deepcopy(part), _Half()))
        self.is_scaled = bool(scaling)

    def forward(self, inputs: Tensor) -> Tensor:
        """Logits, float32 of shape ``(samples, labels)``."""
        if inputs.is_floating_point() and not self.is_scaled:
            inputs = inputs.half()
        return self.model(inputs).float()


class _Half(nn.Module):
    def forward(self, inputs: Tensor) -> Tensor:
        return inputs.half()


def check_float16(model: nn.Module, labels: Sequence[str]) -> None:
    """Refuse a network with a weight that is finite and would be infinite in float16.

    Args:
        model: From inputs to logits.
        labels: Names, in the order of the logits.

    Raises:
        ValueError: There is one; the message names it, and its label where it belongs to one.
    """
    for module_name, module in model.named_modules():
        if isinstance(module, Pixels | Standardise):
            continue
        for name, held in (*module.named_parameters(recurse=False), *module.named_buffers(recurse=False)):
            tensor = held.detach()
            beyond = (tensor.abs() > LARGEST) & tensor.isfinite()
            if tensor.is_floating_point() and beyond.any():
                place = beyond.nonzero()[0].tolist()
                where = ".".join(filter(None, (module_name, name))) + _label_of(model, module, place, labels)
                raise ValueError(
                    f"expected weights within {LARGEST:.0f} of 0, which float16 can hold, got "
                    f"{float(tensor[tuple(place)]):.4g} in {where}; export it in float32"
                )


def check_logits(half: Float16, inputs: Tensor, logits: Tensor, *, tolerance: float) -> None:
    """Refuse a network whose numbers on the way to the logits float16 cannot hold.

    onnxruntime computes float16 in float32 on a CPU, so that a run of the file would not show it.

    Args:
        half: The network.
        inputs: Of the network.
        logits: That it gives in float32 for these.
        tolerance: Largest difference allowed to a logit, as a share of the largest one where that is above 1.
    """
    allowed = tolerance * max(1.0, float(logits.abs().max()))
    with torch.inference_mode():
        difference = float((half(inputs) - logits).abs().max())
    if not difference <= allowed:  # nan too
        raise ValueError(
            f"expected logits in float16 within {allowed:.1g} of those in float32, got a difference of "
            f"{difference:.2g}: float16 is too coarse for it, or a number in it is beyond {LARGEST:.0f}; export it in "
            "float32"
        )


def _label_of(model: nn.Module, module: nn.Module, place: list[int], labels: Sequence[str]) -> str:
    last = last_layer(model)
    if last is None or last.layer is not module:
        return ""
    number = place[-1] if isinstance(last.layer, SparseLinear) else place[0]  # its weight has a row for each feature
    return f" (label {quoted(labels[number])})"
