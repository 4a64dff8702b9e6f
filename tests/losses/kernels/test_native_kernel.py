"""Every set of instructions of the native kernel beside plain torch in float64."""

import math
import os

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lopsided.losses import asymmetric_loss
from lopsided.losses.formula import Settings
from lopsided.losses.kernels import native_kernel, torch_blocks
from lopsided.losses.kernels.call import Call
from lopsided.losses.reduction import reduce

NATIVE = native_kernel.native_module()
pytestmark = pytest.mark.skipif(NATIVE is None, reason="the native kernel was not built")
AVAILABLE = range(NATIVE.best_instructions() + 1) if NATIVE else [0]
PAGES = os.sysconf("SC_AVPHYS_PAGES") if "SC_AVPHYS_PAGES" in getattr(os, "sysconf_names", {}) else 0
MEMORY = PAGES * 4096
NAMES = [native_kernel.INSTRUCTIONS[number] for number in AVAILABLE]

RELATIVE = {torch.float32: 2e-6, torch.float16: 2**-10, torch.bfloat16: 2**-7}
"""Of the slope, by the type it is stored in; the loss is float32 for all."""
TARGET_TYPES = [torch.bool, torch.uint8, torch.int64, torch.int32, torch.float16, torch.float32, torch.float64]


@pytest.fixture(autouse=True, scope="module")
def every_backend():
    """Not both here."""


@pytest.fixture(params=AVAILABLE, ids=NAMES, scope="module")
def instructions(request):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(native_kernel, "instructions", lambda: request.param)
        yield request.param


def tolerance(logits, options, slope):
    """What rounding the probability to float32 may move, most where it is close to the margin."""
    above = (logits.double().sigmoid() - options.margin).abs().clamp(min=1e-9)
    return 1e-6 + slope.abs() * (RELATIVE[logits.dtype] + 4e-7 * (1 + options.gamma_neg) / above)


def compare(logits, targets, options, mask=None, weight=None, reduction="none"):
    """Run one call and hold loss, slope and gap against float64."""
    results = native_kernel.run(Call(logits, targets, options, mask, weight, reduction, want_gap=True))
    wide = options.to(torch.float64)
    part = None if weight is None else weight.double()
    exact, slope, _ = torch_blocks.run(Call(logits.double(), targets.double(), wide, mask, part))
    expected = reduce(exact, mask=mask, reduction=reduction)
    factor = 1.0 if reduction == "none" else _factor(logits, mask, reduction)
    size = 1.0 if part is None else part.abs().nan_to_num()
    near_margin = (logits.double().sigmoid() - wide.margin).abs() < 1e-6
    allowed = tolerance(logits, wide, slope / size.clamp(min=1e-9) if part is not None else slope) * size * factor
    error = (results.slope.double() - slope * factor).abs()
    smallest = torch.finfo(logits.dtype).smallest_normal * torch.finfo(logits.dtype).eps
    excess = (error > allowed + smallest) & ~near_margin
    assert not excess.any(), (logits[excess], targets[excess], results.slope[excess], (slope * factor)[excess])
    scale = 1.0 if part is None else float(part.abs().nan_to_num().max())
    torch.testing.assert_close(
        results.loss.double(), expected, rtol=5e-6, atol=2e-6 * max(scale, 1.0) * _count(exact, reduction)
    )
    return results


def _factor(logits, mask, reduction):
    ones = torch.ones_like(logits, dtype=torch.float64)
    known = ones if mask is None else ones * mask
    return float(reduce(known, mask=mask, reduction=reduction)) / max(float(known.sum()), 1.0)


def _count(losses, reduction):
    return {"sum": losses.numel(), "batchmean": losses.shape[-1] if losses.dim() else 1}.get(reduction, 1)


@st.composite
def calls(draw):
    shape = draw(st.sampled_from([(1,), (3,), (16,), (17, 5), (5, 17), (2, 3, 40), (1, 1030), (513,), (33, 31)]))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**20)))
    logits = torch.randn(shape, generator=generator) * draw(st.sampled_from([0.1, 3.0, 20.0]))
    kind = draw(st.sampled_from(TARGET_TYPES))
    targets = torch.rand(shape, generator=generator)
    if not kind.is_floating_point or draw(st.booleans()):
        targets = (targets < 0.3).float()

    def setting(low, high):
        form = draw(st.sampled_from(["number", "whole", "zero", "scalar", "labels", "rows", "elements"]))
        value = draw(st.floats(max(low, 1e-3), high))
        if form in ("number", "whole", "zero"):
            return {"number": value, "whole": float(int(value)), "zero": 0.0}[form]
        size = {"scalar": (), "labels": shape[-1:], "rows": (*shape[:-1], 1), "elements": shape}[form]
        return torch.rand(size, generator=generator) * value

    options = Settings(setting(0, 9), setting(0, 9), setting(1e-3, 0.9), draw(st.booleans()))
    mask = draw(st.sampled_from([None, shape, shape[-1:], (*shape[:-1], 1)]))
    weight = draw(st.sampled_from([None, shape, shape[-1:], ()]))
    return {
        "logits": logits.to(draw(st.sampled_from(list(RELATIVE)))),
        "targets": targets.to(kind),
        "options": options,
        "mask": None if mask is None else torch.rand(mask, generator=generator) > 0.3,
        "weight": None if weight is None else torch.rand(weight, generator=generator) * 3,
        "reduction": draw(st.sampled_from(["none", "mean", "sum", "batchmean"])),
    }


@settings(max_examples=300, deadline=None)
@given(call=calls())
def test_any_call_equals_float64(instructions, call):
    if call["logits"].dtype == torch.float16:  # reduced by the caller, so that nothing vanishes in the division
        call["reduction"] = "sum"
    compare(**call)


@settings(max_examples=100, deadline=None)
@given(call=calls(), place=st.integers(0, 10**6), special=st.sampled_from([math.nan, math.inf, -math.inf]))
def test_nan_and_infinity_in_any_logit_come_out_as_from_plain_torch(instructions, call, place, special):
    logits, options = call["logits"].float(), call["options"]
    options = Settings(
        *(float(p.max()) if isinstance(p, torch.Tensor) else p for p in options[:3]), options.detach_focus
    )
    logits.view(-1)[place % logits.numel()] = special
    call = Call(logits, call["targets"], options, call["mask"])
    for ours, theirs in zip(native_kernel.run(call)[:2], torch_blocks.run(call)[:2], strict=True):
        at = place % logits.numel()
        torch.testing.assert_close(ours.view(-1)[at], theirs.view(-1)[at], rtol=1e-5, atol=1e-6, equal_nan=True)
        torch.testing.assert_close(ours.isnan(), theirs.isnan())


def run(targets, *, mask=None, weight=None, margin=0.2):
    logits = torch.zeros(targets.shape)
    options = Settings(0.0, 2.0, margin)
    return native_kernel.run(Call(logits, targets, options, mask, weight))


def test_nan_in_weights_is_let_through(instructions):
    weight = torch.ones(40)
    weight[21] = math.nan
    results = run(torch.zeros(40), weight=weight)
    assert results.loss.isnan().nonzero().tolist() == [[21]]
    assert results.slope.isnan().nonzero().tolist() == [[21]]


@pytest.mark.parametrize("value", [math.nan, -1e-6, 1 + 1e-6, -100, 255, math.inf])
@pytest.mark.parametrize("margin", [0.2, torch.full((100_000,), 0.2)])
@pytest.mark.parametrize("place", [0, 21, 16384, 99_999])
def test_the_first_known_target_outside_0_to_1_is_named(instructions, value, margin, place):
    targets = torch.zeros(100_000)
    targets[-1] = 77
    targets[place] = value
    with pytest.raises(ValueError, match=f"got {targets[place].item():.9g}; "):
        run(targets, margin=margin)
    mask = targets == 0
    assert torch.equal(run(targets, mask=mask, margin=margin).loss[mask], run(0 * mask, margin=margin).loss[mask])


def test_true_is_any_byte_but_0_in_targets_and_masks(instructions):
    odd = torch.arange(1000).to(torch.uint8)
    plain, known = odd != 0, odd.roll(5)
    assert torch.equal(run(odd.view(torch.bool)).loss, run(plain).loss)
    masked = run(plain, mask=known.view(torch.bool))
    assert torch.equal(masked.loss, run(plain, mask=known != 0).loss)


def test_the_sums_of_the_gap_are_those_of_the_reference(instructions):
    from lopsided.asymmetry import gap_sums

    logits, targets, mask = torch.randn(70, 31) * 4, torch.rand(70, 31), torch.rand(70, 31) > 0.4
    logits[~mask] = math.nan
    for known in (mask, torch.ones(31, dtype=torch.bool)):
        z = logits if known is mask else logits.nan_to_num()
        call = Call(z, targets, Settings(0.0, 2.0, 0.2), known, torch.rand(31), "mean", want_slope=False, want_gap=True)
        results = native_kernel.run(call)
        torch.testing.assert_close(results.gap_sums, gap_sums(z, targets, mask=known), rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("elements", [0, 1, 15, 16, 17, 511, 512, 513, 16384, 16385, 100_003])
def test_any_size_on_one_and_two_threads_gives_the_same_bits(instructions, elements):
    logits, targets = torch.randn(elements), (torch.rand(elements) < 0.1).to(torch.uint8)
    threads, outcomes = torch.get_num_threads(), []
    try:
        for number in (1, 2):
            torch.set_num_threads(number)
            outcomes.append(compare(logits, targets, Settings(1.0, 2.5, 0.05), reduction="sum"))
    finally:
        torch.set_num_threads(threads)
    assert all(torch.equal(one, two) for one, two in zip(*outcomes, strict=True))


def test_every_half_number_is_read_exactly(instructions):
    every = torch.arange(-(2**15), 2**15, dtype=torch.int16)
    for dtype in (torch.float16, torch.bfloat16):
        logits = every.view(dtype)
        results, expected = (
            native_kernel.run(Call(z, torch.zeros(2**16), Settings(0.0, 0.0, 0.0))) for z in (logits, logits.float())
        )
        torch.testing.assert_close(results.loss, expected.loss, rtol=0, atol=0, equal_nan=True)
        torch.testing.assert_close(results.slope, expected.slope.to(dtype), rtol=0, atol=0, equal_nan=True)


def test_exponential_and_logarithm_keep_their_digits(instructions):
    logits = torch.linspace(-87, 87, 200_001)
    results = native_kernel.run(Call(logits, torch.zeros_like(logits), Settings(0.0, 0.0, 0.0)))
    wide = logits.double()
    torch.testing.assert_close(
        results.loss.double(), torch.nn.functional.softplus(wide, threshold=1e9), rtol=4e-7, atol=0
    )
    torch.testing.assert_close(results.slope.double(), wide.sigmoid(), rtol=4e-7, atol=0)


def test_the_gradient_is_handed_out_without_a_copy_and_kept_where_the_graph_is():
    logits = torch.randn(300, 10, requires_grad=True)
    loss = asymmetric_loss(logits, torch.zeros(300, 10))
    held = loss.grad_fn.saved_tensors[0].data_ptr()
    loss.backward(retain_graph=True)
    assert logits.grad.data_ptr() != held
    once = logits.grad.clone()
    loss.backward()
    loss = asymmetric_loss(logits, torch.zeros(300, 10))
    loss.backward()
    torch.testing.assert_close(logits.grad, 3 * once)
    logits.grad = None
    loss = asymmetric_loss(logits, torch.zeros(300, 10))
    held = loss.grad_fn.saved_tensors[0].data_ptr()
    loss.backward()
    assert logits.grad.data_ptr() == held
    assert not logits.grad.requires_grad


@pytest.mark.slow
@pytest.mark.skipif(MEMORY < 10 * 2**30, reason="needs 10 GB of memory")
def test_more_than_two_gigabytes_of_targets_are_addressed():
    elements = 2**31 + 1000
    targets = torch.zeros(elements, dtype=torch.bool)
    targets[-1] = True
    logits = torch.full((elements,), -20.0, dtype=torch.float16)
    loss = asymmetric_loss(logits, targets, reduction="sum")
    assert loss.item() == pytest.approx(20.0)
