// Settings of the process as Python sees them: the number of threads.
#include "bind/settings.h"

#include "bind/convert.h"
#include "bind/guard.h"
#include "kernels/parallel.h"

namespace pullback::bind {
namespace {

PyObject* get_num_threads(PyObject*, PyObject*) { return PyLong_FromLong(kernels::num_threads()); }

PyObject* set_num_threads(PyObject*, PyObject* count) {
  return guarded([&]() -> PyObject* {
    std::int64_t n;
    check(to_int(count, n), "set_num_threads expects an int, but got ", Py_TYPE(count)->tp_name);
    check(n >= 1, "set_num_threads expects a positive integer");
    check(n <= 4096, "set_num_threads: got ", n, ", expected at most 4096.");
    kernels::set_num_threads(static_cast<int>(n));
    Py_RETURN_NONE;
  });
}

}  // namespace

PyMethodDef settings_functions[] = {
    {"get_num_threads", get_num_threads, METH_NOARGS,
     "get_num_threads()\n\nHow many threads a kernel may use."},
    {"set_num_threads", set_num_threads, METH_O,
     "set_num_threads(int)\n\nSets how many threads a kernel may use; results do not depend on "
     "it."},
    {nullptr, nullptr, 0, nullptr},
};

}  // namespace pullback::bind
