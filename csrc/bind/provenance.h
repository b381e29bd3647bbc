// Where the user's code is: see core/provenance.h.
#pragma once

#include <Python.h>

namespace pullback::bind {

// Files below `package_directory` are not the user's code.
void init_provenance(PyObject* package_directory);

// A warning at the user's line; throws when the user wants an error instead.
void warn_user(PyObject* category, const char* message);

}  // namespace pullback::bind
