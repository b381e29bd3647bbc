// NumPy, the buffer protocol and DLPack: memory shared with other libraries.
#pragma once

#include <Python.h>

#include "core/tensor.h"

namespace pullback::bind {

// A NumPy array or an object of a subclass; NumPy is not imported for the question.
bool is_ndarray(PyObject* object);

// One of NumPy's numbers.
bool is_numpy_number(PyObject* object);
// Of a dtype of NumPy; and that dtype, if ml_dtypes is installed, else it says that it is not.
bool is_numpy_bfloat16(PyObject* dtype);
PyObject* numpy_bfloat16();
// Says that there is no such dtype.
[[noreturn]] void refuse_numpy_type(PyObject* object);

// A tensor over the memory of an object with the buffer protocol (a NumPy array); keeps it alive.
Tensor tensor_from_array(PyObject* array);

// The same for a NumPy array.  One of another dtype is converted by NumPy if `dtype` is wanted.
Tensor tensor_from_numbers(PyObject* array, const DType* dtype);

// Throws for a tensor whose memory does not tell all: batched, or with a tangent of a transform.
void refuse_export(const Tensor& tensor);

// from_numpy, as_tensor, from_dlpack.
extern PyMethodDef interop_functions[];

// dlpack.cpp
PyObject* tensor_to_dlpack(PyObject* self, PyObject* args, PyObject* kwargs);
PyObject* dlpack_device(PyObject* self, PyObject*);
Tensor tensor_over_dlpack(PyObject* object);
PyObject* tensor_from_dlpack(PyObject* module, PyObject* args, PyObject* kwargs);

}  // namespace pullback::bind
