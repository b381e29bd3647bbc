// Where the user's code is: see core/provenance.h.
#pragma once

#include <Python.h>

#include "core/tensor.h"

namespace pullback::bind {

// Files below `package_directory` are not the user's code, nor is the file `copy_module`.
void init_provenance(PyObject* package_directory, PyObject* copy_module);
// False while Python code of the package is what runs.
bool called_by_user();
// The user's code takes the value of a tensor out of its graph; see graph/origin.h.
void note_user_reading(const Tensor& tensor, Origin how);
// torch's warning, where a value that has a history becomes a Python number by itself.
void warn_of_reading(const Tensor& tensor);

// A warning at the user's line; throws when the user wants an error instead.
void warn_user(PyObject* category, const char* message);

}  // namespace pullback::bind
