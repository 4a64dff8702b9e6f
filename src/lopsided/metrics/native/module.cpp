// The module lopsided.metrics._native: average precision of every label, from addresses.
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <atomic>
#include <cmath>
#include <cstdint>
#include <limits>
#include <new>

#include "parallel.h"
#include "ranking.h"

namespace {

using namespace lopsided;

constexpr int64_t kGroup = 8;  // labels that a thread takes at a time: a row of them is read at once
constexpr int64_t kRows = 128;  // rows that stay in the first-level cache while each of those labels is picked out

struct Table {
    const void* scores;
    const void* targets;
    const uint8_t* known;  // not 0 where known; null where everything is
    int64_t samples, labels;
    double* values;
    std::atomic<bool> refused{false};  // a NaN among known scores, or a known target other than 0 and 1
    std::atomic<bool> exhausted{false};  // memory
};

// True is any byte but 0.
struct Truth {
    uint8_t byte;
};

template <class Target>
bool is_negative(Target target) { return target == Target(0); }
template <class Target>
bool is_positive(Target target) { return target == Target(1); }
inline bool is_negative(Truth target) { return target.byte == 0; }
inline bool is_positive(Truth target) { return target.byte != 0; }

template <class Score, class Target>
void rank_group(Table& table, int64_t group) {
    Ranking<Score> rankings[kGroup];
    const int64_t first = group * kGroup;
    const int64_t count = table.labels - first < kGroup ? table.labels - first : kGroup;
    Score* ends[kGroup];  // where the next negative goes
    for (int64_t i = 0; i < count; i++) {
        rankings[i].negatives.resize(static_cast<std::size_t>(table.samples));
        ends[i] = rankings[i].negatives.data();
    }
    bool refused = false;
    for (int64_t from = 0; from < table.samples; from += kRows) {
        const int64_t to = from + kRows < table.samples ? from + kRows : table.samples;
        for (int64_t i = 0; i < count; i++) {
            Score* end = ends[i];
            for (int64_t place = from * table.labels + first + i; place < to * table.labels; place += table.labels) {
                if (table.known && !table.known[place]) continue;
                const Score score = static_cast<const Score*>(table.scores)[place];
                const Target target = static_cast<const Target*>(table.targets)[place];
                const bool negative = is_negative(target);
                refused |= (score != score) | !(negative | is_positive(target));
                *end = score;
                end += negative;
                if (!negative) rankings[i].positives.push_back(score);
            }
            ends[i] = end;
        }
    }
    for (int64_t i = 0; i < count; i++)
        rankings[i].negatives.resize(static_cast<std::size_t>(ends[i] - rankings[i].negatives.data()));
    if (refused) table.refused = true;
    for (int64_t i = 0; i < count && !refused; i++) table.values[first + i] = rankings[i].average_precision();
}

template <class Score, class Target>
void run_group(void* context, int64_t group) {
    Table& table = *static_cast<Table*>(context);
    try {
        rank_group<Score, Target>(table, group);
    } catch (const std::bad_alloc&) {  // no exception may leave a thread
        table.exhausted = true;
    }
}

using Run = void (*)(void*, int64_t);

enum class Kind : int { integer, floating, truth };  // of targets, numbered as in native_ranking.py

template <class Score>
Run run_for(int target_bytes, Kind kind) {
    if (kind == Kind::truth) return run_group<Score, Truth>;
    if (kind == Kind::floating) return target_bytes == 8 ? run_group<Score, double> : run_group<Score, float>;
    switch (target_bytes) {
        case 1: return run_group<Score, int8_t>;
        case 2: return run_group<Score, int16_t>;
        case 4: return run_group<Score, int32_t>;
        default: return run_group<Score, int64_t>;
    }
}

constexpr char kDoc[] =
    "average_precision(scores, score_bytes, targets, target_bytes, kind_of_targets, known, samples, labels, values,\n"
    "threads)\nTensors are addresses of contiguous values, known may be 0. Fills values, one float64 for each label;\n"
    "False where an input has to be refused.";

PyObject* average_precision(PyObject*, PyObject* const* arguments, Py_ssize_t count) {
    int64_t numbers[10];
    if (count != 10) {
        PyErr_SetString(PyExc_TypeError, "average_precision takes 10 arguments");
        return nullptr;
    }
    for (int i = 0; i < 10; i++) numbers[i] = PyLong_AsLongLong(arguments[i]);
    if (PyErr_Occurred()) return nullptr;
    Table table{};
    table.scores = reinterpret_cast<const void*>(numbers[0]);
    table.targets = reinterpret_cast<const void*>(numbers[2]);
    table.known = reinterpret_cast<const uint8_t*>(numbers[5]);
    table.samples = numbers[6];
    table.labels = numbers[7];
    table.values = reinterpret_cast<double*>(numbers[8]);
    const int target_bytes = static_cast<int>(numbers[3]);
    const auto kind = static_cast<Kind>(numbers[4]);
    const Run run = numbers[1] == 8 ? run_for<double>(target_bytes, kind) : run_for<float>(target_bytes, kind);
    Py_BEGIN_ALLOW_THREADS
    parallel((table.labels + kGroup - 1) / kGroup, static_cast<int>(numbers[9]), run, &table);
    Py_END_ALLOW_THREADS
    if (table.exhausted) return PyErr_NoMemory();
    return PyBool_FromLong(!table.refused);
}

PyMethodDef methods[] = {
    {"average_precision", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(average_precision)),
     METH_FASTCALL, kDoc},
    {nullptr, nullptr, 0, nullptr},
};

PyModuleDef module = {
    PyModuleDef_HEAD_INIT, "_native", "Rankings on the CPU.", 0, methods, nullptr, nullptr, nullptr, nullptr,
};

}  // namespace

PyMODINIT_FUNC PyInit__native() { return PyModule_Create(&module); }
