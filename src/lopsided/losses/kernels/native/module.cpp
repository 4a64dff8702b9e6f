// The module lopsided.losses.kernels._native: addresses in, numbers out. It knows nothing of torch, so that one build
// serves every version of it, and asks for Python's stable interface only, so that one build serves every Python.
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "pass.h"

namespace {

using namespace lopsided;

// Reads positional arguments one after the other; the first failure sets Python's error.
class Arguments {
public:
    Arguments(PyObject* const* values, Py_ssize_t count) : values_(values), left_(count) {}

    int64_t integer() {
        PyObject* value = next();
        return value ? PyLong_AsLongLong(value) : 0;
    }

    double number() {
        PyObject* value = next();
        return value ? PyFloat_AsDouble(value) : 0.0;
    }

    template <class T>
    T* address() {
        return reinterpret_cast<T*>(static_cast<uintptr_t>(integer()));
    }

    template <class T>
    Operand<T> operand() {
        const T* values = address<const T>();
        return {values, integer()};
    }

    // A Python float and period 0 stand for one number, which is kept in `number`.
    Operand<float> setting(float& number) {
        if (left_ > 0 && PyFloat_Check(*values_)) {
            number = static_cast<float>(this->number());
            integer();
            return {&number, 1};
        }
        return operand<float>();
    }

    bool complete() const { return left_ == 0 && !PyErr_Occurred(); }

private:
    PyObject* next() {
        if (left_ <= 0) {
            PyErr_SetString(PyExc_TypeError, "too few arguments");
            return nullptr;
        }
        left_--;
        return *values_++;
    }

    PyObject* const* values_;
    Py_ssize_t left_;
};

constexpr char kLossDoc[] =
    "loss_and_slope(logits, logits_type, targets, targets_type, elements, mask, mask_period, weight, weight_period,\n"
    "gamma_pos, period, gamma_neg, period, margin, period, detach_focus, divisor, losses, slopes, total, gap_sums,\n"
    "threads, instructions)\n"
    "Tensors are addresses, 0 where not given. divisor 0 means the number of known elements. Gives the first known\n"
    "target outside [0, 1], or None.";

PyObject* loss_and_slope(PyObject*, PyObject* const* values, Py_ssize_t count) {
    Arguments arguments(values, count);
    float gamma_pos = 0, gamma_neg = 0, margin = 0;
    Call call{};
    call.logits = arguments.address<const void>();
    call.logits_type = static_cast<Type>(arguments.integer());
    call.targets = arguments.address<const void>();
    call.targets_type = static_cast<Type>(arguments.integer());
    call.elements = arguments.integer();
    call.mask = arguments.operand<uint8_t>();
    call.weight = arguments.operand<float>();
    call.gamma_pos = arguments.setting(gamma_pos);
    call.gamma_neg = arguments.setting(gamma_neg);
    call.margin = arguments.setting(margin);
    call.detach_focus = arguments.integer() != 0;
    double divisor = arguments.number();
    call.losses = arguments.address<float>();
    call.slopes = arguments.address<void>();
    float* total = arguments.address<float>();
    float* gap_sums = arguments.address<float>();
    const int threads = static_cast<int>(arguments.integer());
    const auto instructions = static_cast<Instructions>(arguments.integer());
    if (!arguments.complete()) {
        if (!PyErr_Occurred()) PyErr_SetString(PyExc_TypeError, "too many arguments");
        return nullptr;
    }
    call.gap = gap_sums != nullptr;

    Sums sums{};
    Py_BEGIN_ALLOW_THREADS
    if (divisor == 0.0) divisor = static_cast<double>(count_known(call));
    if (divisor < 1.0) divisor = 1.0;  // nothing known costs nothing
    call.scale = static_cast<float>(1.0 / divisor);
    sums = run(call, threads, instructions);
    if (total) *total = static_cast<float>(sums.loss / divisor);
    if (gap_sums) {
        gap_sums[0] = static_cast<float>(sums.right_pos);
        gap_sums[1] = static_cast<float>(sums.positives);
        gap_sums[2] = static_cast<float>(sums.right_neg);
        gap_sums[3] = static_cast<float>(sums.negatives);
    }
    Py_END_ALLOW_THREADS
    if (sums.refused) return PyFloat_FromDouble(static_cast<double>(sums.outside));
    Py_RETURN_NONE;
}

PyObject* best(PyObject*, PyObject*) { return PyLong_FromLong(static_cast<long>(best_instructions())); }

PyMethodDef methods[] = {
    {"loss_and_slope", reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(loss_and_slope)), METH_FASTCALL,
     kLossDoc},
    {"best_instructions", best, METH_NOARGS, "0 for plain C++, 1 for AVX2, 2 for AVX-512: the best that runs here."},
    {nullptr, nullptr, 0, nullptr},
};

PyModuleDef module = {
    PyModuleDef_HEAD_INIT, "_native", "The losses in one pass on the CPU.", 0, methods, nullptr, nullptr, nullptr,
    nullptr,
};

}  // namespace

PyMODINIT_FUNC PyInit__native() { return PyModule_Create(&module); }
