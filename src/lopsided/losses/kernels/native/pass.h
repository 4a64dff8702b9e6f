// One call over all chunks.
#pragma once

#include "call.h"

namespace lopsided {

enum class Instructions : int { plain, avx2, avx512 };

Instructions best_instructions();  // of this processor and this build

int64_t count_known(const Call& call);

Sums run(const Call& call, int threads, Instructions instructions);

}  // namespace lopsided
