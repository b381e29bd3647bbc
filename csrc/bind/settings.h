// Settings of the process as Python sees them: see settings.cpp.
#pragma once

#include <Python.h>

namespace pullback::bind {

// get_num_threads, set_num_threads.
extern PyMethodDef settings_functions[];

}  // namespace pullback::bind
