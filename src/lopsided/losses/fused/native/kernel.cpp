// One pass over a chunk: load a block, compute it, weigh and mask it, store it, add it up.
//
// This file is compiled once for each set of instructions (see CMakeLists.txt); RUN_CHUNK is the name it then gets.
// It calls nothing that is not its own, so that no function compiled for one processor is linked into another's path.

#include "convert.h"
#include "element.h"

namespace {

using lopsided::Call;
using lopsided::kBlock;
using lopsided::Operand;
using lopsided::Sums;
using lopsided::Type;

constexpr int kLanes = 16;  // loops run over multiples of this, the widest vector; sums are kept in as many parts

struct Block {
    alignas(64) float z[kBlock], y[kBlock], loss[kBlock], slope[kBlock], p[kBlock];
    alignas(64) float gamma_pos[kBlock], gamma_neg[kBlock], margin[kBlock], weight[kBlock];
    alignas(64) uint8_t known[kBlock];
};

// Whether all targets are 0 or 1 and all logits finite.
bool is_hard(const float* z, const float* y, int count) {
    int soft_or_special = 0;
    for (int i = 0; i < count; i++) {
        const bool hard = y[i] == 0.0f || y[i] == 1.0f;
        const bool finite = z[i] - z[i] == 0.0f;
        soft_or_special |= !(hard & finite);
    }
    return soft_or_special == 0;
}

template <bool shifted, Powers powers>
void hard_block(const float* __restrict z, const float* __restrict y, int count, const Numbers& numbers, Block& out) {
    const Numbers set = numbers;
    float *__restrict loss = out.loss, *__restrict slope = out.slope, *__restrict p = out.p;
    for (int i = 0; i < count; i++) {
        const bool positive = y[i] != 0.0f;
        const Element one = shifted ? hard_shifted<powers>(z[i], positive, set)
                                    : hard_unshifted<powers>(z[i], positive, set);
        loss[i] = one.loss;
        slope[i] = one.slope;
        p[i] = one.p;
    }
}

void soft_block(const float* __restrict z, const float* __restrict y, int count, const Call& call, Block& block) {
    const float keep = call.detach_focus ? 0.0f : 1.0f;
    const float *__restrict gamma_pos = block.gamma_pos, *__restrict gamma_neg = block.gamma_neg;
    const float* __restrict margin = block.margin;
    float *__restrict loss = block.loss, *__restrict slope = block.slope, *__restrict p = block.p;
    for (int i = 0; i < count; i++) {
        const Focus set{gamma_pos[i], gamma_neg[i], margin[i], keep * gamma_pos[i], keep * gamma_neg[i]};
        const Element one = soft(z[i], y[i], set);
        loss[i] = one.loss;
        slope[i] = one.slope;
        p[i] = one.p;
    }
}

using HardBlock = void (*)(const float*, const float*, int, const Numbers&, Block&);

bool is_small_whole(float gamma) { return gamma >= 0.0f && gamma <= 7.0f && gamma == static_cast<float>(static_cast<int>(gamma)); }

Digits digits_of(float exponent) {
    const int whole = is_small_whole(exponent) ? static_cast<int>(exponent) : 0;
    return {static_cast<float>(whole & 1), static_cast<float>(whole >> 1 & 1), static_cast<float>(whole >> 2 & 1)};
}

HardBlock choose(const Numbers& set) {
    const bool shifted = set.margin > 0.0f;
    if (!is_small_whole(set.gamma_neg) || !is_small_whole(set.gamma_pos))
        return shifted ? hard_block<true, Powers::any> : hard_block<false, Powers::any>;
    if (set.gamma_pos != 0.0f)
        return shifted ? hard_block<true, Powers::both_whole> : hard_block<false, Powers::both_whole>;
    return shifted ? hard_block<true, Powers::negative_whole> : hard_block<false, Powers::negative_whole>;
}

Numbers numbers_of(const Call& call) {
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
    return set;
}

double total(const double* parts) {
    double sum = 0.0;
    for (int k = 0; k < kLanes; k++) sum += parts[k];
    return sum;
}

void add_losses(const Block& block, int padded, Sums& sums) {
    double parts[kLanes] = {};
    for (int i = 0; i < padded; i += kLanes)
        for (int k = 0; k < kLanes; k++) parts[k] += static_cast<double>(block.loss[i + k]);
    sums.loss += total(parts);
}

void add_gap(const Block& block, const float* y, bool masked, int count, Sums& sums) {
    double right_pos[kLanes] = {}, positives[kLanes] = {}, right_neg[kLanes] = {}, negatives[kLanes] = {};
    for (int i = 0; i < count; i += kLanes)
        for (int k = 0; k < kLanes; k++) {
            const bool counts = i + k < count && (!masked || block.known[i + k]);
            const float pos = counts ? y[i + k] : 0.0f, neg = counts ? 1.0f - y[i + k] : 0.0f;
            const float p = counts ? block.p[i + k] : 0.0f;
            right_pos[k] += static_cast<double>(pos * p);
            positives[k] += static_cast<double>(pos);
            right_neg[k] += static_cast<double>(neg * (1.0f - p));
            negatives[k] += static_cast<double>(neg);
        }
    sums.right_pos += total(right_pos);
    sums.positives += total(positives);
    sums.right_neg += total(right_neg);
    sums.negatives += total(negatives);
}

// Weights, then silence where unknown, whatever the weight was.
void weigh(const Call& call, int count, Block& block) {
    float *__restrict loss = block.loss, *__restrict slope = block.slope;
    if (call.weight.values)
        for (int i = 0; i < count; i++) {
            loss[i] *= block.weight[i];
            slope[i] *= block.weight[i];
        }
    if (call.scale != 1.0f)
        for (int i = 0; i < count; i++) slope[i] *= call.scale;
    if (call.mask.values)
        for (int i = 0; i < count; i++) {
            loss[i] = block.known[i] ? loss[i] : 0.0f;
            slope[i] = block.known[i] ? slope[i] : 0.0f;
        }
}

}  // namespace

namespace lopsided {

void RUN_CHUNK(const Call& call, int64_t begin, int64_t end, Sums& sums) {
    Block block;
    const bool same_for_all = call.gamma_pos.period == 1 && call.gamma_neg.period == 1 && call.margin.period == 1;
    const Numbers numbers = numbers_of(call);
    const HardBlock hard = choose(numbers);
    for (int64_t first = begin; first < end; first += kBlock) {
        const int count = end - first < kBlock ? static_cast<int>(end - first) : kBlock;
        const int padded = (count + kLanes - 1) / kLanes * kLanes;
        for (int i = count; i < padded; i++) block.z[i] = block.y[i] = 0.0f;
        const bool in_place = padded == count && !call.mask.values;  // float32 needs no copy then
        const float* z = static_cast<const float*>(call.logits) + first;
        const float* y = static_cast<const float*>(call.targets) + first;
        if (!in_place || call.logits_type != Type::float32)
            load(call.logits, call.logits_type, first, count, block.z), z = block.z;
        if (!in_place || call.targets_type != Type::float32)
            load(call.targets, call.targets_type, first, count, block.y), y = block.y;
        if (call.weight.values) spread(call.weight, first, count, block.weight);
        if (call.mask.values) {  // unknown elements may hold NaN: replaced before, silenced after
            spread(call.mask, first, count, block.known);
            for (int i = 0; i < count; i++) {
                block.z[i] = block.known[i] ? block.z[i] : 0.0f;
                block.y[i] = block.known[i] ? block.y[i] : 0.0f;
            }
        }
        if (same_for_all && is_hard(z, y, padded)) {
            hard(z, y, padded, numbers, block);
        } else {
            spread(call.gamma_pos, first, padded, block.gamma_pos);
            spread(call.gamma_neg, first, padded, block.gamma_neg);
            spread(call.margin, first, padded, block.margin);
            soft_block(z, y, padded, call, block);
        }
        if (call.gap) add_gap(block, y, call.mask.values != nullptr, count, sums);
        weigh(call, count, block);
        for (int i = count; i < padded; i++) block.loss[i] = 0.0f;
        if (call.losses) store(block.loss, count, call.losses, Type::float32, first);
        if (call.slopes) store(block.slope, count, call.slopes, call.logits_type, first);
        add_losses(block, padded, sums);
    }
}

}  // namespace lopsided
