// Blocks of other element types to float32 and back.
#pragma once

#include "call.h"
#include "elementary.h"

namespace {

INLINE float float_of_half(uint16_t half) {
    const uint32_t magnitude = half & 0x7fffu;
    const float scaled = float_of(magnitude << 13) * float_of(0x77800000u);  // * 2^112: subnormal numbers come out right
    const uint32_t special = magnitude >= 0x7c00u ? 0x7f800000u : 0u;        // infinity and NaN
    return float_of(bits_of(scaled) | special | (static_cast<uint32_t>(half & 0x8000u) << 16));
}

// Rounds to nearest, ties to even.
INLINE uint16_t half_of_float(float value) {
    const uint32_t bits = bits_of(value), magnitude = bits & 0x7fffffffu;
    const uint32_t special = magnitude > 0x7f800000u ? 0x7e00u : 0x7c00u;
    const uint32_t small = bits_of(float_of(magnitude) + 0.5f) - 0x3f000000u;  // the addition rounds at 2^-24
    const uint32_t normal = (magnitude + 0xfffu + ((magnitude >> 13) & 1u) - 0x38000000u) >> 13;
    const uint32_t result = magnitude >= 0x47800000u ? special : (magnitude < 0x38800000u ? small : normal);
    return static_cast<uint16_t>(result | ((bits >> 16) & 0x8000u));
}

INLINE uint16_t bfloat_of_float(float value) {
    const uint32_t bits = bits_of(value);
    const uint32_t rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
    return static_cast<uint16_t>((bits & 0x7fffffffu) > 0x7f800000u ? 0x7fc0u : rounded);
}

template <class T>
inline void copy_as_float(const void* source, int64_t first, int count, float* block) {
    const T* values = static_cast<const T*>(source) + first;
    for (int i = 0; i < count; i++) block[i] = static_cast<float>(values[i]);
}

// True is any byte but 0: what is not made by torch, such as a picture seen as bool, has others than 1.
inline void copy_as_truth(const void* source, int64_t first, int count, float* block) {
    const uint8_t* bytes = static_cast<const uint8_t*>(source) + first;
    for (int i = 0; i < count; i++) block[i] = bytes[i] != 0 ? 1.0f : 0.0f;
}

inline void load(const void* source, lopsided::Type type, int64_t first, int count, float* block) {
    using lopsided::Type;
    const uint16_t* halves = static_cast<const uint16_t*>(source) + first;
    switch (type) {
        case Type::float32: return copy_as_float<float>(source, first, count, block);
        case Type::float64: return copy_as_float<double>(source, first, count, block);
        case Type::int64: return copy_as_float<int64_t>(source, first, count, block);
        case Type::int32: return copy_as_float<int32_t>(source, first, count, block);
        case Type::int16: return copy_as_float<int16_t>(source, first, count, block);
        case Type::int8: return copy_as_float<int8_t>(source, first, count, block);
        case Type::uint8: return copy_as_float<uint8_t>(source, first, count, block);
        case Type::boolean: return copy_as_truth(source, first, count, block);
        case Type::float16:
            for (int i = 0; i < count; i++) block[i] = float_of_half(halves[i]);
            return;
        case Type::bfloat16:
            for (int i = 0; i < count; i++) block[i] = float_of(static_cast<uint32_t>(halves[i]) << 16);
            return;
    }
}

inline void store(const float* block, int count, void* target, lopsided::Type type, int64_t first) {
    using lopsided::Type;
    uint16_t* halves = static_cast<uint16_t*>(target) + first;
    if (type == Type::float32) std::memcpy(static_cast<float*>(target) + first, block, sizeof(float) * count);
    if (type == Type::float16)
        for (int i = 0; i < count; i++) halves[i] = half_of_float(block[i]);
    if (type == Type::bfloat16)
        for (int i = 0; i < count; i++) halves[i] = bfloat_of_float(block[i]);
}

// The operand of elements first, first + 1, ... as a block; its period need not be a multiple of anything.
template <class T>
inline void spread(const lopsided::Operand<T>& operand, int64_t first, int count, T* block) {
    if (operand.period == 1) {
        for (int i = 0; i < count; i++) block[i] = operand.values[0];
        return;
    }
    int64_t from = first % operand.period;
    for (int done = 0; done < count;) {
        const int64_t left = operand.period - from;
        const int part = left < count - done ? static_cast<int>(left) : count - done;
        std::memcpy(block + done, operand.values + from, sizeof(T) * part);
        done += part;
        from = 0;
    }
}

}  // namespace
