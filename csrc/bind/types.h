// The small Python types beside Tensor: dtype and Size.
#pragma once

#include <Python.h>

#include "core/dtype.h"
#include "core/shape.h"

namespace pullback::bind {

// Adds the types and the six dtype objects to the module.
int init_types(PyObject* module);

// A new reference to the one object of the dtype.
PyObject* wrap_dtype(DType dtype);
// True and the dtype for a dtype object or one of Python's bool, int and float.
bool unwrap_dtype(PyObject* object, DType& dtype);

// A new Size, a tuple that prints as torch.Size([2, 3]).
PyObject* wrap_sizes(Sizes sizes);

}  // namespace pullback::bind
