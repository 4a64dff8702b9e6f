// Blocks whose targets are all 0 or 1, whose logits are finite, and whose settings are numbers: nearly all there are.
//
// Positives are few, so every element is first computed as a negative, without branches or choices, and the positives
// are then gathered, computed and put in their places.
#pragma once

#include "call.h"
#include "element.h"

namespace {

constexpr int kLanes = 16;  // loops run over multiples of this, the widest vector; sums are kept in as many parts

bool all_finite(const float* z, int count) {
    uint32_t largest = 0;
    for (int i = 0; i < count; i++) {
        const uint32_t magnitude = bits_of(z[i]) & 0x7fffffffu;
        largest = largest < magnitude ? magnitude : largest;
    }
    return largest < 0x7f800000u;
}

bool all_marks(const uint8_t* marks, int count) {
    uint8_t any = 0;
    for (int i = 0; i < count; i++) any |= marks[i];
    return any <= 1;
}

// Marks the targets that are 1; false where some are neither 0 nor 1.
bool mark(const float* __restrict y, int count, uint8_t* __restrict marks) {
    uint32_t soft = 0;
    for (int i = 0; i < count; i++) {
        const uint32_t bits = bits_of(y[i]), one = bits >> 29 & 1;  // of 0.0 and 1.0, only 1.0 has this bit
        soft |= bits ^ (one * 0x3f800000u);
        marks[i] = static_cast<uint8_t>(one);
    }
    return soft == 0;
}

// Places of the marks, eight looked at together because most are 0. Counts are multiples of kLanes.
int find(const uint8_t* marks, int count, uint16_t* places) {
    int found = 0;
    for (int i = 0; i < count; i += 8) {
        uint64_t eight;
        std::memcpy(&eight, marks + i, sizeof eight);
        if (eight == 0) continue;
        for (int k = i; k < i + 8; k++) {
            places[found] = static_cast<uint16_t>(k);
            found += marks[k];
        }
    }
    return found;
}

using Loop = void (*)(const float* z, int count, const Numbers& numbers, float* loss, float* slope, float* wrong);

template <bool shifted, Raise raise>
void negative_loop(const float* __restrict z, int count, const Numbers& numbers, float* __restrict loss,
                   float* __restrict slope, float* __restrict p) {
    const Numbers set = numbers;
    for (int i = 0; i < count; i++) {
        const Element one = shifted ? hard_shifted<raise>(z[i], set)
                                    : hard_mirrored<raise>(z[i], set.slope_neg, set.raise_neg, set.whole_neg);
        loss[i] = one.loss;
        slope[i] = one.slope * set.scale;
        p[i] = one.p;
    }
}

template <Raise raise>
void positive_loop(const float* __restrict t, int count, const Numbers& numbers, float* __restrict loss,
                   float* __restrict slope, float* __restrict wrong) {
    const Numbers set = numbers;
    for (int i = 0; i < count; i++) {
        const Element one = hard_mirrored<raise>(t[i], set.slope_pos, set.gamma_pos, set.whole_pos);
        loss[i] = one.loss;
        slope[i] = one.slope * set.scale;
        wrong[i] = one.p;
    }
}

Raise raise_of(float exponent) {
    if (!(exponent >= 0.0f && exponent <= 7.0f)) return Raise::any;
    const int whole = static_cast<int>(exponent);
    if (exponent != static_cast<float>(whole)) return Raise::any;
    return whole <= 3 ? static_cast<Raise>(whole) : Raise::whole;
}

template <bool shifted>
Loop negative_loop_for(Raise raise) {
    switch (raise) {
        case Raise::zero: return negative_loop<shifted, Raise::zero>;
        case Raise::one: return negative_loop<shifted, Raise::one>;
        case Raise::two: return negative_loop<shifted, Raise::two>;
        case Raise::three: return negative_loop<shifted, Raise::three>;
        case Raise::whole: return negative_loop<shifted, Raise::whole>;
        default: return negative_loop<shifted, Raise::any>;
    }
}

struct HardLoops {
    Loop negative, positive;
};

HardLoops choose(const Numbers& set) {
    const Raise raise = raise_of(set.raise_neg), raise_pos = raise_of(set.gamma_pos);
    const Loop negative = set.margin > 0.0f ? negative_loop_for<true>(raise) : negative_loop_for<false>(raise);
    if (raise_pos == Raise::zero) return {negative, positive_loop<Raise::zero>};
    return {negative, raise_pos == Raise::any ? positive_loop<Raise::any> : positive_loop<Raise::whole>};
}

Digits digits_of(float exponent) {
    const int whole = raise_of(exponent) == Raise::any ? 0 : static_cast<int>(exponent);
    return {static_cast<float>(whole & 1), static_cast<float>(whole >> 1 & 1), static_cast<float>(whole >> 2 & 1)};
}

Numbers numbers_of(const lopsided::Call& call) {
    Numbers set{};
    set.gamma_pos = call.gamma_pos.values[0];
    set.gamma_neg = call.gamma_neg.values[0];
    set.margin = call.margin.values[0];
    set.slope_pos = call.detach_focus ? 0.0f : set.gamma_pos;
    set.slope_neg = call.detach_focus ? 0.0f : set.gamma_neg;
    set.unfocused = set.gamma_neg == 0.0f ? 1.0f : 0.0f;
    set.focused = 1.0f - set.unfocused;
    set.raise_neg = set.margin > 0.0f ? set.gamma_neg - set.focused : set.gamma_neg;
    set.whole_pos = digits_of(set.gamma_pos);
    set.whole_neg = digits_of(set.raise_neg);
    set.scale = call.scale;
    return set;
}

}  // namespace
