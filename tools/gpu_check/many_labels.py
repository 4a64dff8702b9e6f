"""Step 3: the linear layer and loss in chunks of labels, beside the layer and the loss after it: memory and time."""

from __future__ import annotations

from collections.abc import Callable

import torch
from measure import allocated, seconds
from torch import Tensor, nn

from lopsided.losses import asymmetric_loss, linear_asymmetric_loss
from tools.gpu_check.record import DEVICE, GPU, Record

SAMPLES, LABELS, WIDTH = (1024, 670_000, 512) if GPU else (16, 3000, 8)
DTYPE = torch.bfloat16 if GPU else torch.float32


def main() -> None:
    """Both, one after the other; the one that holds the logits last, because it may not fit."""
    record = Record("many_labels")
    torch.manual_seed(0)
    features = torch.randn(SAMPLES, WIDTH, device=DEVICE, dtype=DTYPE, requires_grad=True)
    layer = nn.Linear(WIDTH, LABELS, device=DEVICE, dtype=DTYPE)
    positives = torch.randint(LABELS, (SAMPLES, 5), device=DEVICE)

    def in_chunks() -> Tensor:
        return linear_asymmetric_loss(features, layer.weight, layer.bias, positives, indices=True)

    def layer_then_loss() -> Tensor:
        targets = torch.zeros(SAMPLES, LABELS, device=DEVICE, dtype=torch.bool).scatter_(1, positives, value=True)
        return asymmetric_loss(layer(features), targets)

    values = []
    for name, loss in (("in chunks", in_chunks), ("layer, then loss", layer_then_loss)):
        step = _step(loss, features, layer)
        step()
        peak = allocated(step, DEVICE)[0] / 2**30
        time = seconds(step, 5, DEVICE)
        values.append(loss().item())
        record.write(how=name, seconds=time, peak_gib=peak, logits_gib=SAMPLES * LABELS * features.itemsize / 2**30)
    record.write(check="the same loss", difference=abs(values[0] / values[1] - 1))


def _step(loss: Callable[[], Tensor], features: Tensor, layer: nn.Linear) -> Callable[[], None]:
    def step() -> None:
        features.grad = None
        layer.zero_grad(set_to_none=True)
        loss().backward()

    return step


if __name__ == "__main__":
    main()
