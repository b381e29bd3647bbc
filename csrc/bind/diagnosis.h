// What pullback's diagnosis needs from the core: observers of a pass, results computed anew.
#pragma once

#include <Python.h>

namespace pullback::bind {

extern PyMethodDef diagnosis_functions[];

}  // namespace pullback::bind
