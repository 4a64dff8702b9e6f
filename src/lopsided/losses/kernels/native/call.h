// What one call asks for: raw pointers into contiguous tensors, their types, and the settings of the loss.
#pragma once

#include <cstdint>

namespace lopsided {

// Element types, numbered as in native_kernel.py.
enum class Type : int { float32, float16, bfloat16, float64, int64, int32, int16, int8, uint8, boolean };

// One number for all elements (period 1), one for each label (period labels) or one for each element (period elements).
template <class T>
struct Operand {
    const T* values;  // null where not given
    int64_t period;
};

struct Call {
    const void* logits;  // float32, float16 or bfloat16
    Type logits_type;
    const void* targets;
    Type targets_type;
    int64_t elements;
    Operand<uint8_t> mask;  // not 0 where known
    Operand<float> weight;
    Operand<float> gamma_pos, gamma_neg, margin;
    bool detach_focus;
    float scale;    // multiplies slopes
    float* losses;  // null where only their sum is asked for
    void* slopes;   // type of the logits; null where no gradient is asked for
    bool gap;       // whether the sums of eq. 7 are asked for
};

// Sums over one chunk. Chunks are cut the same way for any number of threads, so that totals are the same bits.
struct Sums {
    double loss;
    double right_pos, positives, right_neg, negatives;  // eq. 7: sum y p, sum y, sum (1-y)(1-p), sum (1-y)
    bool refused;   // whether a known target lies outside [0, 1]
    float outside;  // the first of them
};

constexpr int64_t kChunk = 16384;  // elements that a thread takes at a time
constexpr int kBlock = 512;        // elements whose intermediate values stay in the first-level cache

// The same source, kernel.cpp, compiled for each set of instructions.
using RunChunk = void (*)(const Call& call, int64_t begin, int64_t end, Sums& sums);
void run_chunk_plain(const Call& call, int64_t begin, int64_t end, Sums& sums);
void run_chunk_avx2(const Call& call, int64_t begin, int64_t end, Sums& sums);
void run_chunk_avx512(const Call& call, int64_t begin, int64_t end, Sums& sums);

}  // namespace lopsided
