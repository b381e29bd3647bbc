// What an argument of a function in Python must be: see kinds.cpp.
#pragma once

#include <Python.h>

namespace pullback::bind {

extern PyMethodDef kind_functions[];

}  // namespace pullback::bind
