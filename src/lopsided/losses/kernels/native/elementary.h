// exp, log and powers of float32 without branches, so that a compiler turns loops over them into vector instructions.
//
// Polynomials are evaluated in pairs of terms, so that a processor has several to work on at a time. They are minimax
// fits (Remez) of the function's remainder. Relative errors: exponential and logarithm 2e-7, power 1e-6.
#pragma once

#include <cstdint>
#include <cstring>

// Inlined whatever a compiler thinks of their size: a call in a loop would keep it from becoming vector instructions.
#ifdef _MSC_VER
#define INLINE __forceinline
#else
#define INLINE __attribute__((always_inline)) inline
#endif

namespace {

constexpr float kLn2High = 0.693359375f;  // few digits, so that its product with a small integer is exact
constexpr float kLn2Low = -2.12194440e-4f;
constexpr float kLog2E = 1.44269504f;
constexpr float kRound = 12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer, which the lowest bits then hold

INLINE uint32_t bits_of(float value) {
    uint32_t bits;
    std::memcpy(&bits, &value, sizeof bits);
    return bits;
}

INLINE float float_of(uint32_t bits) {
    float value;
    std::memcpy(&value, &bits, sizeof value);
    return value;
}

// exp(x) for x <= 0; results below the smallest normal number are 0. NaN stays NaN.
INLINE float exponential(float x) {
    const float shifted = x * kLog2E + kRound;
    const float n = shifted - kRound;
    const float r = (x - n * kLn2High) - n * kLn2Low;
    const float r2 = r * r;
    const float low = 0.1666652063f * r + 0.4999999345f, middle = 0.00836871688f * r + 0.04166838805f;
    const float tail = (0.001381459865f * r2 + middle) * r2 + low;
    const float value = (tail * r2 + (r + 1.0f)) * float_of((bits_of(shifted) << 23) + 0x3f800000u);
    return x < -87.3f ? 0.0f : value;
}

// log(1 + x) for x in [sqrt(1/2) - 1, sqrt(2) - 1].
INLINE float log_near_one(float x) {
    const float x2 = x * x;
    const float low = -0.2500134592f * x + 0.3333391474f, middle = -0.1657718806f * x + 0.1996288325f;
    const float high = -0.1427151296f * x + 0.1491649803f;
    const float tail = ((0.08700319865f * x2 + high) * x2 + middle) * x2 + low;
    return (tail * x - 0.5f) * x2 + x;
}

// The exponent k for which u * 2^-k lies in [sqrt(1/2), sqrt(2)), for normal u > 0.
INLINE int32_t exponent_of(float u) { return static_cast<int32_t>(bits_of(u) - 0x3f3504f3u) >> 23; }

INLINE float scaled_down(float u, int32_t k) { return float_of(bits_of(u) - (static_cast<uint32_t>(k) << 23)); }

// log(u) where u = 1 + w has been rounded: near u = 1 the digits come from w.
INLINE float logarithm(float u, float w) {
    const int32_t k = exponent_of(u);
    const float x = k == 0 ? w : scaled_down(u, k) - 1.0f;
    const float n = static_cast<float>(k);
    return (n * kLn2Low + log_near_one(x)) + n * kLn2High;
}

// base^exponent for base in (0, 1] and |exponent * log2(base)| < 126, beyond which it stays finite. For base 0 it is
// some finite number: callers multiply it by 0. The integer part of the logarithm is multiplied without rounding.
INLINE float power(float base, float exponent) {
    const int32_t k = exponent_of(base);
    const float integer = static_cast<float>(k);
    const float fraction = log_near_one(scaled_down(base, k) - 1.0f) * kLog2E;
    const float high = float_of(bits_of(exponent) & 0xffff0000u);  // 8 digits: high * k is exact
    const float low = exponent - high;
    float whole = high * integer, rest = low * integer + exponent * fraction;
    float shifted = (whole + rest) + kRound;
    shifted = shifted < kRound - 126.0f ? kRound - 126.0f : shifted;
    shifted = shifted > kRound + 126.0f ? kRound + 126.0f : shifted;
    const float n = shifted - kRound;
    float r = (whole - n) + rest;
    r = r < -1.0f ? -1.0f : r;
    r = r > 1.0f ? 1.0f : r;
    float tail = 0.0001535334129f;
    tail = tail * r + 0.001339890019f;
    tail = tail * r + 0.009618437605f;
    tail = tail * r + 0.0555033241f;
    tail = tail * r + 0.2402264791f;
    tail = tail * r + 0.6931472029f;
    const float value = (tail * r + 1.0f) * float_of((bits_of(shifted) << 23) + 0x3f800000u);
    return base == base ? value : base;
}

// A whole exponent from 0 to 7 as its binary digits, 0.0 or 1.0 each: arithmetic on them needs no branch.
struct Digits {
    float one, two, four;
};

// base^exponent for a whole exponent.
INLINE float whole_power(float base, const Digits& exponent) {
    const float squared = base * base;
    const float low = base * exponent.one + (1.0f - exponent.one);
    const float middle = squared * exponent.two + (1.0f - exponent.two);
    const float high = (squared * squared) * exponent.four + (1.0f - exponent.four);
    return low * middle * high;
}

}  // namespace
