// What pullback.optim and nn.Module.zero_grad call: see optim.cpp.
#pragma once

#include <Python.h>

namespace pullback::bind {

// _optimizer_step, _optimizer_state, _optimizer_rules, _zero_grad.
extern PyMethodDef optim_functions[];

}  // namespace pullback::bind
