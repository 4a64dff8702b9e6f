// This file is compiled once for each set of instructions (see CMakeLists.txt); PRODUCT and STEP are the names that its
// functions then get. It calls nothing that is not its own, so that no function compiled for one processor is linked
// into another's path.
#include "rows.h"

#include <cmath>

namespace {

constexpr int kLanes = 16;
constexpr int64_t kBlock = 1024;  // numbers of a row that stay in the first-level cache while others are added to them

// Asks for numbers that are needed soon: rows lie far apart, and their first lines come late otherwise.
inline void fetch(const float* numbers, int64_t count) {
#if defined(__GNUC__) || defined(__clang__)
    for (int64_t j = 0; j < count; j += kLanes) __builtin_prefetch(numbers + j);
#else
    (void)numbers, (void)count;
#endif
}

// into[j] += sum over k in [from, to) of values[k] * table[places[k]][j], four rows at a time: each number that is added
// to is then read and written a quarter as often.
void add_rows(const int64_t* places, const float* values, int64_t from, int64_t to, const float* table, int64_t width,
              float* __restrict into) {
    for (int64_t first = 0; first < width; first += kBlock) {
        const int64_t count = width - first < kBlock ? width - first : kBlock;
        float* __restrict sum = into + first;
        int64_t k = from;
        for (; k + 4 <= to; k += 4) {
            const float *a = table + places[k] * width + first, *b = table + places[k + 1] * width + first;
            const float *c = table + places[k + 2] * width + first, *d = table + places[k + 3] * width + first;
            const float va = values[k], vb = values[k + 1], vc = values[k + 2], vd = values[k + 3];
            if (k + 8 <= to)
                for (int ahead = 4; ahead < 8; ahead++) fetch(table + places[k + ahead] * width + first, count);
            for (int64_t j = 0; j < count; j++) sum[j] += va * a[j] + vb * b[j] + (vc * c[j] + vd * d[j]);
        }
        for (; k < to; k++) {
            const float* a = table + places[k] * width + first;
            const float value = values[k];
            if (k + 8 <= to)
                for (int ahead = 4; ahead < 8; ahead++) fetch(table + places[k + ahead] * width + first, count);
            for (int64_t j = 0; j < count; j++) sum[j] += value * a[j];
        }
    }
}

float mean_square(const float* numbers, int64_t count) {
    float parts[kLanes] = {};
    int64_t j = 0;
    for (; j + kLanes <= count; j += kLanes)
        for (int k = 0; k < kLanes; k++) parts[k] += numbers[j + k] * numbers[j + k];
    for (; j < count; j++) parts[0] += numbers[j] * numbers[j];
    double sum = 0.0;
    for (int k = 0; k < kLanes; k++) sum += static_cast<double>(parts[k]);
    return static_cast<float>(sum / static_cast<double>(count));
}

}  // namespace

namespace lopsided {

void PRODUCT(const Product& product, int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++) {
        float* out = product.outputs + i * product.width;
        for (int64_t j = 0; j < product.width; j++) out[j] = 0.0f;
        add_rows(product.columns, product.values, product.bounds[i], product.bounds[i + 1], product.weight,
                 product.width, out);
    }
}

void STEP(const Step& step, int64_t begin, int64_t end, float* gradient) {
    const int64_t whole = step.parts * step.width;
    const float kept = 1.0f - step.rate * step.decay;
    for (int64_t i = begin; i < end; i++) {
        for (int64_t j = 0; j < whole; j++) gradient[j] = 0.0f;
        if (i + 1 < end) fetch(step.weight + step.rows[i + 1] * whole, whole);
        add_rows(step.samples, step.values, step.bounds[i], step.bounds[i + 1], step.slopes, whole, gradient);
        const int64_t row = step.rows[i];
        for (int64_t part = 0; part < step.parts; part++) {
            const float* __restrict slope = gradient + part * step.width;
            const float total = step.sums[row * step.parts + part] += mean_square(slope, step.width);
            const float scale = step.rate / (std::sqrt(total) + step.least);
            float* __restrict weight = step.weight + row * whole + part * step.width;
            for (int64_t j = 0; j < step.width; j++) weight[j] = kept * weight[j] - scale * slope[j];
        }
    }
}

}  // namespace lopsided
