// tensor(data): from numbers, nested sequences, arrays and tensors.
#pragma once

#include <Python.h>

#include "core/tensor.h"

namespace pullback::bind {

int init_factories(PyObject* module);

// A copy of the data; the dtype is inferred when `dtype` is null.
Tensor tensor_from_data(PyObject* data, const DType* dtype);

// A copy without history, in the layout of the source.
Tensor copied(const Tensor& source, DType dtype);

// What every new tensor from Python gets: inference mode's mark, requires_grad (checked).
void mark_new(const Tensor& tensor, bool requires_grad);

}  // namespace pullback::bind
