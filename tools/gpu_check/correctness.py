"""Step 1: the Triton kernel against float64, in every option; the same bits twice; more than 2^31 bytes.

Tolerances are those of the suite's test of the interpreted kernel, except that a GPU's exp and log may be two units in
the last place off.
"""

from __future__ import annotations

import os

os.environ["LOPSIDED_BACKEND"] = "triton"

import sys

import torch
from torch import Tensor

from lopsided import AdaptiveAsymmetricLoss
from lopsided.asymmetry import ProbabilityGap
from lopsided.losses import asymmetric_loss
from tools.gpu_check.record import DEVICE, GPU, Record

REDUCTIONS = ("none", "mean", "sum", "batchmean")
SHAPES = [(0, 5), (1, 1), (23, 57), (128, 80)] + ([(257, 1001), (64, 9605)] if GPU else [])
CASES = 400 if GPU else 24
SLOPES = {torch.float32: 2e-5, torch.bfloat16: 2**-7, torch.float16: 2**-9}
"""How far a gradient may be off, as a share of itself, for each dtype that it is rounded to."""


class Case:
    """One random call, on the CPU in float64 and on the device."""

    def __init__(self, number: int) -> None:
        draw = torch.Generator().manual_seed(number)

        def one_of(*options: object) -> object:
            return options[int(torch.randint(len(options), (), generator=draw))]

        def uniform(*shape: int) -> Tensor:
            return torch.rand(shape, generator=draw)

        self.shape = SHAPES[number % len(SHAPES)]
        rows, labels = self.shape
        self.dtype = (torch.float32, torch.bfloat16, torch.float16)[number % 3]
        self.logits = (torch.randn(self.shape, generator=draw) * 5).to(self.dtype)
        kind = one_of(torch.bool, torch.uint8, torch.int64, torch.float32, "shares")
        self.targets = uniform(*self.shape) if kind == "shares" else (uniform(*self.shape) < 0.3).to(kind)  # pyright: ignore
        focus = (0.0, 2.0, 0.5, torch.tensor(1.5), uniform(labels) * 4, uniform(rows, 1) * 3, uniform(*self.shape))
        self.options: dict[str, object] = {
            "gamma_pos": one_of(*focus),
            "gamma_neg": one_of(*focus),
            "margin": one_of(0.0, 0.2, torch.tensor(0.1), uniform(labels) / 4),
            "mask": one_of(None, uniform(*self.shape) > 0.3, uniform(labels) > 0.3),
            "weight": one_of(None, uniform(labels), uniform(*self.shape)),
            "detach_focus": one_of(False, True),
            "reduction": REDUCTIONS[number // 3 % 4],
        }

    def on(self, device: str, dtype: torch.dtype | None = None) -> tuple[Tensor, Tensor]:
        """Loss and gradient, both in float64 on the CPU."""
        logits = self.logits.to(device, dtype).requires_grad_()
        targets = self.targets.to(device, dtype if dtype and self.targets.is_floating_point() else None)
        options = {
            name: value.to(device, dtype if dtype and value.is_floating_point() else None)
            if isinstance(value, Tensor)
            else value
            for name, value in self.options.items()
        }
        loss = asymmetric_loss(logits, targets, **options)  # pyright: ignore[reportArgumentType]
        (slope,) = torch.autograd.grad(loss.sum(), logits)
        return loss.detach().double().cpu(), slope.double().cpu()


def fuzz(record: Record) -> bool:
    """Random calls; every one that is off is written down."""
    wrong = 0
    for number in range(CASES):
        case = Case(number)
        (loss, slope), (exact, true_slope) = case.on(DEVICE), case.on("cpu", torch.float64)
        try:
            torch.testing.assert_close(loss, exact, rtol=2e-5, atol=4e-6)
            torch.testing.assert_close(slope, true_slope, rtol=SLOPES[case.dtype], atol=6e-6)
        except AssertionError as error:
            wrong += 1
            record.write(case=number, dtype=str(case.dtype), shape=str(case.shape), wrong=str(error)[:300])
    record.write(check="against float64", cases=CASES, wrong=wrong)
    return wrong == 0


def repeats(record: Record) -> bool:
    """Sums twice, the same bits."""
    case = Case(3 * SHAPES.index((128, 80)) + 3)
    same = all(torch.equal(one, two) for one, two in zip(case.on(DEVICE), case.on(DEVICE), strict=True))
    record.write(check="the same bits twice", right=same)
    return same


def gap(record: Record) -> bool:
    """The sums of the gap that the adaptive criterion takes from the kernel's pass."""
    torch.manual_seed(0)
    logits, targets = torch.randn(64, 80), (torch.rand(64, 80) < 0.1).float()
    mask = torch.rand(64, 80) < 0.8
    criterion, exact = AdaptiveAsymmetricLoss(target_gap=0.1).to(DEVICE), ProbabilityGap()
    criterion(logits.to(DEVICE), targets.to(DEVICE), mask=mask.to(DEVICE))
    exact.update(logits.double(), targets, mask=mask)
    difference = abs(float(criterion.gap().gap) - float(exact.compute().gap))
    record.write(check="gap", difference=difference)
    return difference < 1e-5


def large(record: Record) -> bool:
    """Logits of more than 2^31 bytes: offsets that would not fit 32 bits."""
    rows = 2**31 // (4 * 9605) + 9 if GPU else 3
    logits = torch.zeros(rows, 9605, device=DEVICE)
    logits[-1] = 1.0
    targets = torch.zeros(rows, 9605, dtype=torch.bool, device=DEVICE)
    part = asymmetric_loss(logits[-1:].cpu().double(), targets[-1:].cpu(), reduction="none")
    whole = asymmetric_loss(logits, targets, reduction="none")
    right = bool(torch.allclose(whole[-1:].cpu().double(), part, rtol=2e-5, atol=1e-6))
    record.write(check="more than 2^31 bytes", elements=logits.numel(), right=right)
    return right


def main() -> None:
    """Run all checks, and end with 1 where one fails."""
    record = Record("correctness")
    passed = [check(record) for check in (fuzz, repeats, gap, large)]
    record.write(passed=all(passed))
    sys.exit(not all(passed))


if __name__ == "__main__":
    main()
