"""The Triton kernel by Triton's interpreter on the CPU, and compiled for a GPU that is not there.

Nothing here has run on a GPU: rounding of its exp and log, and speed, are not verified.
"""

import importlib.util
import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(importlib.util.find_spec("triton") is None, reason="triton is not installed")


@pytest.fixture(autouse=True, scope="module")
def every_backend():
    """Not both here."""


def run(code, **environment):
    """In a process of its own: triton decides at its import whether it interprets."""
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, **environment}, check=False
    )
    assert result.returncode == 0, result.stderr[-3000:]


@pytest.mark.slow
def test_interpreted_it_equals_float64_in_every_option():
    run(
        """
import itertools, torch
from lopsided.losses.formula import Settings
from lopsided.losses.kernels import torch_blocks, triton_kernel
from lopsided.losses.kernels.call import Call
from lopsided.losses.reduction import reduce

torch.manual_seed(0)
shape, seen = (23, 57), 0
dtypes = itertools.cycle([torch.float32, torch.bfloat16, torch.float16])
kinds = itertools.cycle([torch.bool, torch.uint8, torch.int64, torch.float32])
tensors = [torch.tensor(1.5), torch.rand(57) * 4, torch.rand(23, 1) * 3, torch.rand(shape)]
focus = itertools.cycle([0.0, 2.0, 0.5, *tensors])
margins = itertools.cycle([0.0, 0.2, torch.tensor(0.1), torch.rand(57) / 4 * (torch.rand(57) > 0.5)])
masks = itertools.cycle([None, torch.rand(shape) > 0.3, torch.rand(57) > 0.3])
weights = itertools.cycle([None, torch.rand(57), torch.rand(shape)])
for reduction, detach, soft in itertools.product(("none", "mean", "sum", "batchmean"), (False, True), (False, True)):
    for _ in range(3):
        dtype, kind = next(dtypes), torch.float32 if soft else next(kinds)
        logits = (torch.randn(shape) * 5).to(dtype)
        targets = torch.rand(shape) if soft else (torch.rand(shape) < 0.3).to(kind)
        if targets.dtype == torch.bool:  # True is any byte but 0
            targets = (targets.to(torch.uint8) * torch.randint(1, 256, shape)).to(torch.uint8).view(torch.bool)
        options = Settings(next(focus), next(focus), next(margins), detach)
        mask, weight = next(masks), next(weights)
        ours = triton_kernel.run(Call(logits, targets, options, mask, weight, reduction, want_gap=True))
        wide = Call(logits.double(), targets.double(), options.to(torch.float64), mask, weight)
        exact, slope, _ = torch_blocks.run(wide)
        known = torch.ones(shape) if mask is None else torch.ones(shape) * mask
        factor = {"none": 1, "sum": 1, "mean": 1 / known.sum().item(), "batchmean": 1 / 23}[reduction]
        torch.testing.assert_close(
            ours.loss.double(), reduce(exact, mask=mask, reduction=reduction), rtol=1e-5, atol=2e-6
        )
        size = {torch.float32: 1e-5, torch.bfloat16: 2**-7, torch.float16: 2**-9}[dtype]
        torch.testing.assert_close(ours.slope.double(), slope * factor, rtol=size, atol=3e-6)
        seen += 1
assert seen == 48
""",
        TRITON_INTERPRET="1",
    )


def test_the_public_function_uses_it_where_asked_and_keeps_nan_and_masks():
    run(
        """
import torch
from lopsided import AdaptiveAsymmetricLoss
from lopsided.losses import asymmetric_loss
from lopsided.losses.kernels import backend, triton_kernel

for elements in (0, 1, 1023, 1025):
    logits = torch.randn(elements, requires_grad=True)
    assert backend.BACKENDS[backend._chosen("cpu")].module is triton_kernel
    loss = asymmetric_loss(logits, torch.zeros(elements))
    loss.backward()
    assert logits.grad.shape == logits.shape and loss.isfinite()
logits = torch.tensor([[torch.nan, 0.0, torch.nan]], requires_grad=True)
loss = asymmetric_loss(logits, torch.zeros(1, 3), mask=torch.tensor([True, True, False]), reduction="none")
assert loss.isnan().tolist() == [[True, False, False]]
criterion = AdaptiveAsymmetricLoss(target_gap=0.1, rate=1.0, separation=0.0)
criterion(torch.zeros(2, 3), torch.tensor([[1, 0, 0], [0, 0, 0]]))
assert abs(criterion.gamma_neg.item() - 2.1) < 1e-6
""",
        TRITON_INTERPRET="1",
        LOPSIDED_BACKEND="triton",
    )


def test_it_compiles_for_a_gpu():
    run(
        """
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from lopsided.losses.kernels.triton_source import one_block

pointers = dict.fromkeys(("weight", "gamma_pos", "gamma_neg", "margin", "count", "losses"), "*fp32")
pointers |= {"targets": "*u8", "mask": "*u8", "slopes": "*fp32", "sums": "*fp32"}
numbers = {"gamma_pos_number": "fp32", "gamma_neg_number": "fp32", "margin_number": "fp32"}
sizes = {"elements": "i64", "labels": "i32", "programs": "i32"}
for logits in ("*fp32", "*bf16"):
    for kinds in ((0, 0, 0, 0, 0), (3, 2, 0, 1, 2)):
        fixed = {"kinds": kinds, "detach": False, "truth": True, "has_mask": kinds[0] > 0, "has_weight": kinds[1] > 0,
                 "whole": False, "want_slope": True, "block": 1024}
        types = pointers | {"logits": logits, "slopes": logits} | numbers | sizes
        types |= {name: "constexpr" for name in fixed}
        signature = {name: types[name] for name in one_block.arg_names}
        built = triton.compile(ASTSource(one_block, signature, fixed), target=GPUTarget("cuda", 90, 32))
        assert ".target sm_90" in built.asm["ptx"]
"""
    )
