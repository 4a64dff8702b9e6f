"""What runs on the GPU: the equations of ``formula.py`` for one block of elements, in float32.

Imported only where Triton is there; see ``triton_kernel.py``.
"""

# pyright: basic, reportMissingImports=false, reportIndexIssue=false, reportArgumentType=false, reportOperatorIssue=false
import triton
import triton.language as tl


@triton.jit
def log1p(w):
    """log(1 + w): the quotient gives back the digits that 1 + w lost."""
    u = 1.0 + w
    safe = tl.where(u == 1.0, 2.0, u)
    return tl.where(u == 1.0, w, tl.log(safe) * (w / (safe - 1.0)))


@triton.jit
def power(base, exponent):
    """base^exponent for base in [0, 1]; 0^0 is 1."""
    safe = tl.where(base > 0.0, base, 1.0)
    result = tl.exp(exponent * tl.log(safe))
    zero = tl.where(exponent == 0.0, 1.0, 0.0)
    return tl.where(base > 0.0, result, tl.where(base == 0.0, zero, base))


@triton.jit
def lerp(start, end, y):
    """Linear between both, exact at both ends."""
    step = end - start
    return tl.where(tl.abs(y) < 0.5, start + y * step, end - step * (1.0 - y))


@triton.jit
def operand(pointer, number, offsets, inside, labels, kind: tl.constexpr):
    """The values of a setting, a weight or a mask for some elements; kinds as in triton_kernel.py."""
    if kind == 0:
        values = number
    elif kind == 1:
        values = tl.load(pointer)
    elif kind == 2:
        values = tl.load(pointer + offsets % labels, mask=inside, other=0)
    else:
        values = tl.load(pointer + offsets, mask=inside, other=0)
    return values


@triton.jit
def positive_side(z, p, q, nearby, gamma, drop: tl.constexpr):
    """Loss and slope of a positive."""
    cost = nearby + tl.where(z < 0.0, -z, 0.0)
    focus = power(q, gamma)
    slope = q
    if not drop:
        slope += tl.where(gamma == 0.0, 0.0, gamma * (p * cost))
    return cost * focus, -focus * slope


@triton.jit
def negative_side(z, p, q, nearby, gamma, margin, drop: tl.constexpr):
    """Loss and slope of a negative. p_m^gamma is split into p_m^(gamma - 1) and p_m: the slope divides by p_m."""
    unshifted = margin == 0.0
    above = tl.where(p - margin < 0.0, 0.0, p - margin)
    rest = tl.where(q + margin > 1.0, 1.0, q + margin)
    # log(rest) from rest where it is far from 1, else from what is missing to 1.
    far = tl.where(rest < 0.5, -tl.log(tl.where(rest > 0.0, rest, 1.0)), -log1p(-tl.where(rest < 0.5, 0.0, above)))
    cost = tl.where(unshifted, nearby + tl.where(z < 0.0, 0.0, z), far)
    unfocused = gamma == 0.0
    raised = power(tl.where(unshifted, p, above), tl.where(unshifted, gamma, tl.where(unfocused, 0.0, gamma - 1.0)))
    factor = tl.where(unshifted, 1.0, tl.where(unfocused, tl.where(above > 0.0, 1.0, 0.0), above))
    slope = factor * tl.where(unshifted, p, p * q / rest)
    if not drop:
        slope += tl.where(unfocused, 0.0, gamma * (cost * tl.where(unshifted, q, p * q)))
    return cost * (raised * factor), raised * slope


@triton.jit
def one_block(
    logits,
    targets,
    mask,
    weight,
    gamma_pos,
    gamma_neg,
    margin,
    gamma_pos_number,
    gamma_neg_number,
    margin_number,
    count,
    losses,
    slopes,
    sums,
    elements,
    labels,
    programs,
    kinds: tl.constexpr,
    detach: tl.constexpr,
    truth: tl.constexpr,
    has_mask: tl.constexpr,
    has_weight: tl.constexpr,
    whole: tl.constexpr,
    want_slope: tl.constexpr,
    block: tl.constexpr,
):
    """Loss, slope and sums of one block; the sums go to column ``program_id`` of ``sums``."""
    program = tl.program_id(0)
    offsets = program.to(tl.int64) * block + tl.arange(0, block)
    inside = offsets < elements
    z = tl.load(logits + offsets, mask=inside, other=0.0).to(tl.float32)
    y = tl.load(targets + offsets, mask=inside, other=0)
    if truth:  # True is any byte but 0
        y = y != 0
    y = y.to(tl.float32)
    known = inside
    if has_mask:  # unknown elements may hold NaN: replaced before, silenced after
        known = inside & (operand(mask, 0, offsets, inside, labels, kinds[0]) != 0)
        z, y = tl.where(known, z, 0.0), tl.where(known, y, 0.0)
    z = tl.where(z > 4.25e37, 4.25e37, tl.where(z < -4.25e37, -4.25e37, z))  # infinity would meet a 0, which gives NaN
    a = tl.exp(-tl.abs(z))
    high = 1.0 / (1.0 + a)
    p, q = tl.where(z < 0.0, a * high, high), tl.where(z < 0.0, high, a * high)
    nearby = log1p(a)
    zero = tl.zeros([block], dtype=tl.float32)
    focus_pos = zero + operand(gamma_pos, gamma_pos_number, offsets, inside, labels, kinds[2])
    focus_neg = zero + operand(gamma_neg, gamma_neg_number, offsets, inside, labels, kinds[3])
    shift = zero + operand(margin, margin_number, offsets, inside, labels, kinds[4])
    loss_pos, slope_pos = positive_side(z, p, q, nearby, focus_pos, detach)
    loss_neg, slope_neg = negative_side(z, p, q, nearby, focus_neg, shift, detach)
    loss, slope = lerp(loss_neg, loss_pos, y), lerp(slope_neg, slope_pos, y)
    if has_weight:
        factor = operand(weight, 0.0, offsets, inside, labels, kinds[1])
        loss, slope = loss * factor, slope * factor
    loss, slope = tl.where(known, loss, 0.0), tl.where(known, slope, 0.0)
    if whole:
        tl.store(losses + offsets, loss, mask=inside)
    if want_slope:
        tl.store(slopes + offsets, (slope / tl.load(count)).to(slopes.dtype.element_ty), mask=inside)
    counted = tl.where(known, 1.0, 0.0)
    tl.store(sums + program, tl.sum(loss))
    tl.store(sums + programs + program, tl.sum(counted * y * p))
    tl.store(sums + 2 * programs + program, tl.sum(counted * y))
    tl.store(sums + 3 * programs + program, tl.sum(counted * (1.0 - y) * q))
    tl.store(sums + 4 * programs + program, tl.sum(counted * (1.0 - y)))
