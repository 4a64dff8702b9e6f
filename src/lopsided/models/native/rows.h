// Rows of a weight that has one for each feature: what inputs that are nearly all 0 make of them, and their steps.
#pragma once

#include <cstdint>

namespace lopsided {

// out[i] = sum over k in [bounds[i], bounds[i + 1]) of values[k] * weight[columns[k]], rows of `width` numbers.
struct Product {
    const int64_t* bounds;
    const int64_t* columns;
    const float* values;
    const float* weight;
    int64_t width;
    float* outputs;
};

// A step of Adagrad with one scale for each of a row's parts, which are of one width. The gradient of row rows[i] is
// the sum over k in [bounds[i], bounds[i + 1]) of values[k] * slopes[samples[k]]; the mean square of each part of it
// is added to that part's sum, and the part moves by -rate * (gradient / sqrt(sum) + decay * part).
struct Step {
    const int64_t* rows;
    const int64_t* bounds;
    const int64_t* samples;
    const float* values;
    const float* slopes;
    float* weight;
    float* sums;  // of all parts of a row, then of the next row
    int64_t parts, width;  // of a part
    float rate, decay, least;  // least: added to the root, which is 0 where a gradient is
};

// The same source, rows.cpp, compiled for each set of instructions. `gradient` has room for a row.
using RunProduct = void (*)(const Product& product, int64_t begin, int64_t end);
using RunStep = void (*)(const Step& step, int64_t begin, int64_t end, float* gradient);
void product_plain(const Product& product, int64_t begin, int64_t end);
void product_avx2(const Product& product, int64_t begin, int64_t end);
void product_avx512(const Product& product, int64_t begin, int64_t end);
void step_plain(const Step& step, int64_t begin, int64_t end, float* gradient);
void step_avx2(const Step& step, int64_t begin, int64_t end, float* gradient);
void step_avx512(const Step& step, int64_t begin, int64_t end, float* gradient);

}  // namespace lopsided
