#include "pass.h"

#include <cstddef>
#include <vector>

#include "parallel.h"

namespace lopsided {

namespace {

struct Job {
    const Call* call;
    RunChunk run_chunk;
    Sums* sums;
};

void run_one(void* context, int64_t index) {
    const Job& job = *static_cast<const Job*>(context);
    const int64_t begin = index * kChunk, end = begin + kChunk;
    job.run_chunk(*job.call, begin, end < job.call->elements ? end : job.call->elements, job.sums[index]);
}

RunChunk variant(Instructions instructions) {
#ifdef LOPSIDED_X86_VARIANTS
    if (instructions == Instructions::avx512) return run_chunk_avx512;
    if (instructions == Instructions::avx2) return run_chunk_avx2;
#endif
    (void)instructions;
    return run_chunk_plain;
}

}  // namespace

Instructions best_instructions() {
#ifdef LOPSIDED_X86_VARIANTS
    __builtin_cpu_init();
    const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    const bool avx512 = __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
                        __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
    if (avx2 && avx512) return Instructions::avx512;
    if (avx2) return Instructions::avx2;
#endif
    return Instructions::plain;
}

int64_t count_known(const Call& call) {
    if (!call.mask.values || call.elements == 0) return call.elements;
    int64_t known = 0;
    for (int64_t i = 0; i < call.mask.period; i++) known += call.mask.values[i] != 0;
    return known * (call.elements / call.mask.period);
}

Sums run(const Call& call, int threads, Instructions instructions) {
    const int64_t chunks = (call.elements + kChunk - 1) / kChunk;
    std::vector<Sums> sums(static_cast<std::size_t>(chunks));
    Job job{&call, variant(instructions), sums.data()};
    parallel(chunks, threads, run_one, &job);
    Sums all{};
    for (const Sums& part : sums) {  // in the order of chunks, whichever thread was first
        if (part.refused && !all.refused) {
            all.refused = true;
            all.outside = part.outside;
        }
        all.loss += part.loss;
        all.right_pos += part.right_pos;
        all.positives += part.positives;
        all.right_neg += part.right_neg;
        all.negatives += part.negatives;
    }
    return all;
}

}  // namespace lopsided
