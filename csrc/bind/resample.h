// See resample.cpp.
#pragma once

#include <Python.h>

namespace pullback::bind {

int init_resample(PyObject* module);

}  // namespace pullback::bind
