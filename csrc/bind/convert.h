// From Python objects to the values that operators take, and back.
#pragma once

#include <Python.h>

#include <string>

#include "ops/table.h"

namespace pullback::bind {

// How an object suits a parameter.  Broken: it is of the right kind, so no other overload is tried,
// but an element of it cannot be read.  Asks: it fits, and its class may have a say.
enum class Fit : std::uint8_t { No, Yes, Broken, Asks };

// A tensor or a number (also NumPy's), as Python's operators take them; false for anything else.
// Arrays are none: NumPy answers, through Tensor.__array_ufunc__.  An int beyond int64 throws.
bool to_operand(PyObject* object, Operand& operand);
bool to_number(PyObject* object, Scalar& number);
// An int (not a bool), one of NumPy, or an integer tensor without dimensions.
bool to_int(PyObject* object, std::int64_t& value);
// Everything with __index__: the above, tensors with one element, arrays, objects of the user.
bool to_index(PyObject* object, std::int64_t& value);
// Integers in a row.
Fit to_ints(PyObject* const* items, Py_ssize_t count, Dims& ints);
// The arguments of einsum with lists of labels.
bool to_sublists(PyObject* const* args, Py_ssize_t num_args, Value& value);
// Of a tensor: Yes or Asks.
Fit fit_of_tensor(PyObject* object);
// Fills in `value` if the object is what the parameter wants.
Fit to_value(PyObject* object, ParamType type, Value& value);
// Text, or bytes, which torch takes as well.
bool to_text(PyObject* object, std::string_view& text);
// Which element of a sequence of integers cannot be read, and why.
std::string describe_broken(PyObject* const* items, Py_ssize_t count);
// The name of an object's type as torch prints it.
std::string type_name(PyObject* object);

PyObject* wrap_number(Scalar number);
// A tuple, or the named tuple of the entry's fields.
PyObject* wrap_tensors(std::vector<Tensor>&& tensors, PyTypeObject* named_tuple);

}  // namespace pullback::bind
