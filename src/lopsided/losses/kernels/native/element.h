// Value and gradient of one element, eq. 3 to 6: the equations of formula.py, arranged for one pass in float32.
//
// "wrong" is the probability of the wrong answer (q = 1 - p for a positive, p for a negative) and "right" that of the
// right one; both come from exp(-|z|), so that neither loses its digits near saturation.
#pragma once

#include "elementary.h"

namespace {

constexpr float kLargest = 3.402823466e38f / 8;  // as in elements.py

struct Element {
    float loss, slope, p;
};

// How a base is raised: to 0, 1, 2 or 3, to another whole exponent up to 7, or to any.
enum class Raise { zero, one, two, three, whole, any };

// Settings that are one number for all elements. In the slope's focus term gamma is 0 where the focus is detached.
struct Numbers {
    float gamma_pos, gamma_neg, margin, slope_pos, slope_neg;
    float raise_neg;              // exponent of negatives; above a margin one less than gamma_neg, see below
    Digits whole_pos, whole_neg;  // gamma_pos and raise_neg where they are whole
    float focused, unfocused;     // 1 and 0, or 0 and 1 where gamma_neg is 0
    float scale;                  // of slopes
};

struct Probabilities {
    float a, low, high;  // exp(-|t|) and the smaller and larger of both probabilities
};

INLINE Probabilities probabilities(float t) {
    const float a = exponential(float_of(bits_of(t) | 0x80000000u));
    const float high = 1.0f / (1.0f + a);
    return {a, a * high, high};
}

template <Raise raise>
INLINE float raised_to(float base, float exponent, const Digits& digits) {
    if (raise == Raise::zero) return 1.0f;
    if (raise == Raise::one) return base;
    if (raise == Raise::two) return base * base;
    if (raise == Raise::three) return base * base * base;
    return raise == Raise::whole ? whole_power(base, digits) : power(base, exponent);
}

// A finite logit with a target of 1. With t = -z it is also a negative without margin: they are mirror images.
template <Raise raise>
INLINE Element hard_mirrored(float t, float gamma, float exponent, const Digits& digits) {
    const Probabilities part = probabilities(t);
    const float wrong = t < 0.0f ? part.low : part.high, right = t < 0.0f ? part.high : part.low;
    const float cost = logarithm(1.0f + part.a, part.a) + (t < 0.0f ? 0.0f : t);
    const float focus = raised_to<raise>(wrong, exponent, digits);
    return {cost * focus, focus * (wrong + gamma * (cost * right)), wrong};
}

// A finite logit with a target of 0 and a margin. Focus is split into raised * factor, where factor is p_m (or 1),
// because the slope divides cost by p_m: the quotient p_m^gamma / p_m is raised.
template <Raise raise>
INLINE Element hard_shifted(float z, const Numbers& set) {
    const Probabilities part = probabilities(z);
    const float p = z < 0.0f ? part.low : part.high, q = z < 0.0f ? part.high : part.low;
    const float above = p - set.margin < 0.0f ? 0.0f : p - set.margin;  // eq. 4: the margin is applied here
    const float rest = q + set.margin > 1.0f ? 1.0f : q + set.margin;
    const float cost = 0.0f - logarithm(rest, -above);  // not -log: 0 where nothing is left, never -0
    const float raised = raised_to<raise>(above, set.raise_neg, set.whole_neg);
    float factor = above;
    if (raise == Raise::zero)  // 0^0 is 1, but below the margin nothing is left to focus on
        factor = above * set.focused + (above > 0.0f ? set.unfocused : 0.0f);
    const float spread = p * q;
    const float slope = raised * (factor * (spread / rest) + set.slope_neg * (cost * spread));
    return {cost * (raised * factor), slope, p};
}

// Linear between a negative and a positive, with the rounding of torch.lerp.
INLINE float between(float negative, float positive, float y) {
    const float step = positive - negative;
    return (y < 0.5f && y > -0.5f) ? negative + y * step : positive - step * (1.0f - y);
}

// Settings of one element. A slope gamma of 0 drops the slope's focus term, even where it would be 0 * infinity.
struct Focus {
    float gamma_pos, gamma_neg, margin, slope_pos, slope_neg;
};

// Any target, any logit that is not infinite, and settings of its own: both sides are computed.
INLINE Element soft(float z, float y, const Focus& set) {
    const Probabilities part = probabilities(z);
    const float p = z < 0.0f ? part.low : part.high, q = z < 0.0f ? part.high : part.low;
    const float nearby = logarithm(1.0f + part.a, part.a);
    const float cost_pos = nearby + (z < 0.0f ? -z : 0.0f);
    const float focus_pos = power(q, set.gamma_pos);
    const float secant_pos = set.slope_pos == 0.0f ? 0.0f : set.slope_pos * (p * cost_pos);
    const float slope_pos = -focus_pos * (q + secant_pos);

    const bool unshifted = set.margin == 0.0f;
    const float above = p - set.margin < 0.0f ? 0.0f : p - set.margin;
    const float rest = q + set.margin > 1.0f ? 1.0f : q + set.margin;
    const float cost_neg = unshifted ? nearby + (z < 0.0f ? 0.0f : z) : 0.0f - logarithm(rest, -above);
    const bool unfocused = set.gamma_neg == 0.0f;
    const float raise = unshifted ? set.gamma_neg : (unfocused ? 0.0f : set.gamma_neg - 1.0f);
    const float raised = power(unshifted ? p : above, raise);
    const float shifted_factor = unfocused ? (above > 0.0f ? 1.0f : 0.0f) : above;
    const float factor = unshifted ? 1.0f : shifted_factor;
    const float steepness = unshifted ? p : p * q / rest;
    const float secant = cost_neg * (unshifted ? q : p * q);
    const float secant_neg = set.slope_neg == 0.0f ? 0.0f : set.slope_neg * secant;
    const float slope_neg = raised * (factor * steepness + secant_neg);
    return {between(cost_neg * (raised * factor), cost_pos * focus_pos, y), between(slope_neg, slope_pos, y), p};
}

}  // namespace
