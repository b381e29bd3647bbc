// The Python callables of the operator table: pullback.sum, Tensor.sum, Tensor.add_, ...
#pragma once

#include <Python.h>

namespace pullback::bind {

// Puts a function into `module` (and its submodule dictionaries "_nn", "_linalg", "_special") and a
// method on the Tensor type for every entry of the table.
void init_operators(PyObject* module);

// The rows of the table for documentation, stubs and tests: a list of dictionaries.
PyObject* operator_table();

}  // namespace pullback::bind
