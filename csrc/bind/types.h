// The small Python types beside Tensor: dtype, layout, memory_format and Size.
#pragma once

#include <Python.h>

#include "core/dtype.h"
#include "core/shape.h"

namespace pullback::bind {

// Adds the types and their constants to the module.
int init_types(PyObject* module);

// A new reference to the one object of the dtype.
PyObject* wrap_dtype(DType dtype);
// True and the dtype for a dtype object or one of Python's bool, int, float and complex.
bool unwrap_dtype(PyObject* object, DType& dtype);

// Is it a layout of any kind, the one that tensors have?
bool is_layout(PyObject* object);
bool is_strided(PyObject* object);
// True and the format for an object of that type; throws for those that are not supported.
bool unwrap_format(PyObject* object, MemoryFormat& format);

// A new Size, a tuple that prints as torch.Size([2, 3]).
PyObject* wrap_sizes(Sizes sizes);

}  // namespace pullback::bind
