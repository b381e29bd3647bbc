// Forward mode and batching as they are reached from Python.
#pragma once

#include <Python.h>

namespace pullback::bind {

// (f(*primals), its derivative along the tangents); a tangent may be None.  `primals` and
// `tangents` are tuples of the same length.
PyObject* jvp(PyObject* function, PyObject* primals, PyObject* tangents);

// f over the given dimensions of its arguments (None: the same for all); the results have the batch
// as dimension 0.
PyObject* vmap(PyObject* function, PyObject* in_dims, PyObject* tensors);

}  // namespace pullback::bind
