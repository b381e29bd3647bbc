// NumPy, the buffer protocol and DLPack: memory shared with other libraries.
#pragma once

#include <Python.h>

#include "core/tensor.h"

namespace pullback::bind {

// A tensor over the memory of an object with the buffer protocol (a NumPy array); keeps it alive.
Tensor tensor_from_array(PyObject* array);

}  // namespace pullback::bind
