// What pullback.diagnose() watches while training steps run.
#pragma once

#include <Python.h>

namespace pullback::bind {

extern PyMethodDef step_observer_functions[];

}  // namespace pullback::bind
