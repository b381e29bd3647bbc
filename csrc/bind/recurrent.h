// See recurrent.cpp.
#pragma once

#include <Python.h>

namespace pullback::bind {

int init_recurrent(PyObject* module);

}  // namespace pullback::bind
