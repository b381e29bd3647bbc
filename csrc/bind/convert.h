// From Python objects to the values that operators take, and back.
#pragma once

#include <Python.h>

#include "ops/table.h"

namespace pullback::bind {

// A tensor or a number (also NumPy's); false for anything else, without a Python error.
bool to_operand(PyObject* object, Operand& operand);
bool to_number(PyObject* object, Scalar& number);
// An integer, not a bool; accepts everything with __index__.
bool to_int(PyObject* object, std::int64_t& value);
// A tuple or list of integers, or a Size.
bool to_ints(PyObject* object, Dims& ints);
// Fills in `value` if the object is what the parameter wants.
// The arguments of einsum with lists of labels.
bool to_sublists(PyObject* const* args, Py_ssize_t num_args, Value& value);
bool to_value(PyObject* object, ParamType type, Value& value);

PyObject* wrap_number(Scalar number);
// A tuple, or the named tuple of the entry's fields.
PyObject* wrap_tensors(std::vector<Tensor>&& tensors, PyTypeObject* named_tuple);

}  // namespace pullback::bind
