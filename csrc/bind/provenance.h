// Where the user's code is: see core/provenance.h.
#pragma once

#include <Python.h>

namespace pullback::bind {

// Files below `package_directory` are not the user's code.
void init_provenance(PyObject* package_directory);

}  // namespace pullback::bind
