// autograd.Function.apply: one call of the user's forward, and what becomes of its results.
#pragma once

#include <Python.h>

namespace pullback::bind {

// A new context of a class that derives from _FunctionBase, without a node.
PyObject* new_context(PyTypeObject* type);

// (cls, *args, **kwargs)
PyObject* apply_function(PyObject*, PyObject* const* args, Py_ssize_t n, PyObject* kwnames);

}  // namespace pullback::bind
