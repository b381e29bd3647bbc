// Indexing: `x[key]` and `x[key] = value`.
#include "bind/guard.h"
#include "bind/tensor_type.h"

namespace pullback::bind {

PyObject* tensor_subscript(PyObject*, PyObject*) {
  PyErr_SetString(PyExc_NotImplementedError, "indexing");
  return nullptr;
}

int tensor_ass_subscript(PyObject*, PyObject*, PyObject*) {
  PyErr_SetString(PyExc_NotImplementedError, "indexing");
  return -1;
}

}  // namespace pullback::bind
