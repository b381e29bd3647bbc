// Memory budgets and the report of saved tensors as Python reaches them (pullback/memory.py).
#pragma once

#include <Python.h>

namespace pullback::bind {

extern PyMethodDef memory_functions[];

}  // namespace pullback::bind
