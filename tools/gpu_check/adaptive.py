"""Step 4: two epochs of adaptive asymmetry: the gamma_neg of the CPU, and no wait for the device in a step."""

from __future__ import annotations

import os

os.environ["LOPSIDED_BACKEND"] = "triton"

import sys

import torch
from torch import nn

from lopsided import AdaptiveAsymmetricLoss
from tools.gpu_check.record import DEVICE, GPU, Record

SAMPLES, LABELS, WIDTH, BATCH = (8192, 80, 64, 128) if GPU else (256, 8, 8, 64)


def gamma_neg_on(device: str) -> list[float]:
    """gamma_neg after each epoch; a synchronisation within a step raises an error on a GPU."""
    torch.manual_seed(0)
    inputs, rule = torch.randn(SAMPLES, WIDTH), torch.randn(WIDTH, LABELS)
    targets = (inputs @ rule / WIDTH**0.5 > 1.8).float()
    network = nn.Linear(WIDTH, LABELS).to(device)
    criterion = AdaptiveAsymmetricLoss(target_gap=0.1).to(device)
    optimizer = torch.optim.SGD(network.parameters(), lr=1.0)
    inputs, targets = inputs.to(device), targets.to(device)
    ends = []
    for _ in range(2):
        for first in range(0, SAMPLES, BATCH):
            if device == "cuda":
                torch.cuda.set_sync_debug_mode("error" if first or ends else "default")
            optimizer.zero_grad()
            criterion(network(inputs[first : first + BATCH]), targets[first : first + BATCH]).backward()
            optimizer.step()
        if device == "cuda":
            torch.cuda.set_sync_debug_mode("default")
        ends.append(float(criterion.gamma_neg))
    return ends


def main() -> None:
    """Compare the device with the CPU, and end with 1 where they part."""
    record = Record("adaptive")
    there, here = gamma_neg_on(DEVICE), gamma_neg_on("cpu")
    right = all(abs(one - two) < 1e-2 * max(1.0, two) for one, two in zip(there, here, strict=True))
    record.write(check="two epochs without a synchronisation", gamma_neg=there, on_cpu=here, right=right)
    sys.exit(not right)


if __name__ == "__main__":
    main()
