// torch's OpenMP runtime is shared where its symbol can be found: a second runtime's threads would wait for cores on
// which the first one's still spin after their last piece of work. Elsewhere threads are started for each call.
#include "parallel.h"

#include <atomic>
#include <thread>
#include <vector>

#ifndef _WIN32
#include <dlfcn.h>
#endif

namespace lopsided {

namespace {

struct Work {
    int64_t count;
    void (*task)(void*, int64_t);
    void* context;
    std::atomic<int64_t> next{0};
};

void take_turns(void* argument) {
    Work& work = *static_cast<Work*>(argument);
    for (int64_t i; (i = work.next.fetch_add(1, std::memory_order_relaxed)) < work.count;) work.task(work.context, i);
}

// GOMP_parallel is the entry point of GNU's runtime, which LLVM's and Intel's offer too.
using Team = void (*)(void (*body)(void*), void* argument, unsigned threads, unsigned flags);

Team find_team() {
#ifdef _WIN32
    return nullptr;
#else
    return reinterpret_cast<Team>(dlsym(RTLD_DEFAULT, "GOMP_parallel"));
#endif
}

}  // namespace

void parallel(int64_t count, int threads, void (*task)(void*, int64_t), void* context) {
    Work work{count, task, context};
    if (threads > count) threads = static_cast<int>(count);
    if (threads <= 1) return take_turns(&work);
    static const Team team = find_team();
    if (team) return team(take_turns, &work, static_cast<unsigned>(threads), 0);
    std::vector<std::thread> others;
    for (int i = 1; i < threads; i++) others.emplace_back(take_turns, &work);
    take_turns(&work);
    for (std::thread& other : others) other.join();
}

}  // namespace lopsided
