// _resample, of which nn.functional makes interpolate.
#include "bind/resample.h"

#include <string_view>

#include "bind/guard.h"
#include "bind/tensor_type.h"
#include "ops/nn/resample.h"

namespace pullback::bind {
namespace {

std::int64_t whole(PyObject* number) {
  const long long value = PyLong_AsLongLong(number);
  if (value == -1 && PyErr_Occurred()) throw_python();
  return value;
}

// _resample(input, dim, size, step, mode, dims, align_corners, antialias), with arguments that the
// caller has checked.
PyObject* resampled(PyObject*, PyObject* const* args, Py_ssize_t n) {
  return guarded([&]() -> PyObject* {
    check(ErrorKind::Type, n == 8 && is_tensor(args[0]),
          "_resample: expected a tensor and settings.");
    const double step = PyFloat_AsDouble(args[3]);
    if (step == -1 && PyErr_Occurred()) throw_python();
    const char* mode = PyUnicode_AsUTF8(args[4]);
    if (!mode) throw_python();
    const Resampling how{mode, static_cast<int>(whole(args[5])), args[6] == Py_True,
                         args[7] == Py_True};
    return wrap(
        resample(unwrap(args[0]), static_cast<int>(whole(args[1])), whole(args[2]), step, how));
  });
}

PyMethodDef functions[] = {
    {"_resample", reinterpret_cast<PyCFunction>(reinterpret_cast<void*>(&resampled)), METH_FASTCALL,
     "_resample(input, dim, size, step, mode, dims, align_corners, antialias)\n\nInterpolation "
     "along one dimension."},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace

int init_resample(PyObject* module) { return PyModule_AddFunctions(module, functions); }

}  // namespace pullback::bind
