// The Python callables of the operator table: pullback.sum, Tensor.sum, Tensor.add_, ...
#pragma once

#include <Python.h>

namespace pullback::bind {

// For every entry of the table: a function in the submodule "_functions" of `module`, one in the
// module of "_spaces" that is named as the entry says, and a method on the Tensor type.
void init_operators(PyObject* module);

// The rows of the table for documentation, stubs and tests: a list of dictionaries.
PyObject* operator_table();

}  // namespace pullback::bind
