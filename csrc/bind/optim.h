// What pullback.optim and nn.Module.zero_grad call: see optim.cpp.
#pragma once

#include <Python.h>

namespace pullback::bind {

// _sgd_step, _adam_step, _zero_grad.
extern PyMethodDef optim_functions[];

}  // namespace pullback::bind
