// Average precision of one ranking: only the positives are sorted, everything else is counted between them.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

namespace lopsided {

// Unsigned numbers in the order of the scores, which are not NaN; -0 and 0 are one score, and so one number.
inline uint32_t key_of(float score) {
    uint32_t bits;
    score += 0.0f;
    std::memcpy(&bits, &score, sizeof bits);
    return bits ^ (static_cast<uint32_t>(-static_cast<int32_t>(bits >> 31)) | 0x80000000u);
}

inline uint64_t key_of(double score) {
    uint64_t bits;
    score += 0.0;
    std::memcpy(&bits, &score, sizeof bits);
    return bits ^ (static_cast<uint64_t>(-static_cast<int64_t>(bits >> 63)) | 0x8000000000000000ull);
}

// Sorts by 11 bits of the key at a time, least significant first.
template <class Score>
void radix_sort(std::vector<Score>& scores) {
    using Key = decltype(key_of(Score{}));
    constexpr int kBits = 11, kDigits = 1 << kBits;
    std::vector<Score> other(scores.size());
    for (int shift = 0; shift < static_cast<int>(8 * sizeof(Key)); shift += kBits) {
        std::size_t starts[kDigits] = {};
        for (const Score score : scores) starts[key_of(score) >> shift & (kDigits - 1)]++;
        std::size_t next = 0;
        for (std::size_t& start : starts) {
            const std::size_t count = start;
            start = next;
            next += count;
        }
        for (const Score score : scores) other[starts[key_of(score) >> shift & (kDigits - 1)]++] = score;
        scores.swap(other);
    }
}

template <class Score>
class Ranking {
public:
    std::vector<Score> positives, negatives;  // in any order

    // nan without positives. Sorts `positives`.
    double average_precision() {
        if (positives.empty()) return std::numeric_limits<double>::quiet_NaN();
        if (positives.size() > 1000)
            radix_sort(positives);
        else
            std::sort(positives.begin(), positives.end());
        count_negatives();
        const std::size_t size = positives.size();
        double sum = 0.0;
        std::size_t negatives_above = 0;
        for (std::size_t last = size; last > 0;) {  // groups of tied positives, from the top
            std::size_t first = last - 1;
            negatives_above += counts_[last];
            while (first > 0 && positives[first - 1] == positives[last - 1]) first--;
            const double found = static_cast<double>(size - first);
            sum += static_cast<double>(last - first) * (found / (found + static_cast<double>(negatives_above)));
            last = first;
        }
        return sum / static_cast<double>(size);
    }

private:
    // counts_[i] becomes the number of negatives that score as high as i positives and no more. A table over equal
    // ranges of scores leaves few positives to search among; whatever the rounding, its places are in order.
    void count_negatives() {
        const std::size_t size = positives.size();
        std::size_t places = 64;
        while (places < 4 * size && places < 65536) places *= 2;
        const Score lowest = std::max(positives.front(), std::numeric_limits<Score>::lowest());
        const Score range = std::min(positives.back(), std::numeric_limits<Score>::max()) - lowest;
        const Score top = static_cast<Score>(places - 1);
        const Score scale = range > 0 && std::isfinite(top / range) ? top / range : Score(0);
        const auto place_of = [=](Score score) {
            const Score place = (score - lowest) * scale;
            return static_cast<uint32_t>(place > 0 ? (place < top ? place : top) : Score(0));  // NaN, of inf * 0: 0
        };
        std::vector<uint32_t> starts(places + 1, 0);
        for (const Score score : positives) starts[place_of(score) + 1]++;
        for (std::size_t i = 1; i < starts.size(); i++) starts[i] += starts[i - 1];
        counts_.assign(size + 1, 0);
        const Score* sorted = positives.data();
        for (const Score score : negatives) {
            const uint32_t place = place_of(score);
            uint32_t first = starts[place], end = starts[place + 1];
            while (end - first > 8) {
                const uint32_t middle = first + (end - first) / 2;
                if (sorted[middle] > score)
                    end = middle;
                else
                    first = middle + 1;
            }
            while (first < end && sorted[first] <= score) first++;
            counts_[first]++;
        }
    }

    std::vector<std::size_t> counts_;
};

}  // namespace lopsided
