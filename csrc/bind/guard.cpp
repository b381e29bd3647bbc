// See guard.h.
#include "bind/guard.h"

namespace pullback::bind {
namespace {

PyObject* out_of_memory = nullptr;
PyObject* linalg_error = nullptr;

PyObject* python_type(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::Runtime:
      return PyExc_RuntimeError;
    case ErrorKind::Type:
      return PyExc_TypeError;
    case ErrorKind::Value:
      return PyExc_ValueError;
    case ErrorKind::Index:
      return PyExc_IndexError;
    case ErrorKind::NotImplemented:
      return PyExc_NotImplementedError;
    case ErrorKind::Memory:
      return out_of_memory;
    case ErrorKind::LinAlg:
      return linalg_error;
  }
  return PyExc_RuntimeError;
}

}  // namespace

int init_errors(PyObject* module) {
  PyObject* bases = PyTuple_Pack(2, PyExc_RuntimeError, PyExc_MemoryError);
  if (!bases) return -1;
  out_of_memory = PyErr_NewExceptionWithDoc(
      "pullback.OutOfMemoryError",
      "There is no memory for a tensor: a RuntimeError, as in PyTorch, and a MemoryError.", bases,
      nullptr);
  Py_DECREF(bases);
  linalg_error = PyErr_NewExceptionWithDoc(
      "pullback._core._LinAlgError",
      "A matrix for which there is no result: singular, not positive definite, not finite.",
      PyExc_RuntimeError, nullptr);
  if (PyModule_AddObjectRef(module, "_LinAlgError", linalg_error) < 0) return -1;
  return PyModule_AddObjectRef(module, "OutOfMemoryError", out_of_memory);
}

void set_python_error() noexcept {
  try {
    throw;
  } catch (const PythonError&) {
    if (!PyErr_Occurred()) PyErr_SetString(PyExc_SystemError, "pullback: error without message");
  } catch (const Error& error) {
    PyErr_SetString(python_type(error.kind()), error.what());
  } catch (const std::bad_alloc&) {
    PyErr_SetString(out_of_memory, "can't allocate memory.");
  } catch (const std::exception& error) {
    PyErr_SetString(PyExc_RuntimeError, error.what());
  } catch (...) {
    PyErr_SetString(PyExc_SystemError, "pullback: unknown C++ exception");
  }
}

}  // namespace pullback::bind
