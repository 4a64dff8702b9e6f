// The module lopsided.models._native: products and steps of sparse layers, from addresses.
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <atomic>
#include <cstdlib>

#include "parallel.h"
#include "rows.h"

namespace {

using namespace lopsided;

constexpr int64_t kSamples = 8, kRows = 64;  // that a thread takes at a time

RunProduct product_for(int64_t instructions) {
#ifdef LOPSIDED_X86_VARIANTS
    if (instructions == 2) return product_avx512;
    if (instructions == 1) return product_avx2;
#endif
    (void)instructions;
    return product_plain;
}

RunStep step_for(int64_t instructions) {
#ifdef LOPSIDED_X86_VARIANTS
    if (instructions == 2) return step_avx512;
    if (instructions == 1) return step_avx2;
#endif
    (void)instructions;
    return step_plain;
}

struct ProductJob {
    Product product;
    RunProduct run;
    int64_t count;
};

struct StepJob {
    Step step;
    RunStep run;
    int64_t count;
    std::atomic<bool> exhausted{false};  // memory
};

void some_samples(void* context, int64_t index) {
    const ProductJob& job = *static_cast<const ProductJob*>(context);
    const int64_t begin = index * kSamples, end = begin + kSamples;
    job.run(job.product, begin, end < job.count ? end : job.count);
}

void some_rows(void* context, int64_t index) {
    StepJob& job = *static_cast<StepJob*>(context);
    const int64_t begin = index * kRows, end = begin + kRows;
    auto* gradient = static_cast<float*>(
        std::malloc(static_cast<std::size_t>(job.step.parts * job.step.width) * sizeof(float)));
    if (!gradient) {
        job.exhausted = true;
        return;
    }
    job.run(job.step, begin, end < job.count ? end : job.count, gradient);
    std::free(gradient);
}

template <class T>
T* address(PyObject* value) {
    return reinterpret_cast<T*>(static_cast<uintptr_t>(PyLong_AsLongLong(value)));
}

bool has(Py_ssize_t count, Py_ssize_t wanted) {
    if (count != wanted) PyErr_Format(PyExc_TypeError, "expected %zd arguments, got %zd", wanted, count);
    return count == wanted;
}

constexpr char kProductDoc[] =
    "product(bounds, columns, values, weight, width, outputs, samples, threads, instructions)\n"
    "Tensors are addresses. Fills outputs with inputs @ weight, of inputs in the layout CSR.";

PyObject* product(PyObject*, PyObject* const* given, Py_ssize_t count) {
    if (!has(count, 9)) return nullptr;
    ProductJob job{{address<const int64_t>(given[0]), address<const int64_t>(given[1]), address<const float>(given[2]),
                    address<const float>(given[3]), PyLong_AsLongLong(given[4]), address<float>(given[5])},
                   nullptr,
                   PyLong_AsLongLong(given[6])};
    const auto threads = static_cast<int>(PyLong_AsLongLong(given[7]));
    job.run = product_for(PyLong_AsLongLong(given[8]));
    if (PyErr_Occurred()) return nullptr;
    Py_BEGIN_ALLOW_THREADS
    parallel((job.count + kSamples - 1) / kSamples, threads, some_samples, &job);
    Py_END_ALLOW_THREADS
    Py_RETURN_NONE;
}

constexpr char kStepDoc[] =
    "step(rows, bounds, samples, values, slopes, weight, sums, parts, width, rate, decay, least, count, threads,\n"
    "instructions)\nTensors are addresses. Changes weight and sums, in the rows that are named, each once.";

PyObject* step(PyObject*, PyObject* const* given, Py_ssize_t count) {
    if (!has(count, 15)) return nullptr;
    StepJob job{{address<const int64_t>(given[0]), address<const int64_t>(given[1]), address<const int64_t>(given[2]),
                 address<const float>(given[3]), address<const float>(given[4]), address<float>(given[5]),
                 address<float>(given[6]), PyLong_AsLongLong(given[7]), PyLong_AsLongLong(given[8]),
                 static_cast<float>(PyFloat_AsDouble(given[9])), static_cast<float>(PyFloat_AsDouble(given[10])),
                 static_cast<float>(PyFloat_AsDouble(given[11]))},
                nullptr,
                PyLong_AsLongLong(given[12])};
    const auto threads = static_cast<int>(PyLong_AsLongLong(given[13]));
    job.run = step_for(PyLong_AsLongLong(given[14]));
    if (PyErr_Occurred()) return nullptr;
    Py_BEGIN_ALLOW_THREADS
    parallel((job.count + kRows - 1) / kRows, threads, some_rows, &job);
    Py_END_ALLOW_THREADS
    if (job.exhausted) return PyErr_NoMemory();
    Py_RETURN_NONE;
}

PyMethodDef methods[] = {
    {"product", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(product)), METH_FASTCALL, kProductDoc},
    {"step", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(step)), METH_FASTCALL, kStepDoc},
    {nullptr, nullptr, 0, nullptr},
};

PyModuleDef module = {
    PyModuleDef_HEAD_INIT, "_native", "Sparse layers on the CPU.", 0, methods, nullptr, nullptr, nullptr, nullptr,
};

}  // namespace

PyMODINIT_FUNC PyInit__native() { return PyModule_Create(&module); }
