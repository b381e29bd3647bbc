// The extension module pullback._core.
#include <pybind11/pybind11.h>

#include "bind/crossing.h"
#include "bind/device.h"
#include "bind/diagnosis.h"
#include "bind/factories.h"
#include "bind/function.h"
#include "bind/generator.h"
#include "bind/graph_objects.h"
#include "bind/guard.h"
#include "bind/hooks.h"
#include "bind/interop.h"
#include "bind/kinds.h"
#include "bind/memory_report.h"
#include "bind/module_attributes.h"
#include "bind/numpy_fft.h"
#include "bind/operator.h"
#include "bind/optim.h"
#include "bind/profile.h"
#include "bind/provenance.h"
#include "bind/recurrent.h"
#include "bind/resample.h"
#include "bind/saved_tensors.h"
#include "bind/settings.h"
#include "bind/step_observer.h"
#include "bind/tensor_type.h"
#include "bind/transforms.h"
#include "bind/types.h"
#include "core/allocator.h"
#include "kernels/parallel.h"
#include "ops/operand.h"

namespace py = pybind11;

namespace pullback::bind {
namespace {

// Runs a function that returns a new reference, with our exceptions translated.
template <typename F>
py::object call(F&& body) {
  PyObject* result = guarded(body);
  if (!result) throw py::error_already_set();
  return py::reinterpret_steal<py::object>(result);
}

void check_init(int status) {
  if (status < 0) throw py::error_already_set();
}

void add_memory_functions(py::module_& m) {
  m.def("_memory_stats", [] {
    const memory::Stats s = memory::stats();
    py::dict stats;
    stats["allocated_bytes"] = s.allocated_bytes;
    stats["peak_bytes"] = s.peak_bytes;
    stats["cached_bytes"] = s.cached_bytes;
    stats["bound_bytes"] = s.bound_bytes;
    return stats;
  });
  m.def("_memory_reset_peak", [] { memory::reset_peak(); });
  m.def("_memory_empty_cache", [] { memory::empty_cache(); });
  m.def("_memory_set_bound", [](std::int64_t bytes) {
    call([&] {
      memory::set_bound(bytes);
      return Py_NewRef(Py_None);
    });
  });
  m.def("live_objects", [] {
    const memory::Stats s = memory::stats();
    py::dict counts;
    counts["tensors"] = s.tensors;
    counts["storages"] = s.storages;
    counts["nodes"] = s.nodes;
    return counts;
  });
}

}  // namespace
}  // namespace pullback::bind

PYBIND11_MODULE(_core, m) {
  using namespace pullback::bind;
  pullback::kernels::set_interpreter_lock(
      {[]() -> void* { return PyGILState_Check() ? PyEval_SaveThread() : nullptr; },
       [](void* state) { PyEval_RestoreThread(static_cast<PyThreadState*>(state)); }});
  init_crossing();
  init_numpy_fft();
  m.attr("__version__") = PULLBACK_VERSION;
  check_init(init_errors(m.ptr()));
  check_init(init_types(m.ptr()));
  check_init(init_device(m.ptr()));
  check_init(init_generator(m.ptr()));
  check_init(init_tensor_type(m.ptr()));
  check_init(init_graph(m.ptr()));
  check_init(init_function(m.ptr()));
  check_init(init_saved_tensors(m.ptr()));
  check_init(init_factories(m.ptr()));
  check_init(init_recurrent(m.ptr()));
  check_init(init_resample(m.ptr()));
  call([&] {
    init_operators(m.ptr());
    return Py_NewRef(Py_None);
  });
  for (PyMethodDef* functions :
       {tensor_functions, optim_functions, interop_functions, settings_functions,
        transform_functions, memory_functions, diagnosis_functions, step_observer_functions,
        profile_functions, kind_functions, hook_functions}) {
    check_init(PyModule_AddFunctions(m.ptr(), functions));
  }
  add_memory_functions(m);
  m.def("get_default_dtype",
        [] { return call([] { return wrap_dtype(pullback::default_dtype()); }); });
  m.def("set_default_dtype", [](py::object dtype) {
    call([&] {
      pullback::DType wanted;
      pullback::check(pullback::ErrorKind::Type, unwrap_dtype(dtype.ptr(), wanted),
                      "invalid dtype object: set_default_dtype(): argument 'd' (position 1) must "
                      "be torch.dtype, not ",
                      Py_TYPE(dtype.ptr())->tp_name, ". Expected float32 or float64.");
      pullback::set_default_dtype(wanted);
      return Py_NewRef(Py_None);
    });
  });
  m.def("operator_table", [] { return call(operator_table); });
  m.def("_give_module_attributes", [](py::type type, py::function getattr) {
    return call([&] { return give_module_attributes(type.ptr(), getattr.ptr()); });
  });
  m.def("_give_module_calls", [](py::type type, py::function function, py::tuple hooks) {
    return call([&] { return give_module_calls(type.ptr(), function.ptr(), hooks.ptr()); });
  });
  m.def(
      "_warn",
      [](const std::string& message, py::object category) {
        call([&] {
          warn_user(category.ptr(), message.c_str());
          return Py_NewRef(Py_None);
        });
      },
      py::arg("message"), py::arg("category") = py::handle(PyExc_UserWarning));
  m.def("_init_provenance", [](py::str directory, py::str copy_module) {
    call([&] {
      init_provenance(directory.ptr(), copy_module.ptr());
      return Py_NewRef(Py_None);
    });
  });
}
