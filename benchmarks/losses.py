"""Forward and backward of the losses beside rivals, interleaved in one process; ratios to BCEWithLogits.

python benchmarks/losses.py [--threads 2] [--repeats 15]
"""

from __future__ import annotations

import argparse
import platform
import time
from statistics import median

import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from lopsided.losses import asymmetric_loss, binary_cross_entropy, focal_loss

SHAPES = [(128, 80), (256, 1000), (448, 9605), (65536, 80)]


def plain_formula(logits, targets):
    """The asymmetric loss as the equations say it, differentiated by autograd."""
    p = torch.sigmoid(logits)
    shifted = (p - 0.2).clamp(min=0)
    positive = targets * torch.log(p.clamp(min=1e-8))
    negative = (1 - targets) * shifted**2 * torch.log((1 - shifted).clamp(min=1e-8))
    return -(positive + negative).mean()


CASES = {
    "BCEWithLogits": binary_cross_entropy_with_logits,
    "plain formula, autograd": plain_formula,
    "ours: binary_cross_entropy": binary_cross_entropy,
    "ours: focal_loss": focal_loss,
    "ours: asymmetric_loss": asymmetric_loss,
    "ours: asymmetric_loss, gamma_neg 2.5": lambda logits, targets: asymmetric_loss(logits, targets, gamma_neg=2.5),
    "ours: asymmetric_loss, bool targets": lambda logits, targets: asymmetric_loss(logits, targets > 0),
}


def seconds(loss, logits, targets, calls):
    started = time.perf_counter()
    for _ in range(calls):
        logits.grad = None
        loss(logits, targets).backward()
    return (time.perf_counter() - started) / calls


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--repeats", type=int, default=15)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    torch.manual_seed(0)
    capability = torch.backends.cpu.get_cpu_capability()
    print(f"torch {torch.__version__}, {options.threads} threads, {platform.machine()}, {capability}")
    for shape in SHAPES:
        logits = (3 * torch.randn(shape)).requires_grad_()
        targets = (torch.rand(shape) < 0.03).float()
        calls = max(1, 200_000 // logits.numel())
        times = {name: [] for name in CASES}
        for _ in range(options.repeats + 1):
            for name, loss in CASES.items():
                times[name].append(seconds(loss, logits, targets, calls))
        base = median(times["BCEWithLogits"][1:])
        print(f"\n{shape[0]} x {shape[1]}: BCEWithLogits {1e3 * base:.3f} ms")
        for name, measured in times.items():
            ratios = sorted(value / base for value in measured[1:])
            print(f"  {name:<38} {median(ratios):6.2f}  ({ratios[0]:.2f} to {ratios[-1]:.2f})")


if __name__ == "__main__":
    main()
