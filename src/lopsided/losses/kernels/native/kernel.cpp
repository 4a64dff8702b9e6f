// One pass over a chunk: load a block, compute it, weigh and mask it, store it, add it up.
//
// This file is compiled once for each set of instructions (see CMakeLists.txt); RUN_CHUNK is the name it then gets.
// It calls nothing that is not its own, so that no function compiled for one processor is linked into another's path.

#include "convert.h"
#include "element.h"
#include "hard.h"

namespace {

using lopsided::Call;
using lopsided::kBlock;
using lopsided::Operand;
using lopsided::Sums;
using lopsided::Type;

struct Block {
    alignas(64) float z[kBlock], y[kBlock], loss[kBlock], slope[kBlock], p[kBlock];
    alignas(64) float gamma_pos[kBlock], gamma_neg[kBlock], margin[kBlock], weight[kBlock];
    alignas(64) uint8_t known[kBlock], marks[kBlock + 8];  // marks: where the target is 1
    uint16_t places[kBlock];                               // of the positives
};

// Computes the positives, which the loop over negatives has passed through as if they were some, and puts them back.
void overwrite_positives(const float* z, int count, const Numbers& numbers, Loop positive, Block& block,
                         float* slopes) {
    alignas(64) float mirrored[kBlock], loss[kBlock], slope[kBlock], wrong[kBlock];
    const int padded = (count + kLanes - 1) / kLanes * kLanes;
    for (int i = 0; i < count; i++) mirrored[i] = -z[block.places[i]];
    for (int i = count; i < padded; i++) mirrored[i] = 0.0f;
    positive(mirrored, padded, numbers, loss, slope, wrong);
    for (int i = 0; i < count; i++) {
        block.loss[block.places[i]] = loss[i];
        slopes[block.places[i]] = -slope[i];
        block.p[block.places[i]] = 1.0f - wrong[i];
    }
}

// Remembers the first target outside [0, 1], NaN too. Blocks whose targets are all 0 or 1 don't come here.
void look_for_outside(const float* __restrict y, int count, Sums& sums) {
    uint32_t largest = 0;  // seen as bits, numbers from 0 to 1 are the smallest; -0 is told from others below
    for (int i = 0; i < count; i++) largest = largest < bits_of(y[i]) ? bits_of(y[i]) : largest;
    if (largest <= 0x3f800000u || sums.refused) return;
    for (int i = 0; i < count && !sums.refused; i++)
        if (!(y[i] >= 0.0f && y[i] <= 1.0f)) {
            sums.refused = true;
            sums.outside = y[i];
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
        slope[i] = one.slope * call.scale;
        p[i] = one.p;
    }
}

double total(const double* parts) {
    double sum = 0.0;
    for (int k = 0; k < kLanes; k++) sum += parts[k];
    return sum;
}

void add_losses(const Block& block, int padded, Sums& sums) {
    float parts[kLanes] = {};  // of a block's few elements; everything longer is added in double precision
    for (int i = 0; i < padded; i += kLanes)
        for (int k = 0; k < kLanes; k++) parts[k] += block.loss[i + k];
    double sum = 0.0;
    for (int k = 0; k < kLanes; k++) sum += static_cast<double>(parts[k]);
    sums.loss += sum;
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
    if (call.mask.values)
        for (int i = 0; i < count; i++) {
            loss[i] = block.known[i] ? loss[i] : 0.0f;
            slope[i] = block.known[i] ? slope[i] : 0.0f;
        }
}

// Infinite logits as the largest numbers: infinity would meet a 0, which gives NaN. NaN stays.
const float* clamped(const float* z, int count, float* block) {
    for (int i = 0; i < count; i++) {
        const float below = z[i] > kLargest ? kLargest : z[i];
        block[i] = below < -kLargest ? -kLargest : below;
    }
    return block;
}

// What a block is computed from; z and y point into the tensors where nothing has to be converted.
struct Inputs {
    int64_t first;
    int count, padded;  // elements, and the next multiple of kLanes
    const float *z, *y;
    const uint8_t* marks;  // where hard: the places of the positives
    bool hard, in_place;
};

Inputs read_block(const Call& call, bool same_for_all, int64_t first, int count, Block& block) {
    const bool masked = call.mask.values != nullptr;
    const int padded = (count + kLanes - 1) / kLanes * kLanes;
    Inputs in{first, count, padded, block.z, block.y, block.marks, false, padded == count && !masked};
    for (int i = count; i < padded; i++) block.z[i] = block.y[i] = 0.0f;
    if (in.in_place && call.logits_type == Type::float32)
        in.z = static_cast<const float*>(call.logits) + first;
    else
        load(call.logits, call.logits_type, first, count, block.z);
    const bool bytes = call.targets_type == Type::boolean || call.targets_type == Type::uint8;
    if (in.in_place && bytes && same_for_all && !call.gap) {  // the targets are the marks
        in.marks = static_cast<const uint8_t*>(call.targets) + first;
        in.hard = all_marks(in.marks, count) && all_finite(in.z, padded);
        if (in.hard) return in;
    }
    if (in.in_place && call.targets_type == Type::float32)
        in.y = static_cast<const float*>(call.targets) + first;
    else
        load(call.targets, call.targets_type, first, count, block.y);
    if (masked) {  // unknown elements may hold NaN: replaced before, silenced after
        spread(call.mask, first, count, block.known);
        for (int i = 0; i < count; i++) {
            block.z[i] = block.known[i] ? block.z[i] : 0.0f;
            block.y[i] = block.known[i] ? block.y[i] : 0.0f;
        }
    }
    in.marks = block.marks;
    const bool finite = all_finite(in.z, padded);
    if (!finite) in.z = clamped(in.z, padded, block.z);
    in.hard = same_for_all && finite && mark(in.y, padded, block.marks);
    return in;
}

// Fills block.loss and block.p, and the slopes: in their last place where nothing more happens to them.
float* compute(const Call& call, const Inputs& in, const Numbers& numbers, const HardLoops& hard, Block& block) {
    if (!in.hard) {
        spread(call.gamma_pos, in.first, in.padded, block.gamma_pos);
        spread(call.gamma_neg, in.first, in.padded, block.gamma_neg);
        spread(call.margin, in.first, in.padded, block.margin);
        soft_block(in.z, in.y, in.padded, call, block);
        return block.slope;
    }
    const bool last = in.in_place && !call.weight.values && call.slopes && call.logits_type == Type::float32;
    float* slope = last ? static_cast<float*>(call.slopes) + in.first : block.slope;
    hard.negative(in.z, in.padded, numbers, block.loss, slope, block.p);
    const int positives = find(in.marks, in.padded, block.places);
    if (positives > 0) overwrite_positives(in.z, positives, numbers, hard.positive, block, slope);
    return slope;
}

}  // namespace

namespace lopsided {

void RUN_CHUNK(const Call& call, int64_t begin, int64_t end, Sums& sums) {
    Block block;
    const bool same_for_all = call.gamma_pos.period == 1 && call.gamma_neg.period == 1 && call.margin.period == 1;
    const Numbers numbers = numbers_of(call);
    const HardLoops hard = choose(numbers);
    for (int64_t first = begin; first < end; first += kBlock) {
        const int count = end - first < kBlock ? static_cast<int>(end - first) : kBlock;
        const Inputs in = read_block(call, same_for_all, first, count, block);
        if (!in.hard) look_for_outside(in.y, count, sums);
        const float* slope = compute(call, in, numbers, hard, block);
        if (call.gap) add_gap(block, in.y, call.mask.values != nullptr, count, sums);
        if (call.weight.values) spread(call.weight, first, count, block.weight);
        weigh(call, count, block);
        for (int i = count; i < in.padded; i++) block.loss[i] = 0.0f;
        if (call.losses) store(block.loss, count, call.losses, Type::float32, first);
        if (call.slopes && slope == block.slope) store(slope, count, call.slopes, call.logits_type, first);
        add_losses(block, in.padded, sums);
    }
}

}  // namespace lopsided
