// Work in parallel by the threads that torch already has.
#pragma once

#include <cstdint>

namespace lopsided {

// Calls task(context, index) once for each index in [0, count), on up to `threads` threads; returns when all are done.
void parallel(int64_t count, int threads, void (*task)(void* context, int64_t index), void* context);

}  // namespace lopsided
